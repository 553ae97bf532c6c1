"""The one definition of "is this JSON?": the edge answers 400 by it, and the workers decode by it.

The fast path is msgspec. A body that msgspec refuses is mended (``storage.text.mending``) and tried again,
because real browsers send bytes that are no UTF-8, and samples cut in the middle of an emoji. The time grows
in proportion to the body: a megabyte takes a few milliseconds, fifty if it is all broken escapes, and forty
if it is all brackets, nested nearly as deep as they may be.
"""

from __future__ import annotations

import itertools
import json
import sys
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from storage.text import mending

MAX_DEPTH: Final = 512
"""Levels of objects and arrays. Reports have four, and every interpreter reads as many levels as this."""
MAX_DIGITS: Final = 4300
"""Digits of a whole number. Decoders ask the interpreter for this limit, whose default may be changed."""
sys.set_int_max_str_digits(MAX_DIGITS)

_fast = msgspec.json.Decoder()
_text = msgspec.json.Decoder(str)
_syntax = msgspec.json.Decoder(msgspec.Raw)
_array = msgspec.json.Decoder(list[msgspec.Raw])
_MAX_PLAIN: Final = 65_536
"""Most bytes of a body that is also tried with the standard library, which takes numbers beyond a float's
range, and is slow; and of one in which a cut sample is looked for."""
_FORM_KEYS: Final = frozenset(
    {"document-url", "document-uri", "violated-directive", "blocked-uri", "blocked-url"}
)
_FEW: Final = 64
"""Objects and arrays in a body that are found one by one: as many as some thirty reports have."""
_MAX_FORM: Final = 65_536
_CONTAINERS: Final = frozenset({b"{", b"["})
_JSON_BEGINS: Final = frozenset({"{", "["})
_MOST_WRAPPINGS: Final = 2
"""Texts and forms around JSON that are opened."""
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

    Broken text is mended, UTF-16 and UTF-32 are understood, and the form encoding of 2011 becomes an object.
    NaN, Infinity and trailing bytes are refused.

    Raises:
        NotJSONError: the body is none of these, or nested deeper than ``MAX_DEPTH``.
    """
    require_shallow(body)
    try:
        return _fast.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _loads_mended(body)


def require_container(body: bytes, charset: str = "") -> None:
    """Refuse a body in which no report can be; the values of its members are not looked at.

    Args:
        body: the body of a request.
        charset: what its ``Content-Type`` declares, see ``charsets.codec_of``.

    Raises:
        NotJSONError: the body is no JSON object and no JSON array, or nested deeper than ``MAX_DEPTH``.
    """
    require_shallow(body)
    try:
        _syntax.decode(body)
        if not body.isascii():
            body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = mended(body, charset).text
    if body.lstrip()[:1] not in _CONTAINERS and mended(body).text.lstrip()[:1] not in _CONTAINERS:
        raise NotJSONError("neither an object nor an array")


def require_shallow(body: bytes, most: int = MAX_DEPTH) -> None:
    """Refuse a body in which more objects and arrays than ``most`` lie within one another.

    The depth that a decoder reads would else depend on the interpreter: 1000 levels less its stack in Python
    3.11, and as many as the stack of the process has room for in 3.14.

    Raises:
        NotJSONError: more do.
    """
    if body.find(b"{", most) < 0 and body.find(b"[", most) < 0:  # as in reports that are sent alone
        return
    if _opens_few(body, min(_FEW, most)) or len(body.translate(None, _NO_OPENING)) <= most:
        return
    steps, at, depth = _brackets(mending.utf8(body).text).translate(_STEPS), 0, 0
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


def _opens_few(body: bytes, most: int) -> bool:
    """Return whether no more objects and arrays begin in a body, which finding tells sooner than counting."""
    for opening in _CONTAINERS:
        at = body.find(opening)
        while at >= 0:
            if not most:
                return False
            most -= 1
            at = body.find(opening, at + 1)
    return True


def _brackets(text: bytes) -> bytes:
    """Return the brackets that stand in no text of the JSON."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(text.split(b'"')[::2]).translate(None, _NO_BRACKETS)


