"""The column ``raw``: one original report of a row as JSON, cleaned of what must not be stored."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from workers import text, urls

_MAX_DEPTH: Final = 16
_MAX_MEMBERS: Final = 256
_MAX_NAME: Final = 128
_MAX_STRING: Final = 16_384
_PRIVATE: Final = frozenset({"request-headers", "app-vendor-id"})
"""Members that are left out: request headers hold cookies (Firefox 5), the vendor id names a device."""

_URL_MEMBER: Final = re.compile(r"ur[il]$|referrer$|source[-_]?file$", re.IGNORECASE)
_OPAQUE: Final = re.compile(r"\s*(?:data|blob|filesystem|javascript|[a-z-]{1,32}-extension):", re.IGNORECASE)
_EMBEDDED: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,31}://[^\s\"'<>]*")
_USER_INFO: Final = re.compile(r"//[^/@]*@")
_SECRET_PART: Final = re.compile(r"[?#@]")

_encoder = msgspec.json.Encoder()


def render(item: dict[str, Any]) -> str:
    """Return the item as JSON: no control characters, no secrets in URLs, size and depth bounded."""
    return _encoder.encode(_clean(item, "", 0)).decode()


def _clean(value: object, member: str, depth: int) -> object:
    if isinstance(value, str):
        return _clean_text(text.without_controls(value[:_MAX_STRING]), member)
    if not isinstance(value, (dict, list)):
        return value
    if depth == _MAX_DEPTH:
        return "…"
    if isinstance(value, list):
        return [_clean(element, member, depth + 1) for element in value[:_MAX_MEMBERS]]
    return {
        text.without_controls(name[:_MAX_NAME]): _clean(value[name], name, depth + 1)
        for name in list(value)[:_MAX_MEMBERS]
        if name not in _PRIVATE
    }


def _clean_text(value: str, member: str) -> str:
    if _URL_MEMBER.search(member) or _OPAQUE.match(value):
        return _redact(value)
    if "://" in value:
        return _EMBEDDED.sub(_redact_embedded, value)
    return value


def _redact_embedded(match: re.Match[str]) -> str:
    return _redact(match[0]) if _SECRET_PART.search(match[0]) else match[0]


def _redact(value: str) -> str:
    """Return a URL without its secrets, even one that no parser understands."""
    return urls.clean(value).text or _USER_INFO.sub("//", _SECRET_PART.split(value, maxsplit=1)[0])
