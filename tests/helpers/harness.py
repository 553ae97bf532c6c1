"""Real servers in temporary directories: what the integration, fault and browser tests share."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import redis

from deploy import settings
from deploy.directory import runtime
from deploy.embedded import clickhouse as embedded_clickhouse
from deploy.embedded import redis as embedded_redis
from deploy.network import addresses, ports
from deploy.processes import child
from deploy.servers import backends
from storage.ledger import equations
from tests.helpers import commands, paths, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from storage.servers import clickhouse

ROOT = paths.ROOT


@dataclasses.dataclass(frozen=True)
class RedisServer:
    """A running Redis and the process that is it."""

    url: str
    process: child.Child

    def client(self) -> redis.Redis:
        """Return a new client."""
        return redis.Redis.from_url(self.url)


@dataclasses.dataclass(frozen=True)
class ClickHouseServer:
    """A running ClickHouse and the process that is it."""

    server: embedded_clickhouse.ClickHouseServer
    process: child.Child

    @property
    def url(self) -> str:
        """The URL of the native protocol, for the user who may write."""
        return self.server.url

    @property
    def address(self) -> clickhouse.Address:
        """The address of the native protocol, as storage takes it."""
        return addresses.clickhouse_address(self.url)

    @property
    def analyst(self) -> clickhouse.Address:
        """The user who may only read."""
        return addresses.clickhouse_address(self.server.analyst_url)


@contextlib.contextmanager
def redis_server(directory: Path, port: int | None = None) -> Iterator[RedisServer]:
    """Run a Redis on the data in this directory, with Headrace's own options."""
    port = port or ports.free_port()
    url = embedded_redis.url(port)
    maxmemory = 256 * settings.MEBIBYTE
    process = embedded_redis.start(
        directory / "data", port, directory / "redis.log", maxmemory=maxmemory, appendfsync="always"
    )
    try:
        log = directory / "redis.log"
        waiting.until(lambda: backends.redis_is_ready(url), "Redis is ready", child=process, log=log)
        yield RedisServer(url, process)
    finally:
        process.stop()


@contextlib.contextmanager
def clickhouse_server(directory: Path) -> Iterator[ClickHouseServer]:
    """Run a ClickHouse on the data in this directory, with Headrace's own configuration."""
    log = directory / "clickhouse.log"
    server = embedded_clickhouse.prepare(
        directory / "server", ports.free_port(), ports.free_port(), directory / "errors" / "errors.log"
    )
    process = embedded_clickhouse.start(server, log)
    running = ClickHouseServer(server, process)
    try:
        waiting.until(
            lambda: backends.clickhouse_is_ready(running.address),
            "ClickHouse is ready",
            child=process,
            log=log,
        )
        yield running
    finally:
        process.stop()


@dataclasses.dataclass(frozen=True)
class System:
    """A running ``headrace up`` on a directory of its own."""

    directory: Path
    process: subprocess.Popen[bytes]

    @property
    def runtime(self) -> runtime.Runtime:
        """The content of ``runtime.json`` now."""
        current = runtime.read(self.directory)
        assert current is not None, self.output()
        return current

    @property
    def edge_url(self) -> str:
        """The base URL of the edge."""
        return self.runtime.edge_url

    @functools.cached_property
    def project(self) -> dict[str, Any]:
        """The first project: ``id``, ``name``, ``key``, ``endpoint``."""
        first: dict[str, Any] = self.json("project", "show", "1")
        return first

    def output(self) -> str:
        """Return what ``headrace up`` printed so far."""
        return (self.directory.parent / "up.log").read_text()

    def post(  # noqa: PLR0913 - one parameter for each part of a request
        self,
        body: object,
        *,
        content_type: str = "application/csp-report",
        project: Mapping[str, Any] | None = None,
        environment: str = "",
        release: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a report, as bytes, text or what becomes JSON, to the first project by default."""
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        parameters = {"sentry_environment": environment, "sentry_release": release}
        url = httpx.URL((project or self.project)["endpoint"])
        return httpx.post(
            url.copy_merge_params({name: value for name, value in parameters.items() if value}),
            content=content,
            headers={"Content-Type": content_type, **(headers or {})},
            timeout=waiting.PATIENCE_S,
        )

    def headrace(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this system."""
        return headrace(*arguments, "--data", str(self.directory))

    def json(self, *arguments: str) -> Any:
        """Run a command with ``--json`` and return what it printed."""
        done = self.headrace(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query, made by ``headrace query``."""
        rows: list[dict[str, Any]] = self.json("query", sql)
        return rows

    def ledger(self) -> dict[str, Any]:
        """Return what ``headrace verify`` found, whether it balances or not."""
        done = self.headrace("verify", "--json")
        assert done.stdout, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def wait_drained(self, seconds: float = waiting.PATIENCE_S) -> None:
        """Wait until every acknowledged payload is committed."""
        current = self.runtime
        with contextlib.closing(redis.Redis.from_url(current.redis_url)) as client:
            drained = child.wait_until(lambda: equations.backlog(client, current.shards) == 0, seconds)
        assert drained, f"the queue was not drained in {seconds} s; see {self.directory}/logs"

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it as an operator would, and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(waiting.PATIENCE_S)


def headrace(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end, under these settings."""
    return commands.run(arguments, environment)


def start_system(directory: Path, *options: str, cwd: Path = ROOT, **environment: str) -> System:
    """Start ``headrace up`` on ``directory/data`` and return when it takes reports, or has ended."""
    data = directory / "data"
    command = [sys.executable, "-P", "-m", "deploy", "up", "--data", str(data), "--listen", "127.0.0.1:0"]
    with (directory / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, *options],
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            cwd=cwd,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    started = System(data, process)
    printed = len(started.output())
    try:
        waiting.until(
            lambda: "Headrace is running" in started.output()[printed:] or process.poll() is not None,
            "the system runs",
            log=directory / "up.log",
        )
    except BaseException:
        process.kill()
        raise
    return started


@contextlib.contextmanager
def system(directory: Path, *options: str, cwd: Path = ROOT, **environment: str) -> Iterator[System]:
    """Run a whole system until the end of the block."""
    running = start_system(directory, *options, cwd=cwd, **environment)
    try:
        assert running.process.poll() is None, running.output()
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()
