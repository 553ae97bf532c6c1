"""The column ``raw``: one original report of a row as JSON, without what must not be stored.

The rules work on the text that our own encoder wrote, where quotes and backslashes are escaped in exactly one
way. That is several times faster than walking the values, and no rule splits an escape or ends a string.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from workers import memo, scrub, values

if TYPE_CHECKING:
    from workers import report

_CHARACTERS: Final = r"[^\"\\]*+(?:\\.[^\"\\]*+)*+"  # of a JSON string, to its end

_CONTROL: Final = re.compile(r"(\\\\)|\\u00[0-9a-f]{2}|\\[bf]|[\x7f-\x9f]")
_URL_MEMBER: Final = re.compile(
    r"(\":\"(?<=(?:.ur[il]|.UR[IL]|.Ur[il]|rrer|file|File)\":\")"
    rf"[^\"\\?#]*+(?:\\.[^\"\\?#]*+)*+)[?#]{_CHARACTERS}\""
)
_URL_IN_TEXT: Final = re.compile(
    r"://[^\s\"'<>\\?#]*+(?:\\.[^\s\"'<>\\?#]*+)*+"
    r"([?#][^\s\"'<>\\]*+(?:\\.[^\s\"'<>\\]*+)*+)?"
)
_USER_INFO: Final = re.compile(r"://[^\s\"\\/?#@]*+@")
_SCHEMES: Final = r"data|blob|filesystem|javascript|[a-z-]{1,32}-extension"
_OPAQUE: Final = re.compile(rf"\"({_SCHEMES}):{_CHARACTERS}\"")
_PRIVATE: Final = re.compile(rf"\"(request-headers|app-vendor-id)\":\"{_CHARACTERS}\"")
"""Request headers hold cookies (Firefox 5); the vendor id names one person's device (TrustKit)."""

_NAME: Final = r"(?!request-headers|app-vendor-id)[A-Za-z0-9_-]{1,64}"
_PLAIN_TEXT: Final = rf"\"(?!(?:{_SCHEMES}):)[ !$->A-\[\]-~]*+"  # neither of ? # @ and the backslash
_PLAIN: Final = re.compile(rf"\"{_NAME}\":(?:{_PLAIN_TEXT}\"|[0-9]{{1,15}})")
_PLAIN_URL: Final = re.compile(
    rf"(\"{_NAME}\":(?<=(?:.ur[il]|.UR[IL]|.Ur[il]|rrer|file|File)\":){_PLAIN_TEXT})[?#][ !#-\[\]-~]*+\""
)
"""A URL with a query or fragment, and nothing else in it for the rules."""

_encoder: Final = msgspec.json.Encoder()


def render(item: report.Item, _scrubbing: scrub.Rules = scrub.DEFAULT) -> str:
    """Return the cleaned JSON of an item.

    No rule reaches from one member into another, so members are cleaned one by one, and remembered.
    """
    members = _members(item.envelope, item.wrapper)
    if item.wrapper:
        position = list(item.envelope).index(item.wrapper)
        members.insert(position, f'"{item.wrapper}":{{{",".join(_members(item.body))}}}')
    return f"{{{','.join(members)}}}"


def _members(members: report.Members, wrapper: str = "") -> list[str]:
    return [
        _short(sent, name) if len(sent) <= memo.SHORT else _long(sent, name)
        for name, sent in members.items()
        if name != wrapper or not wrapper
    ]


def _member(sent: bytes, name: str) -> str:
    text = f'"{name}":{sent.decode()}'
    if _PLAIN.fullmatch(text):
        return text
    if url := _PLAIN_URL.fullmatch(text):
        return f'{url[1]}"'
    return clean(encode({name: values.load(sent)})[1:-1])


_short, _long = memo.tiers(_member)


def encode(item: dict[str, Any]) -> str:
    """Return an object as JSON, in the one spelling that the rules of ``clean`` rely on."""
    try:
        return _encoder.encode(item).decode()
    except RecursionError:
        return "{}"  # nested far deeper than any report: nothing of it is worth a second attempt


def clean(text: str) -> str:
    """Return encoded members without control characters and without the secret parts of URLs.

    From every URL the user info, the query and the fragment are cut; URLs that are content or name an
    installation (``data:``, an extension's) become their scheme. Private members are emptied.
    """
    if "\\" in text or not text.isprintable():
        text = _CONTROL.sub(r"\1", text)
    text = _OPAQUE.sub(r'"\1"', text)
    if "?" in text or "#" in text:
        text = _without_queries(_URL_MEMBER.sub(r'\1"', text))
    if "@" in text:
        text = _USER_INFO.sub("://", text)
    if "request-headers" in text or "app-vendor-id" in text:
        text = _PRIVATE.sub(r'"\1":""', text)
    return text


def _without_queries(text: str) -> str:
    """Cut query and fragment off each URL; a substitution, which rebuilds each URL, is three times slower."""
    kept, end = [], 0
    for url in _URL_IN_TEXT.finditer(text):
        if url[1]:
            kept.append(text[end : url.start(1)])
            end = url.end()
    kept.append(text[end:])
    return "".join(kept)
