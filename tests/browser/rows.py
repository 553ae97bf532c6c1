"""The rows of one release, looked for until they are there."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from deploy import settings
from storage import clickhouse
from tests.browser.site import Violation

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests import harness

PATIENCE: Final = 60.0
_INTERVAL: Final = 0.05
_SEEN: Final = "SELECT DISTINCT directive, blocked, disposition FROM reports WHERE release = %(release)s"


class Sighting(NamedTuple):
    """What was visible in the end, and when, by ``time.monotonic()``."""

    violations: set[Violation]
    at: float


def await_violations(system: harness.System, release: str, expected: Collection[Violation]) -> Sighting:
    """Poll until all that is expected is visible, or patience ends; return what there is then."""
    analyst = settings.clickhouse_address(system.runtime.analyst_url)
    deadline = time.monotonic() + PATIENCE
    with contextlib.closing(clickhouse.connect(analyst)) as server:
        while True:
            seen = {Violation(*row) for row in server.execute(_SEEN, {"release": release})}
            now = time.monotonic()
            if seen.issuperset(expected) or now > deadline:
                return Sighting(seen, now)
            time.sleep(_INTERVAL)
