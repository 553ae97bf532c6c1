"""The one definition of "is this JSON?": the edge answers 400 by it, and the workers decode by it.

The fast path is msgspec. A body that msgspec refuses is mended and tried again, because real Chrome sends
lone surrogate escapes (a sample cut in the middle of an emoji) and old senders send a byte-order mark or
UTF-16. The time grows in proportion to the body: a megabyte takes a few milliseconds, twenty if it is all
surrogates, and forty if it is all brackets, nested nearly as deep as they may be.
"""

from __future__ import annotations

import codecs
import itertools
import json
import re
import sys
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl

import msgspec

MAX_DEPTH: Final = 512
"""Levels of objects and arrays. Reports have four, and every interpreter reads as many levels as this."""
MAX_DIGITS: Final = 4300
"""Digits of a whole number. Decoders ask the interpreter for this limit, whose default may be changed."""
sys.set_int_max_str_digits(MAX_DIGITS)

_fast = msgspec.json.Decoder()
_syntax = msgspec.json.Decoder(msgspec.Raw)
_array = msgspec.json.Decoder(list[msgspec.Raw])
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # stands before UTF-16-LE, whose mark is its prefix
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_LONE_SURROGATE: Final = re.compile(
    rb"""\\u[dD](?:
        [89abAB][0-9a-fA-F][0-9a-fA-F] (?! \\u[dD][c-fC-F] )  # a high one that no low one follows
      | (?<! \\u[dD][89abAB]..\\u[dD] ) [c-fC-F][0-9a-fA-F][0-9a-fA-F]  # a low one that follows no high one
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED_BACKSLASH: Final = b"\0\0"
"""This stands for an escaped backslash while surrogates are looked for: each backslash that is left then
begins an escape."""
_MAX_PLAIN: Final = 65_536
"""Most bytes of a body that is also tried with the standard library, which takes numbers beyond a float's
range, and is slow."""
_FORM_KEYS: Final = frozenset(
    {"document-url", "document-uri", "violated-directive", "blocked-uri", "blocked-url"}
)
_MAX_FORM: Final = 65_536
_NESTED: Final = "nested too deeply"
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS: Final = bytes(set(range(256)).difference(b"[]{}"))
_NO_OPENING: Final = bytes(set(range(256)).difference(b"[{"))
_ROOM: Final = 64
"""Levels that must be left below the bound for brackets to be counted; else they are followed one by one."""
_PIECE: Final = 4096


class NotJSONError(ValueError):
    """The body is no JSON document, not even for a lenient parser; the message says why in a few words."""


def loads(body: bytes) -> Any:  # noqa: ANN401 - a JSON document has any shape
    """Decode a body into Python objects, as strictly as JSON and as leniently as real senders need.

    Lone surrogates become U+FFFD, a byte-order mark and UTF-16/32 are understood, and the form encoding of
    2011 becomes an object. NaN, Infinity, trailing bytes and invalid UTF-8 are refused.

    Raises:
        NotJSONError: the body is none of these, or nested deeper than ``MAX_DEPTH``.
    """
    require_shallow(body)
    try:
        return _fast.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _loads_mended(mended(body))


def require_container(body: bytes) -> None:
    """Refuse a body in which no report can be; the values of its members are not looked at.

    Raises:
        NotJSONError: the body is no JSON object and no JSON array, or nested deeper than ``MAX_DEPTH``.
    """
    require_shallow(body)
    try:
        _syntax.decode(body)
        if not body.isascii():
            body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = mended(body)
        _require_syntax(body)
        if _form(body) is not None:
            return
    if body.lstrip()[:1] not in {b"{", b"["}:
        raise NotJSONError("neither an object nor an array")


def require_shallow(body: bytes, most: int = MAX_DEPTH) -> None:
    """Refuse a body in which more objects and arrays than ``most`` lie within one another.

    The depth that a decoder reads would else depend on the interpreter: 1000 levels less its stack in Python
    3.11, and as many as the stack of the process has room for in 3.14.

    Raises:
        NotJSONError: more do, or the body has many brackets and is no text.
    """
    if len(body) <= most or len(body.translate(None, _NO_OPENING)) <= most:
        return
    steps, at, depth = _brackets(_as_utf8(body)).translate(_STEPS), 0, 0
    while at < len(steps):
        room = most - depth
        piece = steps[at : at + (room if room >= _ROOM else _PIECE)]
        if room >= _ROOM:  # counting brackets is ten times faster than following them
            depth += 2 * piece.count(1) - len(piece)
        else:
            *_, depth = depths = list(itertools.accumulate(memoryview(piece).cast("b"), initial=depth))
            if max(depths) > most:
                raise NotJSONError(_NESTED)
        at += len(piece)


def _brackets(text: bytes) -> bytes:
    """Return the brackets that stand in no text of the JSON."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(text.split(b'"')[::2]).translate(None, _NO_BRACKETS)


def count_items(body: bytes) -> int:
    """Return how many items the array in a body has; 1 when it is no array. The body holds JSON."""
    if body.lstrip()[:1] == b"{":
        return 1
    try:
        require_shallow(body)
        return len(_array.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, NotJSONError):
        return _count_leniently(body)


def _count_leniently(body: bytes) -> int:
    try:
        found = loads(body)
    except NotJSONError:
        return 1
    return len(found) if isinstance(found, list) else 1


def mended(body: bytes) -> bytes:
    """Return the body as UTF-8 without a byte-order mark and without lone surrogate escapes.

    Raises:
        NotJSONError: it is no text.
    """
    text = _as_utf8(body)
    return _without_lone_surrogates(text) if b"\\u" in text else text


def _without_lone_surrogates(text: bytes) -> bytes:
    """Replace each surrogate escape that has no partner."""
    if b"\0" in text or not _SURROGATE.search(text):
        return text  # JSON holds no NUL, which marks escaped backslashes below
    marked = text.replace(b"\\\\", _ESCAPED_BACKSLASH)
    return _LONE_SURROGATE.sub(rb"\\ufffd", marked).replace(_ESCAPED_BACKSLASH, b"\\\\")


def _as_utf8(body: bytes) -> bytes:
    encoding = "utf-8"
    for mark, name in _BOMS:
        if body.startswith(mark):
            body, encoding = body[len(mark) :], name
            break
    else:
        if body[:1] == b"\0" and body[1:2] in {b"{", b"["}:
            encoding = "utf-16-be"
        elif body[1:2] == b"\0" and body[:1] in {b"{", b"["}:
            encoding = "utf-16-le"
    try:
        return body.decode(encoding).encode()
    except UnicodeDecodeError as error:
        raise NotJSONError(f"not valid {encoding.upper()}") from error


def _loads_mended(text: bytes) -> Any:  # noqa: ANN401 - a JSON document has any shape
    try:
        return _fast.decode(text)
    except msgspec.DecodeError as error:
        form = _form(text)
        if form is not None:
            return form
        return _loads_plainly(text, error)


def _loads_plainly(text: bytes, refusal: msgspec.DecodeError) -> Any:  # noqa: ANN401 - any shape
    if len(text) > _MAX_PLAIN:
        raise NotJSONError(str(refusal)) from refusal
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except NotJSONError:
        raise
    except ValueError as error:  # its message differs between Pythons
        raise NotJSONError(str(refusal)) from error


def _require_syntax(text: bytes) -> None:
    try:
        _syntax.decode(text)
    except msgspec.DecodeError as error:
        if _form(text) is None:
            raise NotJSONError(str(error)) from error


def _refuse_constant(name: str) -> NoReturn:
    raise NotJSONError(f"{name} is not JSON")


def _form(text: bytes) -> dict[str, str] | None:
    """Return the fields of a form-encoded CSP report (WebKit and Chrome of 2011), or None."""
    if len(text) > _MAX_FORM or text[:1] in b"{[" or b"=" not in text:
        return None
    try:
        fields = dict(parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=64, errors="replace"))
    except ValueError:
        return None
    return fields if fields.keys() & _FORM_KEYS else None
