"""Stops, time-outs and freezes hand a batch back: they make no report invalid, and no payload poison."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import rq
import rq.serializers

from storage.queue import streams
from storage.tables import writer
from tests.helpers import harness, waiting
from tests.integration.workers import armed, drains
from workers import jobs, pipeline
from workers.draining import rescue
from workers.failures import failpoints, interruption
from workers.poison import forked_trials, ordinary
from workers.stages import evaluate

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse

SHARD = drains.SHARD


@pytest.fixture
def worker(
    redis_server: harness.RedisServer, address: clickhouse.Address, tmp_path: Path
) -> armed.ArmedWorker:
    return armed.ArmedWorker(redis_server.url, address, tmp_path)


def enqueue(client: redis.Redis, timeout_s: int) -> rq.job.Job:
    """Put a drain job into the queue that may take so long."""
    queue = rq.Queue(jobs.QUEUE, connection=client, serializer=rq.serializers.JSONSerializer)
    return queue.enqueue(
        jobs.DRAIN, SHARD, job_id=jobs.job_id(SHARD), job_timeout=timeout_s, result_ttl=600, failure_ttl=600
    )


def is_bound(client: redis.Redis) -> bool:
    return bool(client.exists(streams.keys(SHARD).bounds))


def is_handed_back(client: redis.Redis, job: rq.job.Job) -> bool:
    return bool(job.get_status() in {"finished", "failed"} and not client.exists(streams.keys(SHARD).lease))


@pytest.mark.parametrize("failpoint", ["evaluating=hang1@1", "after_reports=hang4@1,evaluating=hang0.1@1"])
def test_a_job_that_takes_too_long_hands_its_batch_back(
    client: redis.Redis, server: clickhouse.Connection, worker: armed.ArmedWorker, failpoint: str
) -> None:
    drains.append_reports(client)
    with worker.armed(failpoint):
        job = enqueue(client, timeout_s=2)
        waiting.until(lambda: is_handed_back(client, job), "the batch is handed back", log=worker.log_file)
    assert "The job took more than 2 seconds" in worker.log
    assert is_bound(client)
    drains.drain_innocent(client, server)


def test_a_worker_that_is_stopped_hands_costly_reports_back(
    client: redis.Redis, server: clickhouse.Connection, worker: armed.ArmedWorker
) -> None:
    drains.append_reports(client)
    with worker.armed("evaluating=hang3@1") as started:
        enqueue(client, timeout_s=300)
        waiting.until(lambda: is_bound(client), "a batch is bound", log=worker.log_file)
        os.kill(started.pid, signal.SIGTERM)
        waiting.until(lambda: started.exit_code() is not None, "the worker ends", log=worker.log_file)
    assert "The worker is stopping" in worker.log
    assert is_bound(client)
    assert not client.exists(streams.keys(SHARD).lease)
    drains.drain_innocent(client, server)


def test_a_job_process_that_was_frozen_past_its_job_hands_the_batch_back(
    client: redis.Redis, server: clickhouse.Connection, worker: armed.ArmedWorker
) -> None:
    drains.append_reports(client)
    with worker.armed("evaluating=hang9@1") as started:
        job = enqueue(client, timeout_s=5)
        waiting.until(lambda: is_bound(client), "a batch is bound", log=worker.log_file)
        (process,) = psutil.Process(started.pid).children()
        process.suspend()
        waiting.until(lambda: awaits_alarm(process.pid), "its alarm comes while the job process is frozen")
        process.resume()
        waiting.until(lambda: is_handed_back(client, job), "the batch is handed back", log=worker.log_file)
        waiting.until(lambda: not process.is_running(), "a job process that was interrupted makes way")
    drains.drain_innocent(client, server)


def awaits_alarm(pid: int) -> bool:
    """Say whether an alarm is pending for a process that is frozen."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("ShdPnd:"):
            return bool(int(line.split()[1], 16) >> (signal.SIGALRM - 1) & 1)
    return False


class Interrupting:
    """Interrupts the first trials, or fails like a machine that has nothing left."""

    def __init__(self, error: BaseException, times: int = 1) -> None:
        self.error = error
        self.times = times

    def __call__(self, *_: object) -> None:
        if self.times:
            self.times -= 1
            raise self.error


INTERRUPTIONS = [
    interruption.Stopped("stop"),
    interruption.TimedOut("time"),
    KeyboardInterrupt(),
    MemoryError(),
    OSError(24, "Too many open files"),
    ImportError("gone"),
]


