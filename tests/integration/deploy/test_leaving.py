"""What leaves is counted: by retention, replay, drop, expiry, deletion, in any order and killed anywhere."""

from __future__ import annotations

import contextlib
import json
import random
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from deploy.replay import reingest, requeue
from storage import errors
from storage.archive import books
from storage.findings import due, rebuild
from storage.ledger import equations
from storage.projects import model, project_settings, registry
from storage.quarantine import custody, quarantined
from storage.queue import appenders, batches, drift, envelope, pause, streams
from storage.removal import deletion, drops, removals, retention
from storage.servers import clickhouse, leases
from storage.tables import refusals
from tests.helpers import invariant, mortal, servers, waiting
from workers.draining import batch_limits, drain

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis


pytestmark = pytest.mark.integration

DAY_MS = retention.DAY_MS
STEPS = 40
"""The steps of one schedule, which take about ten seconds."""


def report(age_days: float = 0) -> bytes:
    body = {
        "documentURL": "https://a.example/",
        "effectiveDirective": "img-src",
        "blockedURL": "https://t.example/",
    }
    item = {"type": "csp-violation", "age": int(age_days * DAY_MS), "url": "https://a.example/", "body": body}
    return json.dumps([item]).encode()


class World:
    """A queue and a database, and every process that moves what is in them."""

    def __init__(self, server: clickhouse.Connection, client: redis.Redis) -> None:
        self.server, self.client = server, client
        self.source = registry.Registry(server)
        self.born = 0

    def create(self) -> model.Project:
        self.born += 1
        return self.publish(self.source.create(f"p{self.born}"))

    def publish(self, project: model.Project) -> model.Project:
        self.source.publish(self.client)
        return project

    def keep(self, project: model.Project, days: int) -> None:
        """Set a project's retention."""
        settings = project_settings.ProjectSettings(retention=days)
        change = lambda current: msgspec.structs.replace(current, settings=settings)  # noqa: E731
        self.publish(self.source.change(str(project.id), change))

    def send(self, project_id: int, *bodies: bytes, release: str = "1") -> None:
        payloads = [envelope.Payload(project_id, "key", "prod", release, "", "", 0, body) for body in bodies]
        shard = envelope.shard_of(project_id, "prod", release, servers.SHARDS)
        appenders.Appender(self.client).append({shard: payloads})

    def drainer(self) -> drain.Drainer:
        limits = batch_limits.BatchLimits(attempts=10_000)
        return drain.Drainer(batches.Queue(self.client), self.client, self.server, time.monotonic, limits)

    def drain(self) -> None:
        for shard in range(servers.SHARDS):
            if self.client.exists(streams.keys(shard).stream):
                self.drainer().drain(shard)

    def enforce(self) -> int:
        return retention.enforce(self.server, self.client, servers.SHARDS, self.source.list())

    def replay(self, selection: quarantined.Selection) -> requeue.Requeue:
        with custody.taken(self.server, self.client, 0) as lease:
            sink = reingest.Sink(self.client, servers.SHARDS, 0.8)
            run = requeue.Requeue(self.server, self.client, sink, lease)
            for page in quarantined.pages(
                self.server, custody.committed(self.client, servers.SHARDS, selection)
            ):
                run.store(page)
            return run

    def drop(self, selection: quarantined.Selection) -> None:
        with custody.taken(self.server, self.client, 0):
            quarantined.drop(self.server, custody.committed(self.client, servers.SHARDS, selection))

    def expire(self) -> int:
        return custody.expire(self.server, self.client, servers.SHARDS, lambda _: True)

    def delete(self, project: model.Project) -> None:
        deletion.delete(self.server, self.client, servers.SHARDS, project)

    def dies(self, death: mortal.Mortal, work: Callable[[], object]) -> bool:
        """Run a process that dies on the way, unless it is done before; whether it died."""
        with death.living(self.server, self.client):
            work()
        for lease in [*self.client.scan_iter("headrace:*lease*"), pause.KEY.encode()]:
            if not lease.endswith(b":fence"):
                self.client.delete(lease)  # as if its time had passed
        return death.dead

    def settle(self) -> None:
        """Let living processes bring everything to an end."""
        self.source.publish(self.client)
        self.drain()
        with custody.taken(self.server, self.client, 0):
            pass
        self.enforce()
        self.finish()
        deletion.sweep(self.server, self.client, servers.SHARDS)

    def finish(self) -> None:
        """Finish interrupted drops and rebuilds, as maintenance does."""
        with leases.hold(self.client, leases.STORED_ROWS) as lease:
            drops.Dropper(self.server, self.client, servers.SHARDS, lease).resume()
            rebuild.finish_due(self.server, self.client, servers.SHARDS, lease)

    def drop_release(self, project_id: int, release: str) -> int:
        with leases.hold(self.client, leases.STORED_ROWS) as lease:
            dropper = drops.Dropper(self.server, self.client, servers.SHARDS, lease)
            return dropper.drop(project_id, [("prod", release)])

    def lines(self) -> dict[int, equations.Line]:
        return {line.project_id: line for line in equations.verify(self.server, self.client, servers.SHARDS)}

    def check(self) -> dict[int, equations.Line]:
        """Check that all equations hold, and that nothing is left of deleted projects."""
        lines = self.lines()
        for line in lines.values():
            assert line.balanced, (line.differences, line)
        gone = {project.id for project in self.source.deleted()}
        assert not gone & lines.keys()
        assert not (gone and deletion._stored(self.server, sorted(gone)))
        assert removals.unfinished(self.server) == []
        assert self.server.execute("SELECT count() FROM leaving") == [(0,)]
        assert invariant.differences(self.server) == []
        assert due.months(self.server) == []
        return lines


