"""Every other report that has a type: its type and its whole text are kept, so that nothing new is lost."""

from __future__ import annotations

from typing import Final

from workers.families import contract, envelope, reporting
from workers.model import report

KIND: Final = "unknown"


def normalise(item: report.Item) -> report.Report:
    """Return the fields that all reports have; the type becomes the directive."""
    read, sent = envelope.read(item, {})
    return report.Report(
        kind=KIND,
        directive=item.type,
        document=sent.url,
        user_agent=sent.user_agent,
        age=sent.age,
        details=reporting.noted(read, {}),
    )


def title(found: report.Report) -> str:
    """Return the type: nothing else is known."""
    return f"Unknown report: {reporting.shown(found.directive)}"


FAMILY: Final = contract.Family(kind=KIND, normalise=normalise, title=title)
