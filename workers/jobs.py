"""What RQ runs. A job carries a shard number and nothing else; payloads stay in the stream."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import structlog

from storage import clickhouse, errors, streams
from workers import drain

if TYPE_CHECKING:
    from workers import context

log = structlog.get_logger(__name__)

QUEUE: Final = "headrace"
"""The one RQ queue: only a worker that listens to a single queue takes a job off it crash-safely."""
DRAIN: Final = "workers.jobs.drain_shard"
"""Import path of the drain job."""
TIMEOUT_S: Final = 300
"""RQ ends a job after this time; a drain ends by itself long before, unless ClickHouse hangs."""

_installed: list[context.Context] = []


def job_id(shard: int) -> str:
    """Return the id of a shard's drain job: fixed, so that RQ keeps at most one."""
    return f"drain-{shard}"


def install(where: context.Context) -> None:
    """Tell this process, and the work horses it forks, where Redis and ClickHouse are."""
    _installed[:] = [where]


def drain_shard(shard: int) -> None:
    """Drain one shard. What cannot be done now stays in the stream for the next job.

    Raises:
        InsertRefusedError: ClickHouse refuses the batch for good.
    """
    where = _installed[0]
    client = where.queue_client()
    server = clickhouse.connect(where.clickhouse)
    started = time.monotonic()
    try:
        done = drain.Drainer(streams.Queue(client), client, server, time.monotonic).drain(shard)
    except (errors.RecoverableError, errors.LeaseLostError) as error:
        log.warning("drain_postponed", shard=shard, error=str(error))
    else:
        log.info("drained", shard=shard, seconds=round(time.monotonic() - started, 3), **done._asdict())
    finally:
        server.close()
        client.close()
