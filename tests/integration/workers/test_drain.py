"""The drain over real servers: whatever interrupts it, each report is stored and counted exactly once."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from storage import errors
from storage.ledger import equations
from storage.projects import model, partitions, project_settings, registry
from storage.queue import batches, envelope, streams
from storage.servers import clickhouse
from storage.tables import writer
from tests.integration.workers import drains
from workers.draining import batch_limits, drain
from workers.failures import failpoints
from workers.model import outcomes
from workers.poison import search
from workers.reading import decode
from workers.rows import collapse, quarantine
from workers.stages import evaluate

if TYPE_CHECKING:
    import redis


@pytest.fixture
def drainer(client: redis.Redis, server: clickhouse.Connection) -> drain.Drainer:
    return drain.Drainer(batches.Queue(client), client, server, time.monotonic)


def test_a_shard_is_drained_to_the_end(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection
) -> None:
    for start in range(0, 60, 20):
        drains.append(client, *(drains.payload(drains.report(number)) for number in range(start, start + 20)))
    assert drainer.drain(drains.SHARD) == drain.Drained(1, 60, 60)
    assert drainer.drain(drains.SHARD) == drain.Drained(0, 0, 0)
    assert drains.balanced(server, client).seen == 60
    assert server.execute("SELECT count(), uniqExact(fingerprint), sum(seen) FROM reports") == [(60, 60, 60)]


def test_equal_reports_of_different_batches_meet_in_one_row(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection
) -> None:
    for _ in range(3):
        drains.append(client, drains.payload(drains.report()), drains.payload(drains.report()))
        drainer.drain(drains.SHARD)
    rows = server.execute("SELECT seen, title FROM reports FINAL")
    assert sum(seen for seen, _ in rows) == 6
    assert {title for _, title in rows} == {"Blocked image from tracker0.example"}
    assert drains.balanced(server, client).seen == 6


def test_a_backlog_is_cut_into_bounded_batches(client: redis.Redis, server: clickhouse.Connection) -> None:
    limits = batch_limits.BatchLimits(max_payloads=20, max_reports=10)
    drainer = drain.Drainer(batches.Queue(client), client, server, time.monotonic, limits)
    item = json.loads(drains.report())["csp-report"]
    array = json.dumps([{"type": "csp-violation", "url": "https://a.example/", "body": item}] * 8).encode()
    for _ in range(10):
        drains.append(client, drains.payload(array))
    done = drainer.drain(drains.SHARD)
    assert done.payloads == 10
    assert done.batches >= 5
    assert drains.balanced(server, client).found == 80


def test_a_drain_yields_when_its_time_is_up(client: redis.Redis, server: clickhouse.Connection) -> None:
    limits = batch_limits.BatchLimits(max_payloads=2, budget_s=0)
    drainer = drain.Drainer(batches.Queue(client), client, server, time.monotonic, limits)
    for number in range(6):
        drains.append(client, drains.payload(drains.report(number)))
    assert drainer.drain(drains.SHARD).batches == 1
    assert equations.backlog(client, drains.SHARDS) == 4


def test_a_held_shard_is_left_alone(drainer: drain.Drainer, client: redis.Redis) -> None:
    drains.append(client, drains.payload(drains.report()))
    assert batches.Queue(client).acquire(drains.SHARD, 60_000)
    assert drainer.drain(drains.SHARD) == drain.Drained(0, 0, 0)


@pytest.mark.parametrize("point", failpoints.POINTS)
def test_interrupted_at_any_point_it_counts_everything_once(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection, point: str
) -> None:
    drains.append(
        client, *(drains.payload(drains.report(number)) for number in range(10)), drains.payload(b"[1]")
    )
    failpoints.arm(f"{point}=raise@1")
    with contextlib.suppress(failpoints.FailpointError):
        drainer.drain(drains.SHARD)
    failpoints.arm("")
    drains.append(client, drains.payload(drains.report(99)))
    while equations.backlog(client, drains.SHARDS):
        drainer.drain(drains.SHARD)
    line = drains.balanced(server, client)
    assert (line.acknowledged, line.found) == (12, 12)


def test_a_zombie_adds_nothing(client: redis.Redis, server: clickhouse.Connection, address: Any) -> None:
    """A drainer is frozen before its commit; another one takes over and finishes; the first wakes up."""
    drains.append(client, *(drains.payload(drains.report(number)) for number in range(10)))
    queue = batches.Queue(client)
    zombie = drain.Drainer(queue, client, server, time.monotonic)
    own = clickhouse.connect(address)
    heir = drain.Drainer(queue, client, own, time.monotonic)

    class Frozen(batches.Queue):
        def commit(self, *arguments: Any) -> None:
            client.delete(streams.keys(drains.SHARD).lease)  # the lease expires while it is frozen
            assert heir.drain(drains.SHARD).payloads == 10
            super().commit(*arguments)

    zombie._queue = Frozen(client)
    with pytest.raises(errors.LeaseLostError):
        zombie.drain(drains.SHARD)
    own.close()
    assert drains.balanced(server, client).seen == 10


def test_a_corrupt_entry_is_kept_and_counted_and_its_neighbours_go_on(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection
) -> None:
    drains.append(client, drains.payload(drains.report()))
    for noted, value in (
        (b"1 2", b"\xff garbage"),
        (b"1 3", envelope.encode([drains.payload(drains.report())] * 3)[:-9]),
    ):
        client.xadd(streams.keys(drains.SHARD).stream, {"n": noted, "p": value})
        client.hincrby(streams.keys(drains.SHARD).ledger, "acknowledged:1", int(noted.split()[1]))
    drains.append(client, drains.payload(drains.report(1)))
    assert drainer.drain(drains.SHARD).reports == 7
    assert drains.balanced(server, client).accepted == 2
    assert drains.counted(server)["invalid", outcomes.Reason.CORRUPT_ENTRY] == 5
    assert server.execute("SELECT count() FROM quarantine WHERE reason = 'corrupt_entry'") == [(2,)]


def test_an_entry_of_a_future_version_is_kept_as_it_is(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection
) -> None:
    value = b"\x92\x07\x90"
    client.xadd(streams.keys(drains.SHARD).stream, {"n": "1 1", "p": value})
    client.hincrby(streams.keys(drains.SHARD).ledger, "acknowledged:1", 1)
    drainer.drain(drains.SHARD)
    drains.balanced(server, client)
    ((error, raw),) = server.execute("SELECT error, hex(raw) FROM quarantine")
    assert "version 7" in error
    assert bytes.fromhex(raw) == value


STAGES = [
    pytest.param((decode, "decode"), id="decode"),
    pytest.param((evaluate, "evaluate_payloads"), id="evaluate"),
    pytest.param((collapse.Collapser, "add"), id="collapse"),
    pytest.param((quarantine.Quarantine, "add"), id="quarantine"),
]


@pytest.fixture(params=STAGES)
def broken_stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One stage raises whenever something of the page ``venom`` reaches it."""
    owner, name = request.param
    original = getattr(owner, name)

    def breaking(*arguments: Any, **named: Any) -> Any:
        if drains.mentions_venom(arguments):
            raise ZeroDivisionError("venom")
        return original(*arguments, **named)

    monkeypatch.setattr(owner, name, breaking)


