"""Lenient reading of one report's members: a bad value nulls its field, never the report.

Absent, ``null`` and "" are the same. A value of the wrong type or out of range reads as absent, and the name
of its field is noted.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

from storage.text import mending
from workers.model import memo
from workers.reading import values
from workers.text import cleaning as text
from workers.text import letters, urls

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.model import report

MAX_INTEGER: Final = 2**31 - 1
MAX_PORT: Final = 65_535
MAX_STATUS: Final = 999

_MAX_NAME: Final = 64
_NO_LETTER: Final = re.compile(r"[^a-z0-9]+")
_ABSENT: Final = frozenset({b"null", b'""'})
_DISPOSITIONS: Final = {
    "enforce": "enforce",
    "report": "report",
    "reporting": "report",
    "report-only": "report",
}

_Meaning = TypeVar("_Meaning")

Names = dict[str, str]
"""Field by member name: every spelling of a member that senders use; "" for a member that is not read."""


def names(**members: str) -> Names:
    """Return the fields by every spelling of their members.

    Args:
        members: for each field the kebab-case names of its members, parted by spaces. The snake_case and
            camelCase spellings follow from them, ``…URI`` from ``…URL``, and any other spelling too.
    """
    return {
        spelling: field
        for field, kebabs in members.items()
        for kebab in kebabs.split()
        for spelling in (*spellings(kebab), folded(kebab))
    }


def spellings(kebab: str) -> tuple[str, ...]:
    """Return the ways in which senders spell a member: kebab-case, snake_case, camelCase, and ``…URL``.

    A member that ends in ``-url`` is spelled ``…URI`` by others, and the other way round.
    """
    end = {"url": "uri", "uri": "url"}.get(kebab[-3:])
    kebabs = (kebab, kebab[:-3] + end) if end else (kebab,)
    return tuple(spelling for each in kebabs for spelling in _spelled(each))


def _spelled(kebab: str) -> tuple[str, ...]:
    first, *rest = kebab.split("-")
    camel = first + "".join(part.capitalize() for part in rest)
    capitals = first + "".join(part.upper() if part in {"url", "uri"} else part.capitalize() for part in rest)
    return (kebab, kebab.replace("-", "_"), camel, capitals)


@functools.lru_cache(maxsize=1024)
def folded(name: str) -> str:
    """Return a member's name without what its spellings differ in: ``Document_URI`` is ``documenturl``."""
    plain = _NO_LETTER.sub("", letters.lower(name[:_MAX_NAME]))
    return f"{plain[:-3]}url" if plain.endswith("uri") else plain


def mended(item: report.Item, *known: Names) -> str:
    """Return the names of the fields, parted by commas, in whose text U+FFFD stands for something.

    Args:
        item: a report in whose payload broken text was mended.
        known: the fields by the members of the report.
    """
    members = [*item.body.items(), *(each for each in item.envelope.items() if each[0] != item.wrapper)]
    broken = {member for member, sent in members if mending.REPLACEMENT in sent}
    found = (each.get(member) or each.get(folded(member)) for member in broken for each in known)
    return ",".join(sorted(filter(None, dict.fromkeys(found))))


class FieldReader:
    """Reads the fields of one report and notes the fields that had to be nulled.

    Attributes:
        nulled: names of the fields that held something unusable, in the order they were read.
        sent: the members that were sent, by field.
    """

    __slots__ = ("nulled", "sent")

    def __init__(self, members: report.Members, known: Names) -> None:
        self.nulled: list[str] = []
        self.sent: dict[str, bytes] = {}
        self.extend(members, known)

    def extend(self, members: report.Members, known: Names) -> None:
        """Read more members; of two spellings of one field the first that holds something wins."""
        fields = self.sent
        for member, sent in members.items():
            if sent in _ABSENT:
                continue
            field = known.get(member)
            if field is None:
                field = known.get(folded(member), "")
            if field and field not in fields:
                fields[field] = sent

    def holds(self, wanted: frozenset[str]) -> bool:
        """Return whether one of these fields holds anything, usable or not."""
        return not wanted.isdisjoint(self.sent)

    def holds_text(self, *wanted: str) -> bool:
        """Return whether one of these fields holds a text, usable or not."""
        for field in wanted:  # noqa: SIM110 - every report comes here, and a generator costs it a microsecond
            if self.sent.get(field, b"").startswith(b'"'):
                return True
        return False

    def read(self, field: str, meaning: Callable[[bytes], _Meaning | None], nothing: _Meaning) -> _Meaning:
        """Return what a field means, or ``nothing`` if it is absent or means nothing, which is noted."""
        sent = self.sent.get(field)
        if sent is None:
            return nothing
        value = meaning(sent)
        if value is None:
            self.nulled.append(field)
            return nothing
        return value

    def text(self, field: str, limit: int = values.MAX_TEXT) -> str:
        """Return one line of at most ``limit`` characters, which cannot be more than ``values.MAX_TEXT``."""
        sent = self.sent.get(field)
        if sent is None:
            return ""
        found = values.text_of(sent)
        if found is None:
            self.nulled.append(field)
            return ""
        return found if len(found) <= limit else text.cut(found, limit).rstrip()

    def verbatim(self, field: str) -> str:
        """Return a text exactly as it was sent; the caller checks it."""
        return self.read(field, values.verbatim_of, "")

    def url(self, field: str) -> urls.URL:
        """Return a cleaned URL or keyword."""
        sent = self.sent.get(field)
        if sent is None:
            return urls.NONE
        url = values.url_of(sent)
        if url is None:
            self.nulled.append(field)
            return urls.NONE
        return url

    def integer(self, field: str, most: int = MAX_INTEGER) -> int:
        """Return a whole number from 0 to ``most``."""
        sent = self.sent.get(field)
        if sent is None:
            return 0
        number = values.integer_of(sent)
        if number is None or not 0 <= number <= most:
            self.nulled.append(field)
            return 0
        return number

    def flag(self, field: str) -> bool | None:
        """Return a boolean, or None."""
        return self.read(field, values.flag_of, None)

    def date(self, field: str) -> str:
        """Return a date as UTC with milliseconds, ``2021-06-01T12:00:00.123Z``."""
        return self.read(field, values.date_of, "")

    def disposition(self, field: str) -> str:
        """Return ``enforce`` or ``report``, or "" where the sender does not say: unknown is not enforce."""
        return self.read(field, _disposition_of, "")

    def array(self, field: str) -> list[Any]:
        """Return a list of whatever it holds."""
        return self.read(field, values.array_of, [])


@memo.remembered
def _disposition_of(sent: bytes) -> str | None:
    text = values.text_of(sent)
    return _DISPOSITIONS.get(text.lower()) if text else text
