"""``headrace edge``, ``worker`` and ``maintenance``: each runs one type of process, for production."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import structlog

from deploy import logs, settings
from deploy.cli import options
from deploy.network import addresses, ports
from deploy.processes import signals
from deploy.running import located
from deploy.servers import backends

if TYPE_CHECKING:
    from pathlib import Path

    from workers.draining import connections

log = structlog.get_logger(__name__)


def edge(data: options.Data = options.DEFAULT_DATA) -> None:
    """Take reports: the HTTP endpoint, under gunicorn."""
    from deploy import edge as edge_server  # noqa: PLC0415 - gunicorn and Falcon only where they run

    values = settings.load()
    redis_url = located.Located(data, values).redis_url
    _require_redis(values, redis_url)
    ports.require_free(addresses.ListenAddress.parse(values.listen), "The edge")
    edge_server.EdgeServer(values, redis_url).run()


def worker(data: options.Data = options.DEFAULT_DATA) -> None:
    """Drain the queue into ClickHouse: one RQ worker."""
    from workers.process import worker as rqworker  # noqa: PLC0415 - RQ only where it runs

    rqworker.run(_context(data))


def maintenance(data: options.Data = options.DEFAULT_DATA) -> None:
    """Dispatch drain jobs, publish the project registry, record the refusals of the edge."""
    from workers.process import maintenance as chores  # noqa: PLC0415 - RQ only where it runs

    where = _context(data)
    chores.run(where, signals.stop_event(signal.SIGTERM, signal.SIGINT))


def _context(data: Path) -> connections.Connections:
    from workers.draining import connections  # noqa: PLC0415 - RQ only where it runs

    values = settings.load()
    system = located.Located(data, values)
    _require_redis(values, system.redis_url)
    backends.require_clickhouse(system.clickhouse)
    return connections.Connections(
        redis_url=system.redis_url,
        clickhouse=system.clickhouse,
        shards=system.shards,
        max_partitions=values.max_partitions,
        archive_after=values.archive_after,
        failpoints=values.failpoints,
    )


def _require_redis(values: settings.Settings, url: str) -> None:
    """Check that Redis can hold the queue, and log its engine and its risks."""
    logs.configure(values)
    engine, risks = backends.require_suitable_redis(url)
    log.info("redis_server", server=engine.name, version=engine.version)
    for risk in risks:
        log.warning("redis_risk", risk=risk)