@pytest.mark.usefixtures("broken_stage")
def test_a_payload_that_breaks_a_stage_is_quarantined_alone(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection
) -> None:
    everything = [drains.payload(drains.report(number)) for number in range(30)]
    everything.insert(
        17, drains.payload(drains.report(0, **{"document-uri": "https://shop.example/page/venom"}))
    )
    drains.append(client, *everything[:17])
    drains.append(client, everything[17])
    drains.append(client, *everything[18:])
    assert drainer.drain(drains.SHARD).payloads == 31
    line = drains.balanced(server, client)
    assert (line.found, line.accepted) == (31, 30)
    ((error, raw),) = server.execute("SELECT error, raw FROM quarantine")
    assert error.startswith("ZeroDivisionError in integration/workers/test_drain.py, line ")
    assert "/page/venom" in str(raw)


def test_a_payload_that_takes_the_process_down_is_found(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os  # noqa: PLC0415 - only here
    import signal  # noqa: PLC0415 - only here

    original = evaluate.evaluate_payloads

    def crashing(keys: Any) -> Any:
        if drains.mentions_venom(keys):
            os.kill(os.getpid(), signal.SIGKILL)
        return original(keys)

    venom = drains.report(0, **{"document-uri": "https://shop.example/page/venom"})
    drains.append(
        client, drains.payload(drains.report(1)), drains.payload(venom), drains.payload(drains.report(2))
    )
    monkeypatch.setattr(evaluate, "evaluate_payloads", crashing)
    queue = batches.Queue(client)
    for _ in range(8):
        child = os.fork()
        if child == 0:
            connection = clickhouse.connect(server._address)
            with contextlib.suppress(BaseException):
                drain.Drainer(queue, client, connection, time.monotonic).drain(drains.SHARD)
            os._exit(0)
        os.waitpid(child, 0)
        client.delete(streams.keys(drains.SHARD).lease)
        if not equations.backlog(client, drains.SHARDS):
            break
    line = drains.balanced(server, client)
    assert (line.found, line.accepted) == (3, 2)
    assert drains.counted(server)["invalid", outcomes.Reason.POISON] == 1


def test_rows_that_clickhouse_refuses_are_quarantined(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection
) -> None:
    constraint = "ALTER TABLE reports_live ADD CONSTRAINT no_venom CHECK NOT position(document, 'venom') > 0"
    server.execute(constraint)
    venom = drains.report(0, **{"document-uri": "https://shop.example/page/venom"})
    drains.append(
        client, *(drains.payload(drains.report(number)) for number in range(9)), drains.payload(venom)
    )
    assert drainer.drain(drains.SHARD).payloads == 10
    line = drains.balanced(server, client)
    assert (line.found, line.accepted) == (10, 9)
    ((receipt, error),) = server.execute("SELECT receipt, error FROM quarantine")
    assert receipt.endswith("-9")
    assert "no_venom" in error


def test_a_table_that_lost_a_column_blocks_nothing(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection
) -> None:
    server.execute("ALTER TABLE reports_live DROP COLUMN sample")
    drains.append(client, *(drains.payload(drains.report(number)) for number in range(40)))
    assert drainer.drain(drains.SHARD).payloads == 40
    server.execute("ALTER TABLE reports_live ADD COLUMN sample String AFTER column")
    assert drains.balanced(server, client).accepted == 0
    assert drains.counted(server) == {("invalid", outcomes.Reason.POISON): 40}


def test_a_server_that_limits_partitions_gets_smaller_batches(
    drainer: drain.Drainer,
    client: redis.Redis,
    server: clickhouse.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limited = {**writer._SETTINGS, "max_partitions_per_insert_block": 3}
    monkeypatch.setattr(writer, "_SETTINGS", limited)
    for number in range(8):
        drains.append(client, drains.payload(drains.report(), release=f"1.{number}"))
    while equations.backlog(client, drains.SHARDS):
        drainer.drain(drains.SHARD)
    assert drains.balanced(server, client).accepted == 8


def test_made_up_releases_share_a_partition(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection
) -> None:
    settings = project_settings.ProjectSettings(max_partitions=2)
    project = model.Project(id=1, name="shop", keys=("key",), settings=settings)
    snapshot = model.Snapshot(version=1, projects=(project,))
    client.set(registry.SNAPSHOT_KEY, msgspec.msgpack.encode(snapshot))
    pairs = [("prod", "1"), ("prod", "2"), ("prod", "3"), ("made-up", "4")]
    drains.append(
        client, *(drains.payload(drains.report(), environment=env, release=release) for env, release in pairs)
    )
    drainer.drain(drains.SHARD)
    rows = server.execute(
        "SELECT environment, release, details['environment'], details['release'] FROM reports"
    )
    assert sorted(rows) == [
        ("", "(other)", "made-up", "4"),
        ("prod", "(other)", "", "3"),
        ("prod", "1", "", ""),
        ("prod", "2", "", ""),
    ]
    drains.balanced(server, client)


def test_reports_of_an_archived_release_go_to_the_archive(
    drainer: drain.Drainer, client: redis.Redis, server: clickhouse.Connection
) -> None:
    partitions.restore(client, {})
    partitions.adjust(client, 1, archived={("prod", "0.9"): 1})
    for _ in range(2):
        drains.append(client, drains.payload(drains.report(), release="0.9"), drains.payload(drains.report()))
        drainer.drain(drains.SHARD)
    stored_in = "SELECT release, sum(seen) FROM {} GROUP BY release"
    assert server.execute(stored_in.format("reports_live")) == [("1.0", 2)]
    assert server.execute(stored_in.format("reports_archive")) == [("0.9", 2)]
    assert server.execute(
        "SELECT release, sum(seen) FROM finding_days GROUP BY release ORDER BY release"
    ) == [
        ("0.9", 2),
        ("1.0", 2),
    ]
    drains.balanced(server, client)


def test_an_unreachable_clickhouse_leaves_the_batch_where_it_is(
    client: redis.Redis, server: clickhouse.Connection, drainer: drain.Drainer
) -> None:
    drains.append(client, drains.payload(drains.report()))
    dead = clickhouse.connect(clickhouse.Address("127.0.0.1", 1))
    for _ in range(6):
        with pytest.raises(errors.ClickHouseUnavailableError):
            drain.Drainer(batches.Queue(client), client, dead, time.monotonic).drain(drains.SHARD)
    assert drainer.drain(drains.SHARD).payloads == 1
    assert drains.balanced(server, client).accepted == 1


def test_a_trial_that_fails_only_as_a_whole_finds_nobody() -> None:
    def trial(entries: Any) -> None:
        if len(entries) > 3:
            raise ValueError("too many")

    entries = [envelope.Entry(f"{number}-0", [drains.payload(b"{}")]) for number in range(8)]
    assert search.poison_payloads(drains.SHARD, entries, trial) == {}
    assert search.poison_payloads(drains.SHARD, entries[:3], trial) is None


def test_a_trial_that_fails_once_finds_nobody() -> None:
    failures = [ValueError("once")]

    def trial(_: Any) -> None:
        if failures:
            raise failures.pop()

    entries = [envelope.Entry(f"{number}-0", [drains.payload(b"{}")]) for number in range(8)]
    assert search.poison_payloads(drains.SHARD, entries, trial) is None
    failures.append(ValueError("once"))
    assert search.poison_payloads(drains.SHARD, entries[:1], trial) is None
