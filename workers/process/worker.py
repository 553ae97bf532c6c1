"""The RQ worker process: one queue, JSON jobs, one job process that stays, quick to recover and to stop."""

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
from storage.queue import batches
from workers import jobs, pipeline
from workers.failures import interruption
from workers.process import job_process

if TYPE_CHECKING:
    from workers.draining import connections

log = structlog.get_logger(__name__)

HEARTBEAT_S: Final = 5
"""How often a worker checks that its job process is alive."""
CLEAN_S: Final = 30
"""How often RQ's own registries are cleaned; RQ's default is ten minutes."""
WORKER_TTL_S: Final = 60
"""RQ forgets a worker that sent no heartbeat for this long."""
STOP_S: Final = 8.0
"""A job process that takes longer to stop is killed. It finishes its batch or hands it back in less time; the
worker as a whole has ten seconds."""


class Worker(rq.Worker):
    """RQ's forking worker, but one job process performs many jobs, and a stop reaches it at once.

    RQ calls the job process a work horse: the methods and attributes with that word are RQ's.
    """

    max_connection_wait_time = 2.0
    log_result_lifespan = False
    death_penalty_class = jobs.TimeLimit
    _job_process: job_process.JobProcess | None = None

    def execute_job(self, job: rq.job.Job, queue: rq.Queue) -> None:
        """Have the job process perform a job; it is forked first if there is none."""
        execution = self.prepare_execution(job)
        if self._job_process is None or not self._job_process.send(execution.composite_key):
            self._end_job_process()
            self._job_process = job_process.JobProcess(self._perform)
            self._job_process.send(execution.composite_key)
        self._horse_pid = self._job_process.pid
        self.monitor_work_horse(job, queue, execution)
        self.set_state(rq.worker.WorkerStatus.IDLE)

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[rq.job.Job, rq.Queue] | None:
        """Return the next drain job. Any other job in the queue is deleted and not run."""
        while True:
            found = super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
            if found is None or _is_ours(found[0]):
                return found
            job, queue = found
            log.warning("foreign_job_dropped", job=job.id)
            job.delete()
            self.connection.lrem(queue.intermediate_queue_key, 0, job.id)

    def wait_for_horse(self) -> tuple[int | None, int | None, Any]:
        """Wait until the job is done or the job process has ended, and return the process and its status."""
        if self._job_process is None:
            return None, None, None
        pid = self._job_process.pid
        stays, status = self._job_process.wait()
        if not stays:
            self._job_process = None
        return pid, status, None

    def setup_work_horse_signals(self) -> None:
        """Let a signal end the job process between two batches; RQ's handlers would end it within one."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        jobs.stop_on(signal.SIGTERM)

    def handle_warm_shutdown_request(self) -> None:
        """Tell the job process to stop; RQ would wait for the end of its job."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        self._signal_job_process(signal.SIGTERM)
        killer = threading.Timer(STOP_S, self._signal_job_process, (signal.SIGKILL,))
        killer.daemon = True
        killer.start()

    def handle_job_failure(self, job: rq.job.Job, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - RQ's own
        """Break the lease of a job process that died: its stream need not wait until the lease expires."""
        super().handle_job_failure(job, *arguments, **named)
        if self.is_horse:
            return
        (stream,) = job.args
        log.warning("job_process_died", stream=stream)
        with contextlib.suppress(errors.RedisUnavailableError, redis.exceptions.RedisError):
            batches.Queue(self.connection).break_lease(stream)
            job.delete()  # if this fails, the lease expires and the dispatcher replaces the job

    def teardown(self) -> None:
        """End the job process with its worker."""
        super().teardown()  # type: ignore[no-untyped-call]
        if not self.is_horse:
            self._end_job_process()

    def _end_job_process(self) -> None:
        if self._job_process is not None:
            self._job_process.end()
            self._job_process = None

    def _perform(self, order: str) -> bool:
        """Perform a job, in the job process; return False when this is to be its last one.

        After a job that failed or was interrupted, nobody knows what is half done in this process.

        Args:
            order: RQ's key of the execution.
        """
        if not self._is_horse:
            self._become_job_process()
        execution = rq.executions.Execution.from_composite_key(order, self.connection)
        execution.worker_name = self.name
        (queue,), done = self.queues, True
        with contextlib.suppress(rq.exceptions.NoSuchJobError):  # the dispatcher replaced the job
            job = rq.job.Job.fetch(execution.job_id, connection=self.connection, serializer=self.serializer)
            done = self.perform_job(job, queue, execution)
        return done and not jobs.stopping() and not interruption.was_raised()

    def _become_job_process(self) -> None:
        """Give this forked process random numbers and signal handlers of its own."""
        random.seed()
        self.setup_work_horse_signals()
        self._is_horse = True

    def _signal_job_process(self, number: signal.Signals) -> None:
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
    gc.freeze()  # job processes share these pages: a collection would copy them
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
