"""Sinks of Trusted Types: what a sample names before the value that a page's script put there.

The specification, Chromium 156 and Firefox 153 have ``Element innerHTML|<b>``. Chrome 83 wrote
``Element innerHTML <b>``, and drafts had ``Element.innerHTML <b>``.
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


def sink_of(sample: str) -> str:
    """Return the sink in one spelling, ``Element innerHTML`` or ``eval``; "" if the sample names none."""
    found = _SINK.match(sample)
    return " ".join(filter(None, found.groups())) if found else ""
