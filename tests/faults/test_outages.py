"""ClickHouse is gone for a while, or has no room: reports wait in Redis, up to a mark, and none is lost."""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
import redis

from deploy.embedded import free_space
from deploy.settings import MEBIBYTE
from tests.faults import books, load, proxy
from tests.helpers import disks, harness, waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.faults

A_WHILE: Final = 100
"""Reports that are acknowledged meanwhile."""
REFUSED: Final = 200
"""Reports that are turned away during an outage."""
TURNED_AWAY: Final = 4
"""Connections that find no ClickHouse. The soak has two minutes of it."""
ROOM: Final = 24 * MEBIBYTE
"""Bytes of a Redis so small that some seconds of reports fill it, as an hour of them fills a large one."""
HIGH_WATER: Final = 0.4
"""Share of it; the rest lasts for two seconds in which no process of a starved edge looks at Redis."""
DISK: Final = 1024 * MEBIBYTE
PADDING: Final = 50_000
"""Bytes of a report, so that the queue is soon full."""


@pytest.fixture
def between(clickhouse_server: harness.ClickHouseServer) -> Iterator[proxy.Proxy]:
    """A proxy before ClickHouse."""
    with proxy.Proxy(clickhouse_server.address.port) as standing:
        yield standing


@contextlib.contextmanager
def system_behind(
    between: proxy.Proxy, server: harness.ClickHouseServer, directory: Path, **settings: Any
) -> Iterator[harness.System]:
    """Run a system that reaches this server through the proxy, in a database of its own."""
    place, _, _ = server.url.replace(f":{server.address.port}/", f":{between.port}/").rpartition("/")
    database = f"{place}/test_{secrets.token_hex(4)}"
    with harness.system(directory, HEADRACE_CLICKHOUSE_URL=database, **settings) as system:
        yield system


def test_reports_wait_while_clickhouse_is_gone(
    tmp_path: Path,
    between: proxy.Proxy,
    clickhouse_server: harness.ClickHouseServer,
    recovered: Callable[[str, float], None],
) -> None:
    with system_behind(between, clickhouse_server, tmp_path) as system:
        opened = books.Books(system)
        with load.Load(system.project) as sent:
            sent.wait_for(A_WHILE)
            with between.away():
                books.wait_until_stuck(system, sent)
                waiting.until(lambda: between.turned_away >= TURNED_AWAY, "workers try again and again")
                sent.wait_for(A_WHILE)
            recovered("gone: clickhouse", books.recovery(system, sent, time.monotonic()))
            sent.stop()
            assert set(sent.counts) <= {"200", load.UNCONFIRMED}, sent.counts  # by a Redis that was slow
        opened.close(sent)


def test_a_full_queue_turns_senders_away_and_recovers_by_itself(
    tmp_path: Path,
    between: proxy.Proxy,
    clickhouse_server: harness.ClickHouseServer,
    recovered: Callable[[str, float], None],
) -> None:
    small = {"HEADRACE_REDIS_MAXMEMORY": str(ROOM), "HEADRACE_HIGH_WATER": str(HIGH_WATER)}
    with system_behind(between, clickhouse_server, tmp_path, **small) as system:
        opened, redis_before = books.Books(system), system.runtime.pids.redis
        with load.Load(system.project, rate=100, padding=PADDING) as sent:
            with between.away():
                waiting.until(lambda: is_turned_away(system), "a report is refused")
                sent.wait_for(REFUSED, "503")  # the load goes on against the closed door
                later = memory(system)
            back = time.monotonic()
            recovered("gone: clickhouse, queue full", books.recovery(system, sent, back))
        opened.close(sent)
        assert later["used_memory_peak"] > ROOM * HIGH_WATER
        assert later["used_memory"] < ROOM
        assert memory(system)["evicted_keys"] == 0
        assert system.runtime.pids.redis == redis_before
        waiting.until(lambda: httpx.get(f"{system.edge_url}/readyz").status_code == 200, "the edge is ready")


def is_turned_away(system: harness.System) -> bool:
    """Tell whether a report is refused for now, and the sender told when to come back.

    The first refusal says nothing of the next report: each process of the edge looks at Redis for itself,
    twice a second. This one is of a type that no edge stores, so it is in no book.
    """
    answer = system.post({"csp-report": {}}, content_type="image/png")
    return answer.status_code == 503 and answer.headers["retry-after"].isdigit()


def memory(system: harness.System) -> dict[str, int]:
    """Return what Redis says of its memory."""
    with contextlib.closing(redis.Redis.from_url(system.runtime.redis_url)) as client:
        found = {**client.info("memory"), **client.info("stats")}
    return {name: int(found[name]) for name in ("used_memory", "used_memory_peak", "evicted_keys")}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A data directory on a file system of its own, which a file can fill."""
    with disks.mounted(tmp_path / "data", DISK) as place:
        yield place


def test_reports_wait_while_the_disk_is_full(
    tmp_path: Path, small_disk: Path, recovered: Callable[[str, float], None]
) -> None:
    with harness.system(tmp_path) as system:
        opened, logs = books.Books(system), system.directory / "logs"
        with load.Load(system.project) as sent:
            sent.wait_for(A_WHILE)
            with (small_disk / "filler").open("ab", buffering=0) as filler:
                disks.fill(filler, leave=free_space.to_start(str(small_disk)))
                _wait_for_line(logs / "worker-1.log", "enough free space")
                disks.fill(filler, leave=0)
                _wait_for_line(logs / "clickhouse.log", "nearly full")
                sent.wait_for(30, load.UNCONFIRMED)  # nor has Redis room
                filler.truncate(0)
            recovered("disk full", books.recovery(system, sent, time.monotonic()))
        opened.close(sent)
        assert not system.query("SELECT 1 AS one FROM quarantine WHERE reason = 'poison'")


def _wait_for_line(log: Path, words: str) -> None:
    waiting.until(lambda: log.exists() and words in log.read_text(), f"{log.name} says {words!r}")
