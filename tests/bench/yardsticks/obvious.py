"""The obvious design, to compare with: one RQ job and one ClickHouse insert for every report.

A Falcon WSGI application puts each report into an ``rq.Queue``; RQ's default worker forks for each job; the
job inserts one row. It is written as a competent first version would be, and configured by the environment
because that is what gunicorn and ``rq worker`` pass on.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

import clickhouse_driver
import falcon
import redis
import rq

if TYPE_CHECKING:
    from falcon import Request, Response

REDIS_VARIABLE: Final = "BENCH_REDIS_URL"
"""Environment variable: the Redis of the queue."""
CLICKHOUSE_VARIABLE: Final = "BENCH_CLICKHOUSE_URL"
"""Environment variable: the ClickHouse that holds the table, as clickhouse-driver takes it."""
QUEUE: Final = "obvious"
CREATE_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS obvious (
        received DateTime64(3) DEFAULT now64(3),
        project_id UInt64,
        environment LowCardinality(String),
        release LowCardinality(String),
        document String,
        directive LowCardinality(String),
        blocked String,
        raw String
    ) ENGINE = MergeTree PARTITION BY project_id ORDER BY (environment, release, received)
"""


class Security:
    """``POST /api/{project_id}/security/``: enqueue the report, answer 200."""

    def __init__(self, queue: rq.Queue) -> None:
        self._queue = queue

    def on_post(self, request: Request, response: Response, project_id: int) -> None:
        """Enqueue the body as it came."""
        environment = request.get_param("sentry_environment", default="")
        release = request.get_param("sentry_release", default="")
        self._queue.enqueue(store, project_id, environment, release, request.bounded_stream.read())
        response.status = falcon.HTTP_200


def store(project_id: int, environment: str, release: str, body: bytes) -> None:
    """Insert one report; the job of RQ."""
    report = json.loads(body)["csp-report"]
    row = (
        project_id,
        environment,
        release,
        report.get("document-uri", ""),
        report.get("effective-directive", ""),
        report.get("blocked-uri", ""),
        body.decode(),
    )
    client = clickhouse_driver.Client.from_url(os.environ[CLICKHOUSE_VARIABLE])
    client.execute(
        "INSERT INTO obvious (project_id, environment, release, document, directive, blocked, raw) VALUES",
        [row],
    )
    client.disconnect()


def app() -> falcon.App[falcon.Request, falcon.Response]:
    """Return the WSGI application; gunicorn calls it once per worker."""
    application = falcon.App()
    queue = rq.Queue(QUEUE, connection=redis.Redis.from_url(os.environ[REDIS_VARIABLE]))
    application.add_route("/api/{project_id:int}/security/", Security(queue))
    return application
