"""No payload is quarantined that passes alone, whatever ends, freezes or breaks around its batch."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from storage.ledger import equations
from storage.queue import appenders, streams
from storage.servers import clickhouse
from tests.helpers import waiting
from tests.integration.workers import armed, drains
from workers import pipeline
from workers.draining import rescue
from workers.failures import failpoints
from workers.poison import search
from workers.process import dispatcher
from workers.stages import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

    from deploy.processes import child
    from tests.helpers import harness

SHARD = drains.SHARD
VENOM = "https://shop.example/page/venom"


@pytest.fixture
def worker(
    redis_server: harness.RedisServer, address: clickhouse.Address, tmp_path: Any
) -> armed.ArmedWorker:
    return armed.ArmedWorker(redis_server.url, address, tmp_path)


def bind_and_begin(client: redis.Redis, server: clickhouse.Connection) -> None:
    """Leave a batch behind whose inserts have begun."""
    failpoints.arm("after_policies=raise@1")
    with pytest.raises(failpoints.FailpointError):
        drains.drainer(client, server).drain(SHARD)
    failpoints.arm("")


def test_many_payloads_that_meet_one_defect_take_nobody_with_them(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = evaluate.evaluate_payloads

    def breaking(keys: Any) -> Any:
        if drains.mentions_venom(keys):
            raise ZeroDivisionError("one and the same")
        return original(keys)

    monkeypatch.setattr(evaluate, "evaluate_payloads", breaking)
    poisonous = search.LIKE_ORDINARY + 4
    drains.append(
        client,
        *(drains.payload(drains.report(n, **{"document-uri": f"{VENOM}/{n}"})) for n in range(poisonous)),
        *(drains.payload(drains.report(n)) for n in range(60)),
    )
    drains.drainer(client, server).drain(SHARD)
    assert drains.counted(server) == {("accepted", ""): 60, ("invalid", "poison"): poisonous}
    drains.balanced(server, client)


def append_beside_eight(client: redis.Redis, numbers: Sequence[int]) -> None:
    """Append one entry with a report of these numbered pages that breaks, and of eight that do not."""
    drains.append(
        client,
        *(drains.payload(drains.report(n, **{"document-uri": f"{VENOM}/{n}"})) for n in numbers),
        *(drains.payload(drains.report(n)) for n in range(3, 11)),
    )


def test_of_two_that_fail_together_in_one_entry_one_is_quarantined(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = evaluate.evaluate_payloads

    def breaking(keys: Any) -> Any:
        if all(f"{VENOM}/{one}" in repr(keys) for one in (1, 2)):
            raise ZeroDivisionError("side by side")
        return original(keys)

    monkeypatch.setattr(evaluate, "evaluate_payloads", breaking)
    append_beside_eight(client, (1, 2))
    drains.drainer(client, server).drain(SHARD)
    assert drains.counted(server) == {("accepted", ""): 9, ("invalid", "poison"): 1}
    drains.balanced(server, client)


def test_a_search_that_ends_early_goes_on_with_those_it_has_not_found(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = evaluate.evaluate_payloads

    def breaking(keys: Any) -> Any:
        if drains.mentions_venom(keys):
            raise ZeroDivisionError("venom")
        return original(keys)

    monkeypatch.setattr(evaluate, "evaluate_payloads", breaking)
    monkeypatch.setattr(search, "SEARCH_S", -1.0)  # one poison payload in each search
    append_beside_eight(client, (0, 1, 2))
    drains.drainer(client, server).drain(SHARD)
    assert drains.counted(server) == {("accepted", ""): 8, ("invalid", "poison"): 3}
    drains.balanced(server, client)


def test_what_was_made_into_rows_before_is_waited_for(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of its rows may be stored: a payload that is left out now would make the tables differ."""
    drains.append_reports(client)
    bind_and_begin(client, server)
    test, original = os.getpid(), evaluate.evaluate_payloads

    def crashing(keys: Any) -> Any:
        if os.getpid() != test and "tracker3." in repr(keys):
            os.kill(os.getpid(), signal.SIGKILL)
        return original(keys)

    with monkeypatch.context() as patched:
        patched.setattr(evaluate, "evaluate_payloads", crashing)
        client.set(streams.keys(SHARD).attempts, 9)
        with pytest.raises(rescue.MadeBeforeError, match="SIGKILL"):
            drains.drainer(client, server).drain(SHARD)
    drains.drain_innocent(client, server)