@pytest.fixture
def world(bare: servers.Servers, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(deletion, "SETTLE_S", 0)
    monkeypatch.setattr(deletion, "DRAIN_S", 0)
    monkeypatch.setattr(retention, "SETTLE_S", 0)
    books.restore(bare.client, bare.server)  # so that no drain has to
    world = World(bare.server, bare.client)
    world.born = 100  # the project ``shop`` is there already
    return world


EVERYTHING = quarantined.Selection(reason="not_an_object")
EQUAL = json.dumps([1] * 16).encode()


def seeded() -> random.Random:
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - what a failure is repeated by
    return random.Random(seed)


def test_equal_rows_are_replayed_each(world: World) -> None:
    for _ in range(30):
        world.send(1, EQUAL)
    world.drain()
    assert len(world.replay(EVERYTHING).receipts) == 480
    world.drain()
    line = world.check()[1]
    assert (line.quarantined, line.replayed, line.held, line.acknowledged) == (960, 480, 480, 510)


def test_equal_rows_of_an_older_release_are_replayed_each(world: World) -> None:
    for _ in range(30):
        world.send(1, EQUAL)
    world.drain()
    synchronous = {"mutations_sync": 1}
    world.server.execute("ALTER TABLE quarantine UPDATE item = 0 WHERE 1", settings=synchronous)
    world.client.hdel(streams.keys(envelope.shard_of(1, "prod", "1", servers.SHARDS)).ledger, "quarantined:1")
    assert len(world.replay(EVERYTHING).receipts) == 480
    world.drain()
    line = world.check()[1]
    assert (line.quarantined, line.replayed, line.held, line.acknowledged) == (480, 0, 480, 510)


@pytest.mark.parametrize("way", ["replay", "drop", "expire"])
def test_rows_leave_the_quarantine_once_wherever_the_process_dies(
    world: World, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(quarantined, "KEPT_DAYS", -1)
    chance = seeded()
    work: Callable[[], object] = {
        "replay": lambda: world.replay(EVERYTHING),
        "drop": lambda: world.drop(EVERYTHING),
        "expire": world.expire,
    }[way]
    sent = 0
    for death in mortal.deaths(chance, 8, 30):
        world.send(1, b"[1, 1, 2]", b"[3]")
        sent += 4
        world.drain()
        world.dies(death, work)
        assert all(line.quarantined == line.placed for line in world.lines().values())
    monkeypatch.setattr(quarantined, "KEPT_DAYS", 14)
    world.settle()
    line = world.check()[1]
    assert line.quarantined == sent + line.replayed
    assert line.outcomes == sent + line.replayed


def test_of_two_replays_at_once_one_waits_its_turn(world: World) -> None:
    world.send(1, EQUAL)
    world.drain()
    with custody.taken(world.server, world.client, 0):
        with pytest.raises(errors.HeadraceError, match="at it just now"):
            world.replay(EVERYTHING)
        with pytest.raises(errors.HeadraceError, match="at it just now"):
            world.drop(EVERYTHING)
    assert len(world.replay(EVERYTHING).receipts) == 16


def test_a_replay_that_was_frozen_past_its_lease_stores_nothing_more(world: World) -> None:
    world.send(1, b"[1]", b"[2]")
    world.drain()
    with custody.taken(world.server, world.client, 0) as lease:
        frozen = requeue.Requeue(
            world.server, world.client, reingest.Sink(world.client, servers.SHARDS, 0.8), lease
        )
        (page,) = quarantined.pages(world.server, EVERYTHING)
        world.client.delete(lease.key)
        assert len(world.replay(EVERYTHING).receipts) == 2
        with pytest.raises(errors.LeaseLostError):
            frozen.store(page)
    world.drain()
    assert world.check()[1].replayed == 2


def test_a_holder_that_redis_forgot_has_lost_its_lease(world: World) -> None:
    with leases.hold(world.client, leases.QUARANTINE) as frozen:
        world.client.delete(frozen.key, f"{frozen.key}:fence")  # as a replica that lagged has it
        with leases.hold(world.client, leases.QUARANTINE) as other:
            assert other.token > frozen.token
        with pytest.raises(errors.LeaseLostError):
            frozen.require()


def test_rows_of_a_batch_that_is_not_committed_stay_where_they_are(world: World) -> None:
    world.send(1, b"[1]")
    for calls in range(1, 40):
        world.dies(mortal.Mortal(calls, after=True), world.drain)
        if world.server.execute("SELECT count() FROM quarantine") == [(1,)]:
            break
    world.drop(EVERYTHING)
    assert world.replay(EVERYTHING).receipts == []
    world.drain()
    world.drop(EVERYTHING)
    line = world.check()[1]
    assert (line.quarantined, line.dropped, line.held) == (1, 1, 0)


def test_rows_whose_ids_a_wrong_clock_made_leave_once_their_stream_is_mended(world: World) -> None:
    shard = envelope.shard_of(1, "prod", "1", servers.SHARDS)
    names = streams.keys(shard)
    ahead_ms = int(time.time() * 1000) + 365 * DAY_MS
    entry: Any = {
        "n": "1 1",
        "p": envelope.encode([envelope.Payload(1, "key", "prod", "1", "", "", 0, b"[1]")]),
    }
    world.client.delete(names.stream)
    world.client.xadd(names.stream, entry, id=f"{ahead_ms}-0")
    world.client.hincrby(names.ledger, "acknowledged:1", 1)
    world.drain()
    assert drift.find(world.client, [shard], mend=True)[shard].mended
    assert len(world.replay(EVERYTHING).receipts) == 1
    assert world.replay(EVERYTHING).receipts == []
    world.drain()
    assert world.check()[1].replayed == 1


@pytest.mark.parametrize("status", ["disabled", "retired"])
def test_nothing_is_stored_again_for_a_project_that_takes_no_reports(
    world: World, status: model.Status
) -> None:
    world.send(1, b"[1]")
    world.drain()
    world.publish(world.source.set_status("shop", status))
    run = world.replay(EVERYTHING)
    assert [(row["reason"], run.receipts) for row in run.kept] == [
        (f"Project 1 is {status}: it takes no reports.", [])
    ]
    assert world.check()[1].held == 1


def test_a_project_that_is_retired_during_a_replay_gets_nothing_more(world: World) -> None:
    world.send(1, b"[1]")
    world.drain()
    with custody.taken(world.server, world.client, 0) as lease:
        run = requeue.Requeue(
            world.server, world.client, reingest.Sink(world.client, servers.SHARDS, 0.8), lease
        )
        world.publish(world.source.set_status("shop", "retired"))
        (page,) = quarantined.pages(world.server, EVERYTHING)
        assert len(run.store(page)) == 1
    assert (run.receipts, world.check()[1].held) == ([], 1)


def test_an_interrupted_removal_is_withdrawn_when_its_project_wants_to_keep_its_reports(world: World) -> None:
    world.send(1, *[report(6)] * 3, release="old")
    world.drain()
    world.keep(world.source.get("shop"), 1)
    for calls in range(1, 60):
        world.dies(mortal.Mortal(calls, after=True), world.enforce)
        if removals.unfinished(world.server):
            break
    assert not removals.mutations(world.server, removals.unfinished(world.server)[0])
    world.keep(world.source.get("shop"), 0)
    world.send(1, report(6), release="old")
    world.settle()
    line = world.check()[1]
    assert (line.accepted, line.seen) == (3, 3)
    assert world.server.execute("SELECT sum(seen) FROM reports") == [(3,)]


def test_a_batch_bound_before_the_retention_was_lowered_is_waited_for(world: World) -> None:
    world.send(1, *[report(6)] * 5)
    begun = streams.keys(envelope.shard_of(1, "prod", "1", servers.SHARDS)).begun
    for calls in range(1, 40):
        world.dies(mortal.Mortal(calls, after=True), world.drain)
        if world.client.exists(begun):
            break
    world.keep(world.source.get("shop"), 1)
    world.send(1, report(6), report(), release="2")
    assert world.enforce() == 0, "it may store rows below the cutoff"
    world.drain()
    assert world.enforce() == 5
    line = world.check()[1]
    assert (line.found, line.accepted, line.seen) == (7, 6, 6)


def test_a_batch_bound_but_not_begun_is_bound_again_without_what_is_removed(world: World) -> None:
    world.send(1, *[report(6)] * 5)
    bounds = streams.keys(envelope.shard_of(1, "prod", "1", servers.SHARDS)).bounds
    for calls in range(1, 40):
        world.dies(mortal.Mortal(calls, after=True), world.drain)
        if world.client.exists(bounds):
            break
    world.send(1, report(6), release="2")
    world.drainer().drain(envelope.shard_of(1, "prod", "2", servers.SHARDS))
    world.keep(world.source.get("shop"), 1)
    assert world.enforce() == 0
    world.drain()
    assert world.enforce() == 1
    line = world.check()[1]
    assert (line.found, line.accepted) == (6, 1)


def test_a_registry_that_changes_while_a_batch_is_bound_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bind = batches.Queue.bind

    def bound(queue: batches.Queue, lease: batches.StreamLease, bounds: bytes, *, planned: int) -> None:
        monkeypatch.setattr(batches.Queue, "bind", bind)
        forbid = lambda project: msgspec.structs.replace(project, removed_before=now_ms - 3 * DAY_MS)  # noqa: E731
        world.publish(world.source.change("1", forbid))
        bind(queue, lease, bounds, planned=planned)

    now_ms = int(time.time() * 1000)
    world.send(1, report(6), report())
    monkeypatch.setattr(batches.Queue, "bind", bound)
    world.drain()
    assert world.check()[1].accepted == 1


def test_a_process_that_was_frozen_deletes_nothing_of_a_removal_that_is_over(world: World) -> None:
    world.send(1, *[report(6)] * 3)
    world.drain()
    cutoff = int(time.time() * 1000) - 3 * DAY_MS
    begun = removals.begin(world.server, removals.Removal(1, 1, cutoff, (("prod", "1"),)))
    assert begun.reports == 3
    with pytest.raises(errors.LeaseLostError):
        removals.begin(world.server, begun._replace(cutoff=cutoff + 1))
    removals.withdraw(world.server, begun)
    removals.delete(world.server, begun)
    assert world.check()[1].seen == 3


def test_a_mutation_that_fails_is_told_and_waited_for(world: World) -> None:
    world.send(1, report(6))
    world.drain()
    cutoff = int(time.time() * 1000) - 3 * DAY_MS
    begun = removals.begin(world.server, removals.Removal(1, 1, cutoff, (("prod", "1"),)))
    name = str(begun.parameters["name"])
    fails = "ALTER TABLE reports_live DELETE WHERE %(name)s != '' AND throwIf(seen > 0, 'no room')"
    world.server.execute(fails, {"name": name}, settings={"mutations_sync": 0})
    waiting.until(lambda: removals.mutations(world.server, begun)[0][2] != "", "the mutation has failed")
    with pytest.raises(errors.ClickHouseUnavailableError, match=r"not deleted yet: .*no room"):
        removals.delete(world.server, begun)
    world.server.execute("KILL MUTATION WHERE table = 'reports_live' AND database = currentDatabase() SYNC")
    world.keep(world.source.get("shop"), 1)
    world.enforce()
    line = world.check()[1]
    assert (line.accepted, line.seen) == (1, 1)
    assert world.server.execute("SELECT count() FROM reports") == [(0,)]


def test_old_reports_go_once_wherever_the_process_dies(world: World) -> None:
    chance = seeded()
    world.keep(world.source.get("shop"), 1)
    for number, death in enumerate(mortal.deaths(chance, 8, 40)):
        world.keep(world.source.get("shop"), 0)
        world.send(1, report(6), report(6), report(), release=str(number % 3))
        world.drain()
        world.keep(world.source.get("shop"), chance.choice([1, 3]))
        world.dies(death, world.enforce)
        line = world.lines()[1]
        assert line.accepted == line.seen, line
    world.settle()
    world.check()


def test_a_project_is_deleted_wherever_the_process_dies(world: World) -> None:
    chance = seeded()
    for death in mortal.deaths(chance, 5, 60):
        project = world.create()
        world.send(project.id, report(), report(6), b"[1]")
        world.drain()
        retired = world.publish(world.source.set_status(str(project.id), "retired"))
        world.dies(death, lambda retired=retired: world.delete(retired))  # type: ignore[misc]
        world.send(project.id, report(), b"[1]")  # of an edge that was frozen meanwhile
        world.settle()
        living = {each.id: each for each in world.source.list()}
        if project.id in living:
            world.delete(living[project.id])
        assert project.id in {each.id for each in world.source.deleted()}
        world.check()


def test_what_comes_in_for_a_deleted_project_is_dropped(world: World) -> None:
    project = world.create()
    retired = world.publish(world.source.set_status(str(project.id), "retired"))
    world.delete(retired)
    world.send(project.id, report(), b"[1]")
    world.send(1, report())
    shard = envelope.shard_of(project.id, "prod", "1", servers.SHARDS)
    world.client.xadd(streams.keys(shard).stream, {"n": f"{project.id} 2", "p": b"garbage"})
    world.client.hincrby(streams.keys(shard).ledger, f"acknowledged:{project.id}", 2)
    refused = refusals.RefusalKey(1790000040, project.id, "k", "", "", "retired")
    world.client.hset(refusals.PENDING_KEY, msgspec.json.encode(refused).decode(), 3)
    world.drain()
    refusals.move(world.client, world.server)
    world.settle()
    assert world.check().keys() == {1}


def test_rows_that_come_in_after_a_deletion_are_swept(world: World) -> None:
    project = world.create()
    world.delete(world.publish(world.source.set_status(str(project.id), "retired")))
    world.server.execute("INSERT INTO reports_live (project_id, seen) VALUES", [(project.id, 1)])
    world.server.execute("INSERT INTO outcomes (project_id, quantity) VALUES", [(project.id, 1)])
    assert deletion.sweep(world.server, world.client, servers.SHARDS) == [project.id]
    assert deletion.sweep(world.server, world.client, servers.SHARDS) == []
    world.check()


class Schedule:
    """Takes steps at random."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.steps = (
            *[self.send] * 4,
            *[self.drain] * 3,
            self.keep,
            *[self.enforce] * 2,
            *[self.replay] * 2,
            self.drop,
            self.expire,
            self.delete,
            self.create,
            *[self.drop_release] * 2,
        )

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.chance.choice(self.steps)()

    def dies(self, most: int, work: Callable[[], object]) -> None:
        calls = self.chance.randint(1, most)
        with contextlib.suppress(deletion.DeletionError):  # what waits in the queue has to be drained first
            self.world.dies(mortal.Mortal(calls, after=self.chance.random() < 0.5), work)

    def any_project(self) -> model.Project:
        return self.chance.choice(self.world.source.list())

    def send(self) -> None:
        kinds = [report(), report(6), b"[1, 1]", b"[2]"]
        bodies = self.chance.choices(kinds, k=self.chance.randint(1, 5))
        self.world.send(self.any_project().id, *bodies, release=self.chance.choice("12"))

    def drain(self) -> None:
        self.dies(60, self.world.drain)

    def keep(self) -> None:
        self.world.keep(self.any_project(), self.chance.choice([0, 1, 1, 3, 30]))

    def enforce(self) -> None:
        self.dies(60, self.world.enforce)

    def replay(self) -> None:
        self.dies(60, lambda: self.world.replay(EVERYTHING))

    def drop(self) -> None:
        chosen = quarantined.Selection(project_id=self.any_project().id)
        self.dies(30, lambda: self.world.drop(chosen))

    def expire(self) -> None:
        self.dies(30, self.world.expire)

    def drop_release(self) -> None:
        self.world.drain()  # a batch under way keeps the pause from being held
        project_id, release = self.any_project().id, self.chance.choice("12")
        self.dies(60, lambda: self.world.drop_release(project_id, release))

    def create(self) -> None:
        if len(self.world.source.list()) < 3:
            self.world.create()

    def delete(self) -> None:
        if len(self.world.source.list()) < 2:
            self.world.create()
        retired = self.world.publish(self.world.source.set_status(str(self.any_project().id), "retired"))
        self.dies(100, lambda: self.world.delete(retired))


def test_the_ledger_holds_after_any_schedule(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantined, "KEPT_DAYS", -1)
    Schedule(world, seeded()).run(STEPS)
    world.settle()
    world.check()