def count_items(body: bytes, charset: str = "") -> int:
    """Return how many items the array in a body has; 1 when it is no array. The body holds JSON.

    Args:
        body: the body of a request.
        charset: what its ``Content-Type`` declares, see ``charsets.codec_of``.
    """
    if body.lstrip()[:1] == b"{":
        return 1
    try:
        require_shallow(body)
        return len(_array.decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, NotJSONError):
        return _count_leniently(body, charset)


def _count_leniently(body: bytes, charset: str) -> int:
    try:
        return len(_array.decode(mended(body, charset).text))
    except (msgspec.DecodeError, NotJSONError):
        return 1


def mended(body: bytes, charset: str = "") -> mending.Mended:
    """Return the JSON that a body holds, as UTF-8 that each decoder of JSON reads.

    Broken text is mended. A form becomes an object, and JSON in a text or in a form stands for itself.

    Args:
        body: the body of a request.
        charset: what its ``Content-Type`` declares, see ``charsets.codec_of``.

    Raises:
        NotJSONError: the body holds none, or is nested deeper than ``MAX_DEPTH``.
    """
    whole = mending.mend(body, charset)
    text, replaced = whole
    for _ in range(_MOST_WRAPPINGS):
        inner = _unwrapped(text)
        if inner is None:
            break
        text, again = mending.mend(inner)
        replaced = replaced or again or "\ufffd".encode() in text
    require_shallow(text)
    return _with_sound_ends(text, replaced=replaced)


def _with_sound_ends(text: bytes, *, replaced: bool) -> mending.Mended:
    try:
        _syntax.decode(text)
    except msgspec.DecodeError as error:
        for cut in mending.cut_ends(text) if len(text) <= _MAX_PLAIN else ():
            if _is_json(cut):
                return mending.Mended(cut, replaced=True)
        raise NotJSONError(str(error)) from error
    return mending.Mended(text, replaced)


def _is_json(text: bytes) -> bool:
    try:
        _syntax.decode(text)
    except msgspec.DecodeError:
        return False
    return True


def _unwrapped(text: bytes) -> bytes | None:
    """Return the JSON that a text or a form holds, or the form itself as JSON; None for any other."""
    if text.lstrip()[:1] != b'"':
        return _form(text)
    try:
        inner: str = _text.decode(text)
    except msgspec.DecodeError:
        return None
    return inner.encode() if inner.lstrip()[:1] in {*_JSON_BEGINS, '"'} else None


def _loads_mended(body: bytes) -> Any:  # noqa: ANN401 - a JSON document has any shape
    text = mending.mend(body).text
    if text.lstrip()[:1] != b'"':  # a text stays one, whatever it holds
        text = mended(body).text
    try:
        return _fast.decode(text)
    except msgspec.DecodeError as error:
        return _loads_plainly(text, error)


def _loads_plainly(text: bytes, refusal: msgspec.DecodeError) -> Any:  # noqa: ANN401 - any shape
    try:
        if len(text) <= _MAX_PLAIN:
            return json.loads(text)
    except ValueError:  # its message differs between Pythons
        pass
    raise NotJSONError(str(refusal)) from refusal


def _form(text: bytes) -> bytes | None:
    """Return the JSON of a form: that of its fields (WebKit and Chrome of 2011), or that in a field."""
    if len(text) > _MAX_FORM or text[:1] in b"{[" or not (b"=" in text or text[:1] == b"%"):
        return None
    try:
        fields = dict(parse_qsl(text.decode(), keep_blank_values=True, max_num_fields=64, errors="replace"))
    except ValueError:
        return None
    if fields.keys() & _FORM_KEYS:
        return msgspec.json.encode(fields)
    words = (word for field in fields.items() for word in field)
    return next((word.encode() for word in words if word.lstrip()[:1] in _JSON_BEGINS), None)