def failing_with_a_decider(
    shard: int, entries: Any, plan: Any, decider: Any = None, common: Any = None
) -> Any:
    """Fail where limits are asked for: Redis, say, answers with nonsense."""
    if decider is not None and entries:
        raise ValueError("nonsense")
    return ORIGINAL(shard, entries, plan, common=common)


ORIGINAL = pipeline.process


def test_an_entry_whose_trials_pass_waits_for_long(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rescue, "MOST_DRAINS", 4)
    drains.append_reports(client)
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "process", failing_with_a_decider)
        for _ in range(rescue.MOST_DRAINS):
            with pytest.raises(rescue.BrokenError):
                drains.drainer(client, server).drain(SHARD)
    drains.drain_innocent(client, server)


def test_an_entry_that_fails_for_ever_is_kept_as_corrupt_in_the_end(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    drains.append_reports(client)
    monkeypatch.setattr(pipeline, "process", failing_with_a_decider)
    with pytest.raises(rescue.BrokenError):
        drains.drainer(client, server).drain(SHARD)
    client.set(streams.keys(SHARD).attempts, rescue.MOST_DRAINS)
    drains.drainer(client, server).drain(SHARD)
    assert drains.counted(server) == {("invalid", "corrupt_entry"): drains.REPORTS}
    drains.balanced(server, client)


def test_rows_that_a_table_refuses_for_a_while_are_waited_for(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The empty twin of the table takes them, so that no payload is to blame."""
    drains.append_reports(client)
    original = clickhouse.Connection.execute

    def refusing(self: clickhouse.Connection, sql: str, *arguments: Any, **named: Any) -> Any:
        if sql.startswith("INSERT INTO reports_live "):
            raise clickhouse.QueryError("Something that no list of ours knows.", 4242)
        return original(self, sql, *arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(clickhouse.Connection, "execute", refusing)
        for _ in range(2):
            with pytest.raises(rescue.RefusedRowsError):
                drains.drainer(client, server).drain(SHARD)
    drains.drain_innocent(client, server)


EVERYWHERE = ",".join(f"{point}=kill@0.1" for point in failpoints.POINTS if point != "after_grant")
ENTRIES = 40
EACH = 5


def test_processes_that_are_killed_and_frozen_all_the_time_make_no_payload_poison(
    client: redis.Redis, server: clickhouse.Connection, worker: armed.ArmedWorker
) -> None:
    """Workers, job processes and trials are the victims, and leases end while their holders are frozen."""
    seed = random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201 - to repeat a failure
    chance = random.Random(seed)
    for number in range(ENTRIES):
        reports = [drains.payload(drains.report(number * EACH + each)) for each in range(EACH)]
        appenders.Appender(client).append({number % 4: reports})
        client.set(
            streams.keys(number % 4).attempts, 9
        )  # they are tried one by one as soon as they are bound
    turns = 0.0
    dispatching = dispatcher.Dispatcher(client, drains.SHARDS, lambda: turns)
    with worker.armed(EVERYWHERE) as one, worker.armed(EVERYWHERE) as other:

        def is_drained() -> bool:
            nonlocal turns
            turns += 0.5  # of the dispatching, which replaces jobs that nobody works on
            dispatching.tick()
            torment(client, chance, one, other)
            return not equations.backlog(client, drains.SHARDS)

        waiting.until(is_drained, "all is drained", log=worker.log_file)
    assert drains.counted(server) == {("accepted", ""): ENTRIES * EACH}, seed
    assert server.execute("SELECT count() FROM quarantine") == [(0,)]
    drains.balanced(server, client)


def torment(client: redis.Redis, chance: random.Random, *workers: child.Child) -> None:
    """Kill or freeze some descendant of a worker, or end a lease; who was frozen goes on a turn later."""
    victims = [process for worker in workers for process in worker.family()[1:]]
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.resume()
    names = streams.keys(chance.randrange(4))
    if client.exists(names.bounds):
        client.set(names.attempts, 9)  # whoever takes the batch up tries its payloads one by one
    if chance.random() < 0.1:
        client.delete(names.lease)
    if victims and chance.random() < 0.2:
        with contextlib.suppress(psutil.NoSuchProcess):
            chance.choice(victims).send_signal(
                chance.choice([signal.SIGSTOP, signal.SIGSTOP, signal.SIGKILL, signal.SIGXCPU])
            )
