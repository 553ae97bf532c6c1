"""The column ``raw``: one original report of a row as JSON, without what must not be stored.

The rules work on the text that our own encoder wrote, where quotes and backslashes are escaped in exactly one
way. That is several times faster than walking the values, and no rule splits an escape or ends a string.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_CHARACTERS: Final = r"[^\"\\]*+(?:\\.[^\"\\]*+)*+"  # of a JSON string, to its end
_URL_CHARACTERS: Final = r"[^\s\"'<>\\]*+(?:\\.[^\s\"'<>\\]*+)*+"

_CONTROL: Final = re.compile(r"(\\\\)|\\u00[0-9a-f]{2}|\\[bf]|[\x7f-\x9f]")
_QUERY: Final = re.compile(rf"(://[^\s\"'<>\\?#]*+(?:\\.[^\s\"'<>\\?#]*+)*+)(?:[?#]{_URL_CHARACTERS})?")
_USER_INFO: Final = re.compile(r"://[^\s\"'<>\\/?#@]*+@")
_OPAQUE: Final = re.compile(rf"\"(data|blob|filesystem|javascript|[a-z-]{{1,32}}-extension):{_CHARACTERS}\"")
_RELATIVE: Final = re.compile(
    r"((?:ur[il]|UR[IL]|Ur[il]|referrer|source[-_]?[fF]ile)"
    rf"\":\"[^\"\\?#]*+(?:\\.[^\"\\?#]*+)*+)[?#]{_CHARACTERS}\""
)
_PRIVATE: Final = re.compile(rf"\"(request-headers|app-vendor-id)\":\"{_CHARACTERS}\"")
"""Request headers hold cookies (Firefox 5); the vendor id names one person's device (TrustKit)."""

_PRIVATE_HINTS: Final = ("request-headers", "app-vendor-id")

_encoder = msgspec.json.Encoder()


def encode(item: object) -> str:
    """Return the item as JSON, in the one spelling that the rules of ``clean`` rely on."""
    try:
        return _encoder.encode(item).decode()
    except RecursionError:
        return "{}"  # nested far deeper than any report: nothing of it is worth a second attempt


def clean(text: str) -> str:
    """Return an encoded item without control characters and without the secret parts of URLs.

    From every URL the user info, the query and the fragment are cut; URLs that are content or name an
    installation (``data:``, an extension's) become their scheme. Private members are emptied.
    """
    if "\\" in text or not text.isprintable():
        text = _CONTROL.sub(r"\1", text)
    text = _OPAQUE.sub(r'"\1"', text)
    if "?" in text or "#" in text:
        text = _QUERY.sub(r"\1", text)
    if "?" in text or "#" in text:
        text = _RELATIVE.sub(r'\1"', text)
    if "@" in text:
        text = _USER_INFO.sub("://", text)
    if any(hint in text for hint in _PRIVATE_HINTS):
        text = _PRIVATE.sub(r'"\1":""', text)
    return text