@pytest.mark.parametrize("error", INTERRUPTIONS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("begun", [False, True])
def test_whatever_interrupts_a_batch_makes_no_payload_poison(
    client: redis.Redis,
    server: clickhouse.Connection,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    begun: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    drains.append_reports(client)
    if begun:
        failpoints.arm("after_policies=raise@1")
        with pytest.raises(failpoints.FailpointError):
            drains.drainer(client, server).drain(SHARD)
        failpoints.arm("")
    with monkeypatch.context() as patched:
        patched.setattr(failpoints, "hit", Interrupting(error, times=8))
        for _ in range(8):
            with pytest.raises((type(error), ordinary.UndecidedError)):
                drains.drainer(client, server).drain(SHARD)
    drains.drain_innocent(client, server)


def test_a_stop_in_the_middle_of_a_search_finds_nobody(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    drains.append_reports(client)
    original, trials = evaluate.evaluate_payloads, []

    def failing_then_stopped(keys: Any) -> Any:
        trials.append(keys)
        if len(trials) > 3:
            raise interruption.Stopped("stop")
        raise ZeroDivisionError("a defect of ours")

    with monkeypatch.context() as patched:
        patched.setattr(evaluate, "evaluate_payloads", failing_then_stopped)
        with pytest.raises(interruption.Stopped):
            drains.drainer(client, server).drain(SHARD)
    assert evaluate.evaluate_payloads is original
    drains.drain_innocent(client, server)


def test_what_fails_once_is_repeated_and_harms_no_batch_that_has_begun(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    drains.append_reports(client)
    failpoints.arm("after_policies=raise@1")
    with pytest.raises(failpoints.FailpointError):
        drains.drainer(client, server).drain(SHARD)
    failpoints.arm("")
    original, failures = pipeline.process, [ZeroDivisionError("once")]

    def failing_once(*arguments: Any, **named: Any) -> Any:
        if failures:
            raise failures.pop()
        return original(*arguments, **named)

    monkeypatch.setattr(pipeline, "process", failing_once)
    drains.drain_innocent(client, server)
    assert not failures


def test_rows_that_were_made_before_are_waited_for(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    drains.append_reports(client)
    failpoints.arm("after_policies=raise@1")
    with pytest.raises(failpoints.FailpointError):
        drains.drainer(client, server).drain(SHARD)
    failpoints.arm("")
    original = pipeline.process

    def failing_as_a_whole(shard: int, entries: Any, *rest: Any, **named: Any) -> Any:
        if sum(len(entry.payloads) for entry in entries) > 1:
            raise ZeroDivisionError("only together")
        return original(shard, entries, *rest, **named)

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "process", failing_as_a_whole)
        for _ in range(6):
            with pytest.raises(rescue.BrokenError):
                drains.drainer(client, server).drain(SHARD)
    drains.drain_innocent(client, server)


def test_processes_that_somebody_kills_make_no_payload_poison(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that was taken up too often is tried in a process of its own, which somebody ends each time."""
    drains.append_reports(client)
    client.set(streams.keys(SHARD).attempts, 9)
    failpoints.arm("after_bounds=raise@1")
    with pytest.raises(failpoints.FailpointError):
        drains.drainer(client, server).drain(SHARD)
    failpoints.arm("")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        client.set(streams.keys(SHARD).attempts, 9)

        def killed(
            *_: object, number: signal.Signals = number, confine: Any = forked_trials._confine
        ) -> None:
            confine()
            os.kill(os.getpid(), number)

        with monkeypatch.context() as patched:
            patched.setattr(forked_trials, "_confine", killed)
            with pytest.raises(ordinary.UndecidedError):
                drains.drainer(client, server).drain(SHARD)
    drains.drain_innocent(client, server)


def test_a_batch_that_has_begun_and_is_too_much_for_one_block_is_halved(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop between the first insert and the refusal of the second costs no report."""
    for number in range(drains.REPORTS):
        drains.append(client, drains.payload(drains.report(number), release=f"1.{number}"))
    failpoints.arm("after_policies=raise@1")
    with pytest.raises(failpoints.FailpointError):
        drains.drainer(client, server).drain(SHARD)
    limited = {**writer._SETTINGS, "max_partitions_per_insert_block": 2}
    monkeypatch.setattr(writer, "_SETTINGS", limited)
    drains.drain_innocent(client, server)
