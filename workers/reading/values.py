"""Meanings of single JSON values of a report, read leniently from their bytes.

Each function returns None for a value of the wrong type, and for a value without a meaning.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

from storage.text import lenient
from workers.model import memo
from workers.text import cleaning, urls

MAX_TEXT: Final = 1024
"""Characters of any text that has no limit of its own."""
_MAX_DIGITS: Final = 10

_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]((?!24)\d\d:\d\d:)(\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_FLAGS: Final = {"true": True, "false": False}


def load(sent: bytes) -> Any:  # noqa: ANN401 - a JSON document has any shape
    """Return the decoded value; None for a number that Python cannot hold."""
    try:
        return lenient.loads(sent)
    except lenient.NotJSONError:
        return None


@memo.remembered
def text_of(sent: bytes) -> str | None:
    """Return one line of at most ``MAX_TEXT`` characters."""
    value = load(sent)
    return cleaning.clean(value, MAX_TEXT) if isinstance(value, str) else None


@memo.remembered
def url_of(sent: bytes) -> urls.URL | None:
    """Return a cleaned URL or keyword."""
    if sent.startswith(b'"') and (plain := urls.plain(sent[1:-1].decode())):
        return plain
    value = load(sent)
    url = urls.clean(value) if isinstance(value, str) else urls.NONE
    return None if url is urls.NONE else url


def verbatim_of(sent: bytes) -> str | None:
    """Return a text exactly as it was sent."""
    value = load(sent)
    return value if isinstance(value, str) else None


def array_of(sent: bytes) -> list[Any] | None:
    """Return a list; its items may be anything."""
    value = load(sent)
    return value if isinstance(value, list) else None


def integer_of(sent: bytes) -> int | None:
    """Return a whole number, positive or not; senders also write it as a float or as digits."""
    if len(sent) <= _MAX_DIGITS and sent.isdigit():
        return int(sent)
    value = load(sent)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return _digits(value) if isinstance(value, str) else None


def flag_of(sent: bytes) -> bool | None:
    """Return a boolean; senders also write it as text."""
    value = load(sent)
    if isinstance(value, str):
        return _FLAGS.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def date_of(sent: bytes) -> str | None:
    """Return an RFC 3339 date as UTC with milliseconds, ``2021-06-01T12:00:00.123Z``."""
    value = load(sent)
    match = _RFC3339.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    day, minute, second, fraction, offset = match.groups(default="")
    second = "59" if second == "60" else second  # a leap second, which Python's clock does not know
    try:
        moment = dt.datetime.fromisoformat(f"{day}T{minute}{second}{fraction[:7]}{offset.upper()}")
        moment = moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _digits(value: str) -> int | None:
    digits = value.strip()
    plain = len(digits) <= _MAX_DIGITS and digits.isascii() and digits.isdigit()
    return int(digits) if plain else None
