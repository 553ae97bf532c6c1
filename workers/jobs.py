"""What RQ runs. A job carries a shard number and nothing else; payloads stay in the stream."""

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
from storage.queue import isolation, streams
from storage.servers import clickhouse
from workers.draining import batch_limits, drain, sizing
from workers.failures import failpoints, interruption

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from workers.draining import connections

log = structlog.get_logger(__name__)

QUEUE: Final = "headrace"
"""The one RQ queue: only a worker that listens to a single queue takes a job off it crash-safely."""
DRAIN: Final = "workers.jobs.drain_shard"
"""Import path of the drain job."""
TIMEOUT_S: Final = 300
"""A job is interrupted after this time; a drain ends by itself long before, unless its process is frozen."""

SHARE_S: Final = 0.6
"""After this time a drain yields its worker to a shard that waits for one."""
ASIDE: Final = batch_limits.BatchLimits(max_bytes=6 * 1024 * 1024, max_payloads=6_000, max_reports=8_000)
"""Of a lane aside, at most."""
BATCH_S: Final = 0.6
ASIDE_S: Final = 0.3
"""What a batch may take in everybody's lanes, and in one aside: others wait for the worker meanwhile."""

HAND_BACK_S: Final = 5
"""What a batch under way may take to be finished when its work horse is told to stop."""

_installed: list[connections.Connections] = []
_stopping = threading.Event()


def job_id(shard: int) -> str:
    """Return the id of a shard's drain job: fixed, so that RQ keeps at most one."""
    return f"drain-{shard}"


def install(where: connections.Connections) -> None:
    """Tell this process, and the work horses it forks, where Redis and ClickHouse are."""
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
    """RQ's time limits. A job beyond its own is interrupted: RQ would raise an error that a guard may catch.

    A process that is stopping has less time left than a job.
    """

    def setup_death_penalty(self) -> None:
        """Begin to count."""
        interruption.forget()
        super().setup_death_penalty()  # type: ignore[no-untyped-call]
        if stopping():
            signal.signal(signal.SIGALRM, _hand_back)
            signal.alarm(HAND_BACK_S)

    def handle_death_penalty(self, signum: int, frame: FrameType | None) -> None:
        """Take the time to be over."""
        if issubclass(self._exception, rq.timeouts.JobTimeoutException):
            interruption.interrupt(interruption.TimedOut(f"The job took more than {self._timeout} seconds."))
        else:
            super().handle_death_penalty(signum, frame)  # type: ignore[no-untyped-call]


def stopping() -> bool:
    """Say whether this process was told to stop."""
    return _stopping.is_set()


class _Tools(NamedTuple):
    """The connections of a work horse."""

    client: redis.Redis
    server: clickhouse.Connection

    def close(self) -> None:
        """Drop both: after a failure nobody knows what still lies in them."""
        self.server.close()
        self.client.close()


_kept: list[_Tools] = []


@contextlib.contextmanager
def _tools() -> Iterator[_Tools]:
    """Lend the connections of this process; any failure ends them."""
    where = _installed[0]
    tools = _kept.pop() if _kept else _Tools(where.queue_client(), clickhouse.connect(where.clickhouse))
    try:
        yield tools
    except BaseException:
        tools.close()
        raise
    _kept.append(tools)


_paces: Final = {
    False: sizing.BatchSizing(batch_limits.BatchLimits(), BATCH_S),
    True: sizing.BatchSizing(ASIDE, ASIDE_S),
}
"""By whether a lane is aside."""


def _others_wait(client: redis.Redis) -> bool:
    try:
        return bool(client.llen(f"{rq.Queue.redis_queue_namespace_prefix}{QUEUE}"))
    except redis.exceptions.RedisError:
        return True  # the next batch would fail anyway


def drain_shard(shard: int) -> None:
    """Drain one shard. What cannot be done now stays in the stream for the next job.

    Raises:
        InsertRefusedError: ClickHouse refuses the batch for good.
    """
    if stopping():
        return
    started = time.monotonic()
    aside = isolation.is_isolated(shard, _installed[0].shards)

    def yields() -> bool:
        if stopping():
            return True
        return (aside or time.monotonic() - started >= SHARE_S) and _others_wait(client)

    try:
        with _tools() as (client, server):
            queue = streams.Queue(client)
            drainer = drain.Drainer(queue, client, server, time.monotonic, pace=_paces[aside], stop=yields)
            done = drainer.drain(shard)
    except (errors.RecoverableError, errors.LeaseLostError, interruption.Interruption) as error:
        log.warning("drain_postponed", shard=shard, error=str(error))
    else:
        log.debug("drained", shard=shard, seconds=round(time.monotonic() - started, 3), **done._asdict())
