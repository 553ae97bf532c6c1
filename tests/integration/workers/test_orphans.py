"""Drain jobs whose worker died, over a real Redis: another job replaces them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import rq
import rq.executions
import rq.serializers

from storage.queue import appenders, envelope
from tests.helpers import clocks
from workers import jobs
from workers.process import dispatcher

if TYPE_CHECKING:
    import redis

pytestmark = pytest.mark.integration

STREAM = 0


@pytest.mark.parametrize("late_heartbeat", [False, True])
def test_an_orphan_is_replaced_after_its_execution_expired(
    client: redis.Redis, *, late_heartbeat: bool
) -> None:
    """As after a reboot or a suspension: RQ keeps the id of an execution for longer than the execution."""
    clock = clocks.FakeClock()
    dispatching = dispatcher.Dispatcher(client, 1, clock)
    payload = envelope.Payload(1, "key", "", "", "", "", 0, b"{}")
    appenders.Appender(client).append({STREAM: [payload]})
    assert dispatching.tick() == 1
    queue = rq.Queue(jobs.QUEUE, connection=client, serializer=rq.serializers.JSONSerializer)
    job = queue.fetch_job(jobs.job_id(STREAM))
    assert job is not None
    client.delete(queue.key)  # a worker took the job
    with client.pipeline() as pipeline:
        execution = rq.executions.Execution.create(job, ttl=60, pipeline=pipeline)
        pipeline.execute()
    client.delete(execution.key)  # and died: the execution has expired since
    if late_heartbeat:
        with client.pipeline() as pipeline:
            execution.heartbeat(job.started_job_registry, 60, pipeline)
            pipeline.execute()

    assert dispatching.tick() == 0
    clock.now += dispatcher.ORPHAN_S
    assert dispatching.tick() == 1
    assert queue.job_ids == [jobs.job_id(STREAM)]
    replacement = queue.fetch_job(jobs.job_id(STREAM))
    assert replacement is not None
    assert replacement.get_executions() == []
