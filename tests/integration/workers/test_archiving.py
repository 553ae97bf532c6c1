"""Releases move into the archive while workers drain reports of the same releases."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Self

import pytest

from storage.archive import archiving, books
from storage.ledger import equations
from storage.servers import clickhouse
from tests.helpers import waiting
from tests.integration.workers import drains

if TYPE_CHECKING:
    import redis

    from tests.helpers import harness

pytestmark = pytest.mark.integration

RELEASES = ("1", "2", "3")


class Traffic:
    """Sends a report of each release again and again, and drains; ``sent`` is how many were sent."""

    def __init__(self, server: harness.RedisServer, address: clickhouse.Address) -> None:
        self.sent = 0
        self._redis = server
        self._address = address
        self._stop = threading.Event()

    def send(self, client: redis.Redis, server: clickhouse.Connection) -> None:
        """Send once, and drain all that waits; a pause only delays it."""
        number = self.sent
        drains.append(client, *(drains.payload(drains.report(number), release=each) for each in RELEASES))
        self.sent += len(RELEASES)
        drains.drainer(client, server).drain(drains.SHARD)

    def _go_on(self) -> None:
        with (
            contextlib.closing(self._redis.client()) as client,
            contextlib.closing(clickhouse.connect(self._address)) as server,
        ):
            while not self._stop.is_set():
                self.send(client, server)
            waiting.until(lambda: not self._waits(client, server), "the queue is drained")

    @staticmethod
    def _waits(client: redis.Redis, server: clickhouse.Connection) -> int:
        drains.drainer(client, server).drain(drains.SHARD)
        return equations.backlog(client, drains.SHARDS)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread = threading.Thread(target=self._go_on)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Drain the rest, and end."""
        self._stop.set()
        self._thread.join()


def test_reports_that_come_in_during_a_move_are_all_stored_once(
    client: redis.Redis,
    redis_server: harness.RedisServer,
    server: clickhouse.Connection,
    address: clickhouse.Address,
) -> None:
    drains.limit(client)
    traffic = Traffic(redis_server, address)
    traffic.send(client, server)
    archiver = archiving.Archiver(server, client, drains.SHARDS)
    with traffic:
        for release in ("1", "2"):
            before = traffic.sent
            assert archiver.archive_now(1, lambda pair, release=release: pair[1] == release)  # type: ignore[misc]
            waiting.until(lambda before=before: traffic.sent > before + 9, "more came in")  # type: ignore[misc]
    found = server.execute("SELECT release, sum(seen) FROM reports GROUP BY release ORDER BY release")
    assert found == [(release, traffic.sent // len(RELEASES)) for release in RELEASES]
    assert {each.pair[1] for each in books.live(server)} == {"3"}
    late = (
        "SELECT release, sum(seen) > 0 FROM reports_archive WHERE move = 0 GROUP BY release ORDER BY release"
    )
    assert server.execute(late) == [("1", 1), ("2", 1)]
    assert drains.balanced(server, client).accepted == traffic.sent
