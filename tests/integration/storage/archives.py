"""What tests of the archive share: live releases with reports, and what queries must find of them."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from storage.archive import archiving, books
from storage.servers import clickhouse
from tests.helpers import stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from storage.projects import partitions

DAY_MS = 86_400_000
NOW_MS = 20_600 * DAY_MS
SHARDS = 2

SUMS = {
    "reports": "SELECT project_id, sum(seen), sum(weight), min(first_seen), max(last_seen) FROM reports"
    " GROUP BY project_id ORDER BY project_id",
    "violations": "SELECT environment, release, sum(seen), uniqExact(identity) FROM violations"
    " GROUP BY environment, release ORDER BY environment, release",
    "by_release": "SELECT release, sum(seen) FROM reports WHERE release IN ('r0', 'r1') GROUP BY release"
    " ORDER BY release",
    "joined": "SELECT sum(l.seen), sum(r.total) FROM (SELECT fingerprint, sum(seen) AS seen FROM reports"
    " GROUP BY fingerprint) AS l JOIN (SELECT fingerprint, sum(seen) AS total FROM reports"
    " GROUP BY fingerprint) AS r USING (fingerprint)",
    "findings": "SELECT sum(total), uniqExact(fingerprint) FROM findings",
}
"""Questions whose answers no move may change."""


def row(
    pair: partitions.Pair, number: int, project_id: int = 1, at_ms: int = NOW_MS, seen: int = 1
) -> dict[str, Any]:
    """Return a row of reports."""
    return {
        "project_id": project_id,
        "environment": pair[0],
        "release": pair[1],
        "kind": "csp",
        "window_start": at_ms,
        "first_seen": at_ms,
        "last_seen": at_ms + number,
        "seen": seen,
        "weight": seen * 1.5,
        "reach": 1 << number % 100,
        "fingerprint": number % 7,
        "identity": number,
        "details": {"n": str(number)},
        "raw": f"raw {number}",
    }


def fill(
    server: clickhouse.Connection, releases: int = 4, rows: int = 40, project_id: int = 1
) -> list[partitions.Pair]:
    """Store live releases whose rows are of two months, in parts that overlap, and return them."""
    pairs = [("prod", f"r{number}") for number in range(releases)]
    for part in range(3):
        found = [
            row(pair, number, project_id, NOW_MS - 20 * DAY_MS * (number % 2), seen=1 + number % 3)
            for pair in pairs
            for number in range(part * rows // 4, part * rows // 4 + rows // 2)
        ]
        stored.insert(server, found)
    return pairs


def know(client: redis.Redis, server: clickhouse.Connection) -> None:
    """Let Redis know the partitions."""
    books.restore(client, server)


def archiver(
    server: clickhouse.Connection, client: redis.Redis, reached: Callable[[str], None] = lambda _: None
) -> archiving.Archiver:
    """Return an archiver."""
    return archiving.Archiver(server, client, SHARDS, reached)


def archive(server: clickhouse.Connection, client: redis.Redis, *releases: str) -> list[partitions.Pair]:
    """Archive these releases of project 1."""
    return archiver(server, client).archive_now(1, lambda pair: pair[1] in releases)


def answers(server: clickhouse.Connection) -> dict[str, Any]:
    """Return the answers to all questions."""
    return {name: server.execute(statement) for name, statement in SUMS.items()}


class Readers:
    """Threads that ask one question after the other; ``wrong`` is what differed."""

    def __init__(self, address: clickhouse.Address, right: dict[str, Any]) -> None:
        self.asked = 0
        self.wrong: list[Any] = []
        self._address = address
        self._right = right
        self._stop = threading.Event()

    def _ask(self) -> None:
        with contextlib.closing(clickhouse.connect(self._address)) as server:
            while not self._stop.is_set():
                for name, statement in SUMS.items():
                    found = server.execute(statement)
                    if found != self._right[name]:
                        self.wrong.append((name, found, self._right[name]))
                self.asked += 1

    @contextlib.contextmanager
    def asking(self, threads: int = 2) -> Iterator[None]:
        """Ask during the block, and at least once in it and once after it; check the answers."""
        each = [threading.Thread(target=self._ask) for _ in range(threads)]
        for thread in each:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in each:
                thread.join()
        assert not self.wrong, self.wrong[:3]
        assert self.asked
