"""Compares the rows of a system with the answers that a client got; and times how soon it stores again."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis
import redis.exceptions

from storage.queue import isolation, streams
from tests.faults import load
from tests.helpers import waiting

if TYPE_CHECKING:
    from tests.helpers import harness

RECOVERY_S: Final = 60.0
"""Seconds of recovery from any single fault, without a person, on a machine that does nothing else."""
_POLL_S: Final = 0.02


class Stored(NamedTuple):
    """Payloads of one shard."""

    acknowledged: int
    committed: int


class Balance(NamedTuple):
    """The result: both numbers are 0 when the promise was kept."""

    acknowledged: int
    unclear: int
    stored: int
    projects: list[dict[str, Any]]
    balanced: bool

    @property
    def lost(self) -> int:
        """Payloads that were acknowledged and are not stored, and reports that got lost later."""
        missing: int = sum(max(0, line["found"] - line["outcomes"]) for line in self.projects)
        missing += sum(max(0, line["accepted"] - line["seen"]) for line in self.projects)
        return missing + max(0, self.acknowledged - self.stored)

    @property
    def doubled(self) -> int:
        """Payloads that are stored although nobody sent them, and reports that are there twice."""
        extra: int = sum(max(0, line["outcomes"] - line["found"]) for line in self.projects)
        extra += sum(max(0, line["seen"] - line["accepted"]) for line in self.projects)
        return extra + max(0, self.stored - self.acknowledged - self.unclear)


class Books:
    """The books of one scenario: opened before its load starts, closed after it."""

    def __init__(self, system: harness.System) -> None:
        self._system = system
        self._before = sum(shard.acknowledged for shard in shards(system))

    def close(self, sent: load.Load) -> Balance:
        """Stop the load, wait until everything is stored, and compare.

        Raises:
            AssertionError: something was lost, counted twice, or answered in a way that is not allowed.
        """
        sent.stop()
        balance = self.compare(sent)
        assert set(sent.counts) <= {"200", "503", load.UNCLEAR, load.UNCONFIRMED, load.UNSENT}, sent.counts
        assert (balance.lost, balance.doubled) == (0, 0), balance
        assert balance.balanced, balance
        assert sent.acknowledged, sent.counts
        return balance

    def compare(self, sent: load.Load) -> Balance:
        """Return what was stored, once nothing waits any more."""
        self._system.wait_drained(waiting.PATIENCE_S)
        stored = sum(shard.acknowledged for shard in shards(self._system)) - self._before
        verified = self._system.ledger()
        return Balance(sent.acknowledged, sent.unclear, stored, verified["projects"], verified["balanced"])


def shards(system: harness.System) -> list[Stored]:
    """Return what Redis counted for each shard.

    Raises:
        RedisError: Redis is away.
    """
    current = system.runtime
    with contextlib.closing(redis.Redis.from_url(current.redis_url)) as client:
        pipeline = client.pipeline()
        for shard in isolation.every(current.shards):
            pipeline.hgetall(streams.keys(shard).ledger)
        ledgers = pipeline.execute()
    return [Stored(_total(counts, b"acknowledged:"), _total(counts, b"committed:")) for counts in ledgers]


def recovery(
    system: harness.System, sent: load.Load, since: float, most_s: float = waiting.PATIENCE_S
) -> float:
    """Return the seconds after ``since`` until the system stores again.

    It does when everything is committed that was acknowledged until the first request that was both sent and
    acknowledged after ``since`` (``time.monotonic()``).

    Raises:
        AssertionError: that takes longer than ``most_s``.
    """
    goal: list[Stored] | None = None
    while time.monotonic() < since + most_s:
        with contextlib.suppress(redis.exceptions.RedisError):
            if goal is None and sent.newest > since:
                goal = shards(system)
            if goal and _reached(goal, shards(system)):
                return time.monotonic() - since
        time.sleep(_POLL_S)
    with contextlib.suppress(redis.exceptions.RedisError):
        goal = [*(goal or []), *shards(system)]
    raise AssertionError(f"It did not store again within {most_s:.0f} s: {goal}, {sent.counts}")


def wait_until_stuck(system: harness.System, sent: load.Load) -> None:
    """Wait until reports are acknowledged while none is committed: what was nearly done is done."""
    while True:
        before = _committed(system)
        sent.wait_for(100)
        if _committed(system) == before:
            return


def _committed(system: harness.System) -> int:
    return sum(shard.committed for shard in shards(system))


def _reached(goal: list[Stored], now: list[Stored]) -> bool:
    return all(reached.committed >= wanted.acknowledged for wanted, reached in zip(goal, now, strict=True))


def _total(counts: dict[bytes, bytes], prefix: bytes) -> int:
    return sum(int(amount) for field, amount in counts.items() if field.startswith(prefix))
