"""The queue and batch protocol against a model in plain Python, over a real Redis.

Drainers come, crash at any moment, lose their lease without noticing, wake up again and go on. Appends arrive
again, clocks are ahead and go back, scripts are lost. The model keeps what must be true: each acknowledged
payload is stored exactly once, in order, under an id of its own, and nobody but the holder of the newest
token moves anything.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

from storage import errors
from storage.ledger import equations
from storage.queue import appends, batches, drift, envelope, streams
from storage.servers import clocks, scripts

if TYPE_CHECKING:
    from tests.helpers import harness

SHARD = 3
TTL_MS = 600_000


@dataclasses.dataclass(eq=False)
class Drainer:
    """One drainer as it sees itself, right or wrong."""

    lease: batches.StreamLease
    bounds: bytes | None = None
    entries: list[str] = dataclasses.field(default_factory=list)
    inserted: bool = False


class Protocol(RuleBasedStateMachine):
    """Appends and drainers in any order."""

    server: harness.RedisServer

    def __init__(self) -> None:
        super().__init__()
        self.client = self.server.client()
        self.queue = batches.Queue(self.client)
        self.waiting: list[tuple[str, int]] = []  # (entry id, payloads), oldest first
        self.bound: tuple[bytes, list[str]] | None = None
        self.newest = 0
        self.leased = False
        self.acknowledged = 0
        self.committed: list[str] = []
        self.blocks: dict[bytes, list[str]] = {}  # the deduplicating table: token to rows
        self.given: set[str] = set()
        self.behind_s = 0.0  # by how much the clocks of edge and maintenance are behind that of Redis
        self.producer = appends.Producer(whole=False)
        self.last: appends.Call | None = None

    drainers = Bundle("drainers")

    @initialize()
    def empty(self) -> None:
        self.client.flushall()

    def teardown(self) -> None:
        self.client.close()

    @rule(payloads=st.integers(1, 3))
    def append(self, payloads: int) -> None:
        body = [envelope.Payload(1, "k", "", "", "", "", 0, b"{}")] * payloads
        names = streams.keys(SHARD)
        at_s = time.time() - self.behind_s
        self.client.set(clocks.KEY, int(at_s * 1000))
        self.last = self.producer.next_call([appends.Group(names.stream, names.ledger, body)], at_s)
        entry_id = self.run_append()
        assert entry_id not in self.given
        self.given.add(entry_id)
        self.waiting.append((entry_id, payloads))
        self.acknowledged += payloads

    def run_append(self) -> str:
        assert self.last is not None
        (answer,) = scripts.APPEND_ENTRIES.run(self.client, self.last.keys, *self.last.arguments)
        return bytes(answer).decode()

    @precondition(lambda self: self.last)
    @rule()
    def the_last_append_arrives_again(self) -> None:
        assert self.run_append() in self.given

    @rule()
    def scripts_are_lost(self) -> None:
        self.client.script_flush()

    @rule(hours=st.sampled_from([0, 6, 48]))
    def clock_of_redis_is_ahead(self, hours: int) -> None:
        self.behind_s = hours * 3600.0

    @rule()
    def a_stream_is_left_ahead(self) -> None:
        """An earlier release stored by a clock that was ahead; the entry is gone, its id is not."""
        if not self.waiting:
            last = (
                self.client.xinfo_stream(streams.keys(SHARD).stream)["last-generated-id"]
                if self.given
                else b"0-0"
            )
            ahead = max(int(last.partition(b"-")[0]), int(time.time() * 1000)) + 3_600_000
            self.client.xadd(streams.keys(SHARD).stream, {"n": "", "p": ""}, id=f"{ahead}-0")
            self.client.xtrim(streams.keys(SHARD).stream, maxlen=0)
            self.given.add(f"{ahead}-0")

    @rule()
    def mend(self) -> None:
        found = drift.find(self.client, [SHARD], mend=True)
        assert not any(one.mended for one in found.values()) or not self.waiting
        assert self.waiting or self.bound or not drift.find(self.client, [SHARD])

    @rule(target=drainers)
    def acquire(self) -> Drainer | None:
        lease = self.queue.acquire(SHARD, TTL_MS)
        assert (lease is None) == self.leased
        if lease is None:
            return None
        assert lease.token > self.newest
        assert lease.bounds == (self.bound[0] if self.bound else None)
        self.newest, self.leased = lease.token, True
        return Drainer(lease, lease.bounds, self.bound[1] if self.bound else [])

    @rule()
    def lease_expires(self) -> None:
        self.client.delete(streams.keys(SHARD).lease)
        self.leased = False

    @rule(drainer=drainers, limit=st.integers(1, 6))
    def bind(self, drainer: Drainer | None, limit: int) -> None:
        if drainer is None or drainer.bounds:
            return
        read = self.queue.read(SHARD, max_bytes=1 << 20, max_payloads=limit)
        if not read:
            return
        bounds = f"{read[0].id} {read[-1].id}".encode()
        if drainer.lease.token != self.newest:
            with pytest.raises(errors.LeaseLostError):
                self.queue.bind(drainer.lease, bounds)
            return
        self.queue.bind(drainer.lease, bounds)
        drainer.bounds, drainer.entries = bounds, [item.id for item in read]
        self.bound = (bounds, drainer.entries)
        assert drainer.entries == [entry_id for entry_id, _ in self.waiting][: len(read)]

    @rule(drainer=drainers)
    def insert(self, drainer: Drainer | None) -> None:
        """Insert under the batch's token; even a zombie may get this far, with the very same block."""
        if drainer is None or not drainer.bounds:
            return
        first, last = drainer.bounds.decode().split()
        rows = [item.id for item in self.queue.read_between(SHARD, first, last)]
        if drainer.lease.token == self.newest:
            assert rows == drainer.entries
            self.blocks.setdefault(drainer.bounds, rows)
            drainer.inserted = True

    @rule(drainer=drainers)
    def renew(self, drainer: Drainer | None) -> None:
        if drainer is None:
            return
        if drainer.lease.token != self.newest:
            with pytest.raises(errors.LeaseLostError):
                self.queue.renew(drainer.lease, TTL_MS)
            return
        self.queue.renew(drainer.lease, TTL_MS)
        self.leased = True

    @rule(drainer=drainers)
    def commit(self, drainer: Drainer | None) -> None:
        if drainer is None or not drainer.bounds or not drainer.inserted:
            return
        mine = [(entry_id, count) for entry_id, count in self.waiting if entry_id in drainer.entries]
        counts = [("committed:1", sum(count for _, count in mine))]
        if drainer.lease.token != self.newest:
            with pytest.raises(errors.LeaseLostError):
                self.queue.commit(drainer.lease, drainer.bounds, drainer.entries[-1], counts)
            return
        self.queue.commit(drainer.lease, drainer.bounds, drainer.entries[-1], counts)
        self.committed += drainer.entries
        self.waiting = self.waiting[len(mine) :]
        self.bound = drainer.bounds = None
        drainer.entries, drainer.inserted = [], False

    @rule(drainer=consumes(drainers))
    def crash(self, drainer: Drainer | None) -> None:
        """The process is gone; Redis does not know."""

    @rule(drainer=consumes(drainers))
    def release(self, drainer: Drainer | None) -> None:
        if drainer is None:
            return
        self.queue.release(drainer.lease)
        if drainer.lease.token == self.newest:
            self.leased = False

    @invariant()
    def books_balance(self) -> None:
        totals = equations.counters(self.client, 16)
        assert totals["acknowledged"].get(1, 0) == self.acknowledged
        assert equations.backlog(self.client, 16) == sum(count for _, count in self.waiting)

    @invariant()
    def what_waits_is_what_was_not_committed(self) -> None:
        entries: Any = self.client.xrange(streams.keys(SHARD).stream)
        stored = [entry_id.decode() for entry_id, _ in entries]
        assert stored == [entry_id for entry_id, _ in self.waiting]

    @invariant()
    def every_committed_entry_is_stored_exactly_once(self) -> None:
        rows = [row for block in self.blocks.values() for row in block]
        assert len(rows) == len(set(rows))
        assert set(self.committed) <= set(rows)


def test_the_protocol_keeps_its_promise(redis_server: harness.RedisServer) -> None:
    machine: Any = type("Machine", (Protocol,), {"server": redis_server})
    profile = settings(
        max_examples=60,
        stateful_step_count=40,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    machine.TestCase.settings = profile
    machine.TestCase("runTest").runTest()
