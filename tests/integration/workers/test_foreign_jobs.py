"""A worker runs Headrace's own jobs, and nothing else that somebody put into its queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import rq
import rq.serializers

from workers import jobs
from workers.process import worker as rqworker

if TYPE_CHECKING:
    from pathlib import Path

    import redis

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("theirs", [rq.serializers.JSONSerializer, rq.serializers.PickleSerializer])
def test_a_foreign_job_is_dropped_and_not_run(client: redis.Redis, tmp_path: Path, theirs: Any) -> None:
    serializer = rq.serializers.JSONSerializer
    queue = rq.Queue(jobs.QUEUE, connection=client, serializer=theirs)
    touched = tmp_path / "touched"
    foreign = queue.enqueue("pathlib.Path.touch", str(touched))
    worker = rqworker.Worker([jobs.QUEUE], connection=client, serializer=serializer)
    assert worker.dequeue_job_and_maintain_ttl(timeout=None) is None
    assert not touched.exists()
    assert not client.exists(foreign.key)
    assert client.llen(queue.intermediate_queue_key) == 0
    assert queue.count == 0
