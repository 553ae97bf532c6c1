"""Sinks of Trusted Types: what a sample names before the value that a page's script put there.

The specification has ``Element innerHTML|<b>``. Chrome 83 wrote ``Element innerHTML <b>``, and drafts had
``Element.innerHTML <b>`` (Trusted Types §4.1.4, "does sink type mismatch violation require blocking").
"""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = "[A-Za-z][A-Za-z0-9]{0,39}"
_INTERFACE: Final = (
    "[A-Za-z]{0,32}(?:Element|Document|Window|Parser|Range|Worker|Container|Root|Location|Scope|AnimatedString"
    "|Node|Processor)"
)
_SINK: Final = re.compile(
    rf"({_NAME})(?:[ .]({_NAME}))?\|"
    rf"|({_INTERFACE})[ .]({_NAME})"
    r"|(eval|(?:Async)?(?:Generator)?Function|setTimeout|setInterval|importScripts"
    r"|Trusted(?:HTML|ScriptURL|Script))(?![A-Za-z0-9])",
    re.ASCII,
)
_POLICY: Final = re.compile(r"[A-Za-z0-9#=_/@.%-]{1,64}(?=\||\Z)", re.ASCII)
"""The name of a policy, which is the whole sample where a policy was blocked (``tt-policy-name``)."""


def sink_of(sample: str) -> str:
    """Return the sink in one spelling, ``Element innerHTML`` or ``eval``; "" if the sample names none."""
    found = _SINK.match(sample)
    return " ".join(filter(None, found.groups())) if found else ""


def policy_of(sample: str) -> str:
    """Return the name of the policy that a page's script created; "" if the sample is no such name."""
    found = _POLICY.match(sample)
    return found[0] if found else ""
