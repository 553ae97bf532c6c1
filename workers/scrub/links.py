"""URLs within text: without user info, query and fragment, and without the id of an extension's installation.

Everything that is cut ends at a blank, a quote or a bracket, which stays: cutting twice is cutting once.
"""

from __future__ import annotations

import re
from typing import Final

_END: Final = r"\s\"'<>`"
"""What ends a URL in text or in code."""

_URL: Final = re.compile(rf"(://[^{_END}?#]*+)(?:[?#][^{_END}]*+)?+")
"""With a query or without: a URL that was looked at need not be looked at again from within."""
_USER_INFO: Final = re.compile(rf"://(?:[^{_END}/?#@\\]*+@)+")
_INSTALLATION: Final = re.compile(rf"([a-z]-extension://)[^{_END}/:?#]++", re.IGNORECASE)
_RELATIVE: Final = re.compile(
    rf"(?:\A|(?<=[{_END}(]))(\.{{0,2}}/[^{_END}(?#]*+)[?#](?=[^{_END}=]{{0,256}}+=)[^{_END}]*+"
)
"""Within text its query has a name and a value, which little code with a ? has."""
_WHOLE: Final = re.compile(
    rf"(\.{{0,2}}/[^{_END}?#]*+)[?#][^{_END}]*+"
    rf"|([^{_END}:?#]*+)\?[\w.~%-]++=[\w.~%&=+/-]*+"
)
"""A text that is nothing but a relative URL with a query."""
_IN_POLICY: Final = re.compile(r"[?#][^\s;,]*+")


def cut(text: str) -> str:
    """Return the text with its URLs cut."""
    if "://" in text:
        text = _USER_INFO.sub("://", _URL.sub(r"\1", text))
        text = _INSTALLATION.sub(r"\1", text)
    if "?" in text or "#" in text:
        if whole := _WHOLE.fullmatch(text):
            return whole[1] or whole[2]
        text = _RELATIVE.sub(r"\1", text)
    return text


def cut_policy(text: str) -> str:
    """Return a policy with its URLs cut, relative ones too: nothing else in a policy holds a ? or #."""
    return _USER_INFO.sub("://", _IN_POLICY.sub("", text))
