"""The RQ worker process: one queue, JSON jobs, a forked work horse per drain, and fast recovery."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Final

import rq
import rq.serializers

from workers import jobs

if TYPE_CHECKING:
    from workers import context

HEARTBEAT_S: Final = 5
"""How often a worker looks after its work horse."""
CLEAN_S: Final = 30
"""How often RQ's own registries are cleaned; RQ's default is ten minutes."""
WORKER_TTL_S: Final = 60
"""A worker that shows no sign of life for this long is forgotten by RQ."""


class Worker(rq.Worker):
    """RQ's forking worker, which reconnects to Redis within seconds instead of a minute."""

    max_connection_wait_time = 2.0
    log_result_lifespan = False


def run(where: context.Context) -> None:
    """Work until SIGTERM or SIGINT; a drain under way is finished first."""
    jobs.install(where)
    gc.freeze()  # the forked work horses share these pages
    worker = Worker(
        [jobs.QUEUE],
        connection=where.rq_client(),
        serializer=rq.serializers.JSONSerializer,
        maintenance_interval=CLEAN_S,
        job_monitoring_interval=HEARTBEAT_S,
        worker_ttl=WORKER_TTL_S,
        log_job_description=False,
    )
    worker.work(logging_level="WARNING")
