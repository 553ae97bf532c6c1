"""Explains a failed installation to a person, in a sentence or two instead of a traceback."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

GOES_ON: Final = "`make setup` goes on where this stopped."

_TELLING: Final = re.compile(
    r"ERROR|Error|error:|Could not fetch|Retrying|Exception|[Ii]ncomplete|BadZipFile"
)
"""The lines of pip's log that can tell a cause; the others name every file that pip considered."""


class _Cause(NamedTuple):
    words: str
    """A pattern of the words of pip, of Python or of the system."""
    sentence: str


_CAUSES: Final = (
    _Cause(
        r"No space left on device|Errno 28|Disk quota exceeded|Errno 122",
        f"The disk is full: .venv takes up to 1 GB, and 0.3 GB more while it is made. {GOES_ON}",
    ),
    _Cause(
        r"Read-only file system|Permission denied|Errno 13|Errno 30",
        "A file in .venv, or in pip's cache, cannot be written: is it another user's? Remove .venv, then "
        "`make setup`.",
    ),
    _Cause(
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed",
        "The certificate of the package index is not trusted here: set PIP_CERT to a file with the authority "
        f"that signed it, your proxy's for example. {GOES_ON}",
    ),
    _Cause(
        r"\b407\b|Proxy Authentication Required|ProxyError|Cannot connect to proxy",
        f"The proxy lets nothing through to the package index: check HTTPS_PROXY, or PIP_PROXY. {GOES_ON}",
    ),
    _Cause(
        r"\b(?:401|403|451) Client Error|(?:HTTP error|status(?: code)?:?) (?:401|403|451)\b",
        f"The package index refuses: check PIP_INDEX_URL and its password, or ask who runs it. {GOES_ON}",
    ),
    _Cause(
        r"\b429 Client Error|\b5\d\d Server Error|too many 5\d\d error responses",
        f"The package index has trouble of its own: try again later. {GOES_ON}",
    ),
    _Cause(
        r"Name or service not known|Temporary failure in name resolution|nodename nor servname"
        r"|NameResolutionError|Network is unreachable|No route to host|Connection refused|Failed to resolve",
        f"The package index cannot be reached: is there a network? {GOES_ON} "
        "docs/operate/install.md tells how to install without one.",
    ),
    _Cause(
        r"timed out|TimeoutError",
        "The package index answers too slowly: `make setup PIP_DEFAULT_TIMEOUT=120` waits longer. It goes on "
        "where this stopped.",
    ),
    _Cause(
        r"IncompleteRead|Connection broken|Connection reset|Connection aborted|RemoteDisconnected"
        r"|ProtocolError|[Ii]ncomplete.?[Dd]ownload|EOF occurred",
        f"The download broke off. {GOES_ON}",
    ),
    _Cause(
        r"BadZipFile|has an invalid wheel|Wheel .* is invalid|(?i:do not match the hashes)",
        "A package arrived damaged, or only in part: `make setup` fetches it again; if that does not help, "
        "`.venv/bin/python -m pip cache purge` first.",
    ),
)
_MISSING: Final = re.compile(r"No matching distribution found for ([^\s;(]+)")
_STAMP: Final = re.compile(r"^\d{4}-\S+\s+")


def explain(log: str, machine: str, *, offline: bool) -> str:
    """Return the cause of a failed run of pip, and the remedy.

    Args:
        log: What pip wrote, with its debug lines.
        machine: The Python and the machine, for example ``CPython 3.15 on Linux x86_64``.
        offline: pip was told to use a directory of wheels only.
    """
    telling = "\n".join(line for line in log.splitlines() if _TELLING.search(line))
    missing = _MISSING.search(telling)
    if missing and offline:
        return f"There is no wheel of {missing[1]} for {machine} where PIP_FIND_LINKS points to."
    known = cause(telling)
    if known:
        return known
    if missing:
        return (
            f"There is no wheel of {missing[1]} for {machine}: docs/operate/install.md says for which "
            "machines there are wheels; `make PYTHON=python3.13 …` takes another Python."
        )
    return f"pip failed; .venv/pip.log has its words. {_last_error(telling)}".rstrip()


def cause(words: str) -> str:
    """Return the sentence about the cause; empty when none of the known causes fits."""
    return next((each.sentence for each in _CAUSES if re.search(each.words, words)), "")


def _last_error(telling: str) -> str:
    errors = [_STAMP.sub("", line) for line in telling.splitlines() if re.search(r"ERROR|\wError: ", line)]
    return errors[-1].strip() if errors else ""
