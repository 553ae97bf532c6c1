"""Connections beyond a page's ``Connection-Allowlist`` (WICG, an experiment of Chromium).

The family has no kind of its own while it is an experiment. Its reports are ``unknown`` ones with the type as
directive, and have more fields than others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.families import contract, reporting, unknown
from workers.reading import aliases, values
from workers.text import cleaning

if TYPE_CHECKING:
    from workers.model import report
    from workers.reading.fields import FieldReader

TYPE: Final = "connection-allowlist"
_MAX_PATTERN: Final = 256


def normalise(item: report.Item) -> report.Report:
    """Return the refused connection: its URL, or ``webrtc``, is what was blocked."""
    return reporting.read_report(unknown.KIND, item, aliases.CONNECTION_ALLOWLIST, _type, _details)


def title(found: report.Report) -> str:
    """Return where the connection would have led."""
    where = "by WebRTC" if found.blocked.text == "webrtc" else f"to {reporting.place(found.blocked)}"
    return f"Blocked connection {where}, which is not on the page's list"


def _type(_read: FieldReader) -> str:
    return TYPE


def _details(read: FieldReader) -> dict[str, str]:
    patterns = [
        cleaning.cut(pattern, _MAX_PATTERN) for pattern in read.array("allowlist") if isinstance(pattern, str)
    ]
    return {"allowlist": cleaning.cut(" ".join(patterns), values.MAX_TEXT)}


FAMILY: Final = contract.Family(
    kind=unknown.KIND, types=(TYPE,), names=aliases.CONNECTION_ALLOWLIST, normalise=normalise, title=title
)
