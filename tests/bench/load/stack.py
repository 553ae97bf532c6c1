"""Redis, ClickHouse and single Headrace processes, put together as a scenario needs them."""

from __future__ import annotations

import contextlib
import sys
import urllib.parse
from typing import TYPE_CHECKING, Final, NamedTuple

from deploy import settings
from deploy.network import addresses, ports
from deploy.processes import child
from storage.projects import model, registry
from storage.servers import clickhouse
from storage.tables import migrate
from tests.helpers import harness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

REDIS_BYTES: Final = 8 * 1024**3
"""A backlog of a million reports of 1 kB must fit with room to spare."""


class Stores(NamedTuple):
    """A Redis and a migrated ClickHouse with one project, and nothing that drains or serves them.

    Attributes:
        directory: for logs.
        values: settings that name both.
        client: of Redis.
        server: of ClickHouse.
        project: that reports are posted to.
    """

    directory: Path
    values: settings.Settings
    client: redis.Redis
    server: clickhouse.Connection
    project: model.Project

    @contextlib.contextmanager
    def process(self, *arguments: str, name: str, **overrides: object) -> Iterator[child.Child]:
        """Run ``python -m`` with these arguments and settings until the context ends."""
        environment = settings.environment(self.values.model_copy(update=overrides))
        command = [sys.executable, "-m", *arguments]
        process = child.Child(command, self.directory / f"{name}.log", environment)
        try:
            yield process
        finally:
            process.stop()

    def path(self, environment: str, release: str) -> str:
        """Return the path and query of the project's endpoint."""
        return endpoint_path(self.project.id, self.project.keys[0], environment, release)


@contextlib.contextmanager
def stores(directory: Path) -> Iterator[Stores]:
    """Run both servers on fresh data in this directory."""
    directory.mkdir()
    with (
        harness.redis_server(directory / "redis") as redis_server,
        harness.clickhouse_server(directory / "clickhouse") as clickhouse_server,
        contextlib.closing(redis_server.client()) as client,
        contextlib.closing(clickhouse.connect(clickhouse_server.address)) as server,
    ):
        client.config_set("maxmemory", REDIS_BYTES)
        migrate.apply(clickhouse_server.address)
        source = registry.Registry(server)
        project = source.create("bench")
        source.publish(client)
        values = settings.load(
            redis_url=redis_server.url,
            clickhouse_url=clickhouse_server.url,
            trusted_proxies=addresses.LOOPBACK,
        )
        yield Stores(directory, values, client, server, project)


def await_listening(process: child.Child, port: int) -> None:
    """Wait until a process answers on a port.

    Raises:
        RuntimeError: it ended instead.
    """
    if not child.wait_until(lambda: ports.answers(addresses.LOOPBACK, port), 30, child=process):
        raise RuntimeError(f"Nothing listens on port {port}; see the logs.")


def endpoint_path(project_id: int, key: str, environment: str, release: str) -> str:
    """Return the path and query that a browser posts to."""
    query = urllib.parse.urlencode(
        {"sentry_key": key, "sentry_environment": environment, "sentry_release": release}
    )
    return f"/api/{project_id}/security/?{query}"
