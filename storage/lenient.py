"""The one definition of "is this JSON?": the edge answers 400 by it, and the workers decode by it.

The fast path is msgspec. What it refuses is tried once more by the standard library, because real Chrome
sends lone surrogate escapes (a sample cut in the middle of an emoji) and old senders send a BOM or UTF-16.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl

import msgspec

_fast = msgspec.json.Decoder()
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16-LE, whose mark is its prefix
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_FORM_KEYS: Final = frozenset(
    {"document-url", "document-uri", "violated-directive", "blocked-uri", "blocked-url"}
)


class NotJSONError(ValueError):
    """The body is no JSON document, not even for a lenient parser; the message says why in a few words."""


def loads(body: bytes) -> Any:  # noqa: ANN401 - a JSON document has any shape
    """Decode a body into Python objects, as strictly as JSON and as leniently as real senders need.

    Lone surrogates become U+FFFD, a byte-order mark and UTF-16/32 are understood, and the form encoding of
    2011 becomes an object. NaN, Infinity, trailing bytes and invalid UTF-8 are refused.

    Raises:
        NotJSONError: the body is none of these.
    """
    try:
        return _fast.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _loads_slowly(body)


def require_container(body: bytes) -> None:
    """Refuse a body in which no report can be: one that ``loads`` does not take, or a lone scalar.

    Raises:
        NotJSONError: the body is no JSON object and no JSON array.
    """
    if not isinstance(loads(body), (dict, list)):
        raise NotJSONError("neither an object nor an array")


def _loads_slowly(body: bytes) -> Any:  # noqa: ANN401 - a JSON document has any shape
    text = _decode_text(body)
    try:
        return _without_surrogates(json.loads(text, parse_constant=_refuse_constant))
    except (ValueError, RecursionError) as error:
        form = _form(text)
        if form is not None:
            return form
        raise NotJSONError(_reason(error)) from error


def _decode_text(body: bytes) -> str:
    encoding = "utf-8"
    for mark, name in _BOMS:
        if body.startswith(mark):
            body, encoding = body[len(mark) :], name
            break
    else:
        if body[:1] == b"\0" and body[1:2] in b"{[" and body[1:2]:
            encoding = "utf-16-be"
        elif body[1:2] == b"\0" and body[:1] in b"{[":
            encoding = "utf-16-le"
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise NotJSONError(f"not valid {encoding.upper()}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error)[:120]


def _without_surrogates(value: Any) -> Any:  # noqa: ANN401 - a JSON document has any shape
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_LONE_SURROGATE.sub("\ufffd", key): _without_surrogates(item) for key, item in value.items()}
    return value


def _form(text: str) -> dict[str, str] | None:
    """Return the fields of a form-encoded CSP report (WebKit and Chrome of 2011), or None."""
    try:
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=64, errors="replace"))
    except ValueError:
        return None
    return fields if fields.keys() & _FORM_KEYS else None
