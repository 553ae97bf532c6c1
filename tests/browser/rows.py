"""The rows of one release, looked for until they are there."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from deploy.network import addresses
from deploy.processes import child
from storage.servers import clickhouse
from tests.helpers import waiting

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from tests.browser import site
    from tests.helpers import harness

_SEEN: Final = (
    "SELECT DISTINCT kind, directive, blocked, disposition FROM reports WHERE release = %(release)s"
)

_REFUSED: Final = "SELECT reason, sum(quantity) FROM outcomes WHERE outcome = 'refused' GROUP BY reason"


class SeenReport(NamedTuple):
    """One report, as the analysts' columns name its parts."""

    kind: str
    directive: str
    blocked: str = ""
    disposition: str = ""


class SeenReports(NamedTuple):
    """The rows that were visible in the end, and when, by ``time.monotonic()``."""

    seen_reports: set[SeenReport]
    at: float


def filled(seen_reports: Iterable[SeenReport], page: site.Site) -> set[SeenReport]:
    """Return seen_reports with the names of the site in them."""
    return {seen_report._replace(blocked=page.filled(seen_report.blocked)) for seen_report in seen_reports}


def await_reports(system: harness.System, release: str, expected: AbstractSet[SeenReport]) -> SeenReports:
    """Wait until all that is expected is visible, or patience ends; return what there is then."""
    analyst = addresses.clickhouse_address(system.runtime.analyst_url)
    seen: set[SeenReport] = set()
    with contextlib.closing(clickhouse.connect(analyst)) as server:

        def look() -> bool:
            seen.update(SeenReport(*row) for row in server.execute(_SEEN, {"release": release}))
            return seen >= expected

        if not child.wait_until(look, waiting.PATIENCE_S):
            refused = server.execute(_REFUSED)
            sys.stdout.write(f"Refused so far, by reason: {refused}; edge.log may say more.\n")
    return SeenReports(seen, time.monotonic())
