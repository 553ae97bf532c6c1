"""The drain job that RQ runs. It carries the number of a stream alone; payloads stay in the stream."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import redis
import redis.exceptions
import rq
import rq.timeouts
import structlog

from storage import errors
from storage.queue import batches, isolation
from storage.servers import clickhouse
from workers.draining import batch_limits, drain, sizing
from workers.failures import failpoints, interruption

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from workers.draining import connections

log = structlog.get_logger(__name__)

QUEUE: Final = "headrace"
"""The only RQ queue: only a worker that listens to a single queue takes a job off it crash-safely."""
DRAIN: Final = "workers.jobs.drain_shard"
"""Import path of the drain job. Redis holds it: jobs of an earlier release must find the function."""
TIMEOUT_S: Final = 300
"""A job is interrupted after this time; a drain ends by itself long before, unless its process is frozen."""

YIELD_S: Final = 0.6
"""After this time the drain of a shared stream yields its worker to a stream that waits for one."""
ISOLATED_LIMITS: Final = batch_limits.BatchLimits(
    max_bytes=6 * 1024 * 1024, max_payloads=6_000, max_reports=8_000
)
"""The largest limits of a batch of an isolated stream."""
BATCH_S: Final = 0.6
"""How long a batch of a shared stream may take: other streams wait for the worker meanwhile."""
ISOLATED_BATCH_S: Final = 0.3
"""How long a batch of an isolated stream may take."""

HAND_BACK_S: Final = 5
"""When a job process is told to stop, its batch is handed back unless it is finished after this time."""

_installed: list[connections.Connections] = []
_stopping = threading.Event()


def job_id(stream: int) -> str:
    """Return the id of a stream's drain job: fixed, so that RQ keeps at most one."""
    return f"drain-{stream}"


def install(where: connections.Connections) -> None:
    """Tell this process, and the job processes it forks, where Redis and ClickHouse are."""
    _installed[:] = [where]
    failpoints.arm(where.failpoints)


def stop_on(number: signal.Signals) -> None:
    """Make a drain in this process end after its batch when this signal comes.

    A batch that is not finished in ``HAND_BACK_S`` is handed back.
    """
    signal.signal(number, _on_stop)


def _on_stop(_number: int, _frame: FrameType | None) -> None:
    if not _stopping.is_set():
        _stopping.set()
        signal.signal(signal.SIGALRM, _hand_back)
        signal.alarm(HAND_BACK_S)


def _hand_back(_number: int, _frame: FrameType | None) -> None:
    interruption.interrupt(interruption.Stopped("The worker is stopping."))


class TimeLimit(rq.timeouts.UnixSignalDeathPenalty):
    """RQ's time limit, with an interruption in place of RQ's error, which a guard might catch.

    While the process is stopping, the limit is ``HAND_BACK_S``.
    """

    def setup_death_penalty(self) -> None:
        """Set the alarm."""
        interruption.forget()
        super().setup_death_penalty()  # type: ignore[no-untyped-call]
        if stopping():
            signal.signal(signal.SIGALRM, _hand_back)
            signal.alarm(HAND_BACK_S)

    def handle_death_penalty(self, signum: int, frame: FrameType | None) -> None:
        """Interrupt the job: its time is over."""
        if issubclass(self._exception, rq.timeouts.JobTimeoutException):
            interruption.interrupt(interruption.TimedOut(f"The job took more than {self._timeout} seconds."))
        else:
            super().handle_death_penalty(signum, frame)  # type: ignore[no-untyped-call]


def stopping() -> bool:
    """Say whether this process was told to stop."""
    return _stopping.is_set()


class _JobConnections(NamedTuple):
    """The Redis client and the ClickHouse connection of a job process."""

    client: redis.Redis
    server: clickhouse.Connection

    def close(self) -> None:
        """Close both: after a failure an answer that nobody reads may still lie in them."""
        self.server.close()
        self.client.close()


_idle: list[_JobConnections] = []


@contextlib.contextmanager
def _lent_connections() -> Iterator[_JobConnections]:
    """Lend the connections of this process to a job; a job that fails or is interrupted closes them."""
    lent = _idle.pop() if _idle else _connect(_installed[0])
    try:
        yield lent
    except BaseException:  # interruptions too: an answer that nobody reads would stay in the connection
        lent.close()
        raise
    _idle.append(lent)


def _connect(where: connections.Connections) -> _JobConnections:
    return _JobConnections(where.queue_client(), clickhouse.connect(where.clickhouse))


_sizings: Final = {
    False: sizing.BatchSizing(batch_limits.BatchLimits(), BATCH_S),
    True: sizing.BatchSizing(ISOLATED_LIMITS, ISOLATED_BATCH_S),
}
"""The batch sizing of this process, by whether the stream is isolated."""


def _others_wait(client: redis.Redis) -> bool:
    try:
        return bool(client.llen(f"{rq.Queue.redis_queue_namespace_prefix}{QUEUE}"))
    except redis.exceptions.RedisError:  # alone: without Redis the next batch would fail anyway
        return True


def drain_shard(stream: int) -> None:
    """Drain one stream. A batch that cannot be stored now waits for the next job.

    Raises:
        InsertRefusedError: ClickHouse refuses the batch for good.
    """
    if stopping():
        return
    started = time.monotonic()
    isolated = isolation.is_isolated(stream, _installed[0].shards)

    def yields() -> bool:
        if stopping():
            return True
        return (isolated or time.monotonic() - started >= YIELD_S) and _others_wait(client)

    try:
        with _lent_connections() as (client, server):
            queue = batches.Queue(client)
            drainer = drain.Drainer(
                queue,
                client,
                server,
                time.monotonic,
                max_partitions=_installed[0].max_partitions,
                batch_sizing=_sizings[isolated],
                stop=yields,
            )
            done = drainer.drain(stream)
    except (errors.RecoverableError, errors.LeaseLostError, interruption.Interruption) as error:
        log.warning("drain_postponed", stream=stream, error=str(error))
    else:
        log.debug("drained", stream=stream, seconds=round(time.monotonic() - started, 3), **done._asdict())
