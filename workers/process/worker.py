"""The RQ worker process: one queue, JSON jobs, a work horse that stays, quick to recover and stop."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import threading
from typing import TYPE_CHECKING, Any, Final

import redis.exceptions
import rq
import rq.exceptions
import rq.executions
import rq.job
import rq.serializers
import rq.worker
import structlog

from storage import errors
from storage.queue import streams
from workers import jobs, pipeline
from workers.failures import interruption
from workers.process import job_process

if TYPE_CHECKING:
    from workers.draining import connections

log = structlog.get_logger(__name__)

HEARTBEAT_S: Final = 5
"""How often a worker looks after its work horse."""
CLEAN_S: Final = 30
"""How often RQ's own registries are cleaned; RQ's default is ten minutes."""
WORKER_TTL_S: Final = 60
"""A worker that shows no sign of life for this long is forgotten by RQ."""
STOP_S: Final = 8.0
"""What a work horse may take to stop before it is killed. It finishes its batch or hands it back in less; the
whole worker has ten seconds."""


class Worker(rq.Worker):
    """RQ's forking worker, which keeps its work horse, makes up for a dead one and passes a stop on."""

    max_connection_wait_time = 2.0
    log_result_lifespan = False
    death_penalty_class = jobs.TimeLimit
    _horse: job_process.JobProcess | None = None

    def execute_job(self, job: rq.job.Job, queue: rq.Queue) -> None:
        """Have the job performed by the work horse, which is forked first if there is none."""
        execution = self.prepare_execution(job)
        if self._horse is None or not self._horse.order(execution.composite_key):
            self._end_horse()
            self._horse = job_process.JobProcess(self._perform)
            self._horse.order(execution.composite_key)
        self._horse_pid = self._horse.pid
        self.monitor_work_horse(job, queue, execution)
        self.set_state(rq.worker.WorkerStatus.IDLE)

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[rq.job.Job, rq.Queue] | None:
        """Return the next drain job. Anything else that stands in the queue is thrown away, not run."""
        while True:
            found = super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
            if found is None or _is_ours(found[0]):
                return found
            job, queue = found
            log.warning("foreign_job_dropped", job=job.id)
            job.delete()
            self.connection.lrem(queue.intermediate_queue_key, 0, job.id)

    def wait_for_horse(self) -> tuple[int | None, int | None, Any]:
        """Wait until the job is done, or its work horse dead."""
        if self._horse is None:
            return None, None, None
        pid = self._horse.pid
        stays, status = self._horse.wait()
        if not stays:
            self._horse = None
        return pid, status, None

    def setup_work_horse_signals(self) -> None:
        """Let the work horse stop between two batches; RQ's would die in the middle of one."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        jobs.stop_on(signal.SIGTERM)

    def handle_warm_shutdown_request(self) -> None:
        """Tell the work horse to stop; RQ would wait until it is done."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        self._signal_horse(signal.SIGTERM)
        killer = threading.Timer(STOP_S, self._signal_horse, (signal.SIGKILL,))
        killer.daemon = True
        killer.start()

    def handle_job_failure(self, job: rq.job.Job, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - RQ's own
        """Free the shard of a work horse that died: it need not wait for its lease to run out."""
        super().handle_job_failure(job, *arguments, **named)
        if self.is_horse:
            return
        (shard,) = job.args
        log.warning("work_horse_died", shard=shard)
        with contextlib.suppress(errors.RedisUnavailableError, redis.exceptions.RedisError):
            streams.Queue(self.connection).break_lease(shard)
            job.delete()  # what is left undone, lease and sweeper make up for

    def teardown(self) -> None:
        """Let the work horse go with its worker."""
        super().teardown()  # type: ignore[no-untyped-call]
        if not self.is_horse:
            self._end_horse()

    def _end_horse(self) -> None:
        if self._horse is not None:
            self._horse.end()
            self._horse = None

    def _perform(self, order: str) -> bool:
        """Carry out a job, in the work horse; False when this is to be its last one.

        One that failed or was interrupted says nothing of the state that it left this process in.
        """
        if not self._is_horse:
            self._become_horse()
        execution = rq.executions.Execution.from_composite_key(order, self.connection)
        execution.worker_name = self.name
        (queue,), done = self.queues, True
        with contextlib.suppress(rq.exceptions.NoSuchJobError):  # it was replaced: somebody else performs it
            job = rq.job.Job.fetch(execution.job_id, connection=self.connection, serializer=self.serializer)
            done = self.perform_job(job, queue, execution)
        return done and not jobs.stopping() and not interruption.was_raised()

    def _become_horse(self) -> None:
        """Make this forked process a work horse: with a mind and signals of its own."""
        random.seed()
        self.setup_work_horse_signals()
        self._is_horse = True

    def _signal_horse(self, number: signal.Signals) -> None:
        if self.horse_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.horse_pid, number)


def _is_ours(job: rq.job.Job) -> bool:
    with contextlib.suppress(rq.exceptions.DeserializationError):
        return bool(job.func_name == jobs.DRAIN)
    return False


def run(where: connections.Connections) -> None:
    """Work until SIGTERM or SIGINT; the batch under way is finished first, or handed back."""
    jobs.install(where)
    pipeline.warm()
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
