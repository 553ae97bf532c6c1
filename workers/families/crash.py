"""Pages that crashed or hung (WICG Crash Reporting); an empty body is an ordinary crash.

Only the topmost location of the stack is kept, as source file, line and column: the rest is free text. Data
that the page gave the browser in advance (``crash_report_api``) stays only in the raw text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from workers.families import contract, reporting
from workers.reading import aliases
from workers.text import urls

if TYPE_CHECKING:
    from workers.model import report
    from workers.reading.fields import FieldReader

KIND: Final = "crash"
_TITLES: Final = {
    "": "Page crashed",
    "oom": "Page crashed: out of memory",
    "unresponsive": "Page was unresponsive and closed",
}
_WHERE: Final = {"true": "", "false": " in a frame"}
_URL: Final = re.compile(r"(?:https?|(?:chrome|moz|safari-web)-extension)://[^\s()]++")
_PLACE: Final = re.compile(r"(.{1,2048}?):(\d{1,9}):(\d{1,9})", re.ASCII)
"""The location in a line of a stack: ``at f (https://www.example.com/a.js:3:14)``, or ``f@https://…:3:14``."""


def normalise(item: report.Item) -> report.Report:
    """Return the crash; the reason is its directive (``oom``, ``unresponsive``, "")."""
    found = reporting.read_report(KIND, item, aliases.CRASH, details=_details)
    place = _top(found.details.pop("stack", ""))  # never stored
    if place is None or found.source_file.text:
        return found
    url, line, column = place.groups()
    return msgspec.structs.replace(found, source_file=urls.clean(url), line=int(line), column=int(column))


def _top(stack: str) -> re.Match[str] | None:
    """Return URL, line and column of the topmost line that names a location."""
    return next(filter(None, (_PLACE.match(url[0]) for url in _URL.finditer(stack))), None)


def title(found: report.Report) -> str:
    """Return what happened to the page, or to a frame in it."""
    what = _TITLES.get(found.directive) or f"Page crashed: {found.directive}"
    return what + _WHERE.get(found.details.get("top_level", ""), "")


def _details(read: FieldReader) -> dict[str, str]:
    top_level = read.flag("top_level")
    return {
        "top_level": "" if top_level is None else str(top_level).lower(),
        "visibility_state": reporting.word(read, "visibility"),
        "stack": read.verbatim("stack"),
    }


FAMILY: Final = contract.Family(
    kind=KIND, types=("crash",), names=aliases.CRASH, normalise=normalise, title=title
)
