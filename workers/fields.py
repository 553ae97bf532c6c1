"""Lenient reading of one report's members: a bad value nulls its field, never the report.

Absent, ``null`` and "" are the same. A value of the wrong type or out of range reads as absent, and the name
of its field is noted.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Final

from workers import text, urls

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TEXT: Final = 1024
"""Characters of any text that has no limit of its own."""
MAX_INTEGER: Final = 2**31 - 1
MAX_PORT: Final = 65_535
MAX_STATUS: Final = 999
_MAX_DIGITS: Final = 10

_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DISPOSITIONS: Final = {
    "enforce": "enforce",
    "report": "report",
    "reporting": "report",
    "report-only": "report",
}
_FLAGS: Final = {"true": True, "false": False}

Names = dict[str, str]
"""Field by member name: every spelling of a member that senders use."""


def names(**members: str) -> Names:
    """Return the fields by every spelling of their members.

    Args:
        members: for each field the kebab-case names of its members, parted by spaces. The snake_case and
            camelCase spellings follow from them, with ``URL`` and ``URI`` in capitals too.
    """
    return {
        spelling: field
        for field, kebabs in members.items()
        for kebab in kebabs.split()
        for spelling in _spellings(kebab)
    }


def _spellings(kebab: str) -> set[str]:
    first, *rest = kebab.split("-")
    camel = first + "".join(part.capitalize() for part in rest)
    capitals = first + "".join(part.upper() if part in {"url", "uri"} else part.capitalize() for part in rest)
    return {kebab, kebab.replace("-", "_"), camel, capitals}


class Reader:
    """Reads the fields of one report and notes which had to be nulled.

    Attributes:
        nulled: names of the fields that held something unusable, in the order they were read.
    """

    __slots__ = ("_values", "nulled")

    def __init__(self, members: Mapping[str, Any], known: Names) -> None:
        self.nulled: list[str] = []
        self._values: dict[str, Any] = {}
        self.extend(members, known)

    def extend(self, members: Mapping[str, Any], known: Names) -> None:
        """Read more members; of two spellings of one field the first that holds something wins."""
        values = self._values
        for member, value in members.items():
            field = known.get(member)
            if field is not None and value is not None and value != "":
                values.setdefault(field, value)

    def holds_text(self, *wanted: str) -> bool:
        """Return whether one of these fields holds a text, be it a usable one or not."""
        return any(isinstance(self._values.get(field), str) for field in wanted)

    def text(self, field: str, limit: int = MAX_TEXT) -> str:
        """Return one line of at most ``limit`` characters."""
        value = self._values.get(field)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.nulled.append(field)
            return ""
        return text.clean(value, limit)

    def verbatim(self, field: str) -> str:
        """Return a text exactly as it was sent, for a caller who checks it."""
        value = self._values.get(field)
        if value is None or isinstance(value, str):
            return value or ""
        self.nulled.append(field)
        return ""

    def url(self, field: str) -> urls.URL:
        """Return a cleaned URL or keyword."""
        value = self._values.get(field)
        if value is None:
            return urls.NONE
        url = urls.clean(value) if isinstance(value, str) else urls.NONE
        if url is urls.NONE:
            self.nulled.append(field)
        return url

    def integer(self, field: str, most: int = MAX_INTEGER) -> int:
        """Return a whole number from 0 to ``most``; senders also write it as a float or as digits."""
        value = self._values.get(field)
        if value is None:
            return 0
        number = _integer(value)
        if not 0 <= number <= most:
            self.nulled.append(field)
            return 0
        return number

    def flag(self, field: str) -> bool | None:
        """Return a boolean, or None; senders also write it as text."""
        value = self._values.get(field)
        if isinstance(value, str):
            value = _FLAGS.get(value.strip().lower(), value)
        if value is None or isinstance(value, bool):
            return value
        self.nulled.append(field)
        return None

    def date(self, field: str) -> str:
        """Return an RFC 3339 date as UTC with milliseconds, ``2021-06-01T12:00:00.123Z``."""
        value = self._values.get(field)
        if value is None:
            return ""
        date = _date(value) if isinstance(value, str) else ""
        if not date:
            self.nulled.append(field)
        return date

    def disposition(self, field: str) -> str:
        """Return ``enforce`` or ``report``, or "" where the sender does not say: unknown is not enforce."""
        value = self.text(field)
        disposition = _DISPOSITIONS.get(value.lower(), "")
        if value and not disposition:
            self.nulled.append(field)
        return disposition

    def array(self, field: str) -> list[Any]:
        """Return a list of whatever it holds."""
        value = self._values.get(field)
        if value is None:
            return []
        if not isinstance(value, list):
            self.nulled.append(field)
            return []
        return value


def _integer(value: object) -> int:
    """Return the whole number that a JSON value stands for, or -1."""
    if isinstance(value, bool):
        return -1
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else -1
    if isinstance(value, str):
        digits = value.strip()
        if len(digits) <= _MAX_DIGITS and digits.isascii() and digits.isdigit():
            return int(digits)
    return -1


def _date(value: str) -> str:
    match = _RFC3339.fullmatch(value.strip())
    if match is None:
        return ""
    day, minute, second, fraction, offset = match.groups(default="")
    second = "59" if second == "60" else second  # a leap second, which Python's clock does not know
    try:
        moment = dt.datetime.fromisoformat(f"{day}T{minute}{second}{fraction[:7]}{offset.upper()}")
        moment = moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return ""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
