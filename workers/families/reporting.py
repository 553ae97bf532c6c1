"""Fields that the bodies of Reporting API reports have in common, such as source and disposition."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from storage.text import characters
from workers.families import envelope
from workers.model import report

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.reading import fields
    from workers.reading.fields import FieldReader
    from workers.text import urls

    Texts: TypeAlias = Callable[[FieldReader], dict[str, str]]

MAX_NAME: Final = 64
"""Characters of the name of a violation: the names that specifications give are shorter."""

_MAX_SHOWN: Final = 128

_REPORT_ONLY: Final = {True: "report", False: "enforce", None: ""}
_WORD: Final = re.compile(r"[a-z0-9][a-z0-9 ._-]{0,63}")


def word(read: FieldReader, field: str) -> str:
    """Return a word of a specification in lower case: "other" if it is none, "" for none."""
    text = read.text(field).lower()
    return text if not text or _WORD.fullmatch(text) else "other"


def identifier(read: FieldReader) -> str:
    """Return the id that a browser gave to a feature, in the browser's spelling."""
    return read.text("directive", MAX_NAME)


def violation(read: FieldReader) -> str:
    """Return the word that names what was violated."""
    return word(read, "directive")


def nothing(_read: FieldReader) -> dict[str, str]:
    """Return no details, for a body of which everything has a column."""
    return {}


def document(read: FieldReader, sent: envelope.Envelope) -> urls.URL:
    """Return the page: the one of the envelope, else the one that the body names."""
    return sent.url if sent.url.text else read.url("document")


def noted(read: FieldReader, found: dict[str, str]) -> dict[str, str]:
    """Return the details that are not empty, and the names of the nulled fields. Read all fields first."""
    details = {name: value for name, value in found.items() if value}
    if read.nulled:
        details["nulled"] = ",".join(read.nulled)
    return details


def read_report(
    kind: str,
    item: report.Item,
    known: fields.Names,
    directive: Callable[[FieldReader], str] = violation,
    details: Texts = nothing,
) -> report.Report:
    """Return the report of a body. Every body is a report, whatever in it is missing or wrong.

    Args:
        kind: the kind of the family.
        item: the report as it was sent.
        known: the fields of the body, from ``aliases``.
        directive: reads what was violated.
        details: reads the members that have no column.
    """
    read, sent = envelope.read(item, known)
    return report.Report(
        kind=kind,
        disposition=read.disposition("disposition") or _REPORT_ONLY[read.flag("report_only")],
        directive=directive(read),
        blocked=read.url("blocked"),
        document=document(read, sent),
        referrer_host=read.url("referrer").host,
        source_file=read.url("source_file"),
        line=read.integer("line"),
        column=read.integer("column"),
        user_agent=sent.user_agent,
        sent=read.sent,
        age=sent.age,
        details=noted(read, details(read)),
    )


def shown(text: str) -> str:
    """Return a sender's words as a title may hold them: short, without characters that turn text about."""
    text = characters.seen(text)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def place(url: urls.URL) -> str:
    """Return how a title names a URL: by its host, else by its scheme, else as unknown."""
    if url.host or not url.text:
        return url.host or "an unknown place"
    return url.text if "." in url.text else f"{url.text}:"
