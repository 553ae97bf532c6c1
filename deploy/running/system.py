"""The whole system on one machine: ``headrace up`` starts, polls and stops its processes in order."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Final

from deploy import settings
from deploy.directory import identity, runtime
from deploy.embedded import clickhouse as embedded_clickhouse
from deploy.embedded import redis as embedded_redis
from deploy.network import addresses, ports
from deploy.processes import child, supervisor
from deploy.running import embedded_ports, readiness
from deploy.servers import backends
from storage import errors
from storage.projects import model, registry
from storage.schema import progress
from storage.servers import clickhouse
from storage.tables import functions, migrate

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

FIRST_PROJECT: Final = "default"
EDGE_START_S: Final = 30.0
STOP_ORDER: Final = (("edge",), ("workers", "maintenance"), ("clickhouse",), ("redis",))
"""The edge stops before the workers that drain its reports, and those before the servers that they need."""
STOP_SECONDS: Final = {
    # Together less than the ten seconds in which everything must have stopped. Each may be killed at its end:
    # acknowledged payloads are in Redis, and a batch under way is repeated.
    "edge": 4.5,  # a little more than gunicorn gives its own processes
    "workers": 2.0,
    "maintenance": 2.0,
    "clickhouse": 1.0,
    "redis": 1.0,
}


class MovedError(errors.HeadraceError):
    """The data directory was moved or replaced while its system was running."""


class System:
    """All processes of one data directory; the caller holds its lock.

    Redis and ClickHouse are started here, unless the settings name others.

    Args:
        directory: data, logs and ``runtime.json``.
        values: settings; every child gets the same.
        ports: the ports of the embedded servers.
        report: called with one sentence about each server that is used, and each death and restart.
        stop: set by the caller when the system shall stop; starting gives up then.
    """

    def __init__(
        self,
        directory: Path,
        values: settings.Settings,
        ports: embedded_ports.EmbeddedPorts,
        report: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        self._directory = directory.resolve()
        self._identity = identity.of(self._directory)
        self._values = _with_real_port(values)
        self._ports = ports
        self._stop = stop
        self._report = report
        self._migrating = progress.Sentences(report)
        self._supervisor = supervisor.Supervisor(report)
        self._listen = addresses.ListenAddress.parse(self._values.listen)
        self._written: runtime.Pids | None = None
        self._redis_port = 0
        edge_url = f"http://{self._listen.reachable()}"
        self.runtime = runtime.Runtime(
            edge_url=edge_url,
            public_url=values.public_url or edge_url,
            redis_url=values.redis_url or "",
            clickhouse_url=values.clickhouse_url or "",
            analyst_url=values.analyst_url or "",
            shards=values.shards,
            pids=runtime.Pids(edge=[], workers=[], maintenance=[]),
        )

    @property
    def address(self) -> clickhouse.Address:
        """ClickHouse, as the user that may write."""
        return addresses.clickhouse_address(self.runtime.clickhouse_url)

    def start(self) -> model.Project:
        """Start everything, wait until the edge takes reports, and return a project to show.

        Raises:
            HeadraceError: a process cannot start; the sentence says which one and why.
            StoppedError: ``stop`` was set.
        """
        ports.require_free(self._listen, "The edge")
        redis_child = None if self.runtime.redis_url else self._start_redis()
        clickhouse_child = None if self.runtime.clickhouse_url else self._start_clickhouse()
        self._await_redis(redis_child)
        self._await_clickhouse(clickhouse_child)
        migrate.apply(self.address, self._report_migration)
        self._restore_functions()
        project = self._publish_projects()
        self._start_own()
        return project

    def poll(self) -> None:
        """Restart processes that died, and keep ``runtime.json`` current; call it several times a second.

        Raises:
            MovedError: the directory was moved or replaced: this system does not own the one at its path.
        """
        if not self._is_in_place():
            raise MovedError(f"{self._directory} was moved or replaced while its system was running.")
        self._supervisor.poll()
        pids = self._pids()
        if pids != self._written:
            self.runtime.pids = pids
            with contextlib.suppress(OSError):  # a full disk, perhaps: the next time will do
                runtime.write(self._directory, self.runtime)
                self._written = pids

    def stop(self) -> None:
        """Stop every process, within ten seconds."""
        self._supervisor.stop(STOP_ORDER)
        if self._is_in_place():
            runtime.remove(self._directory)

    def _is_in_place(self) -> bool:
        try:
            return identity.of(self._directory) == self._identity
        except OSError:
            return False

    def _start_redis(self) -> child.Child:
        directory, values = self._directory / "redis", self._values
        program = embedded_redis.choose(directory)
        for reason in program.instead:
            self._report(reason)
        self._report(f"The queue is in {program.engine}: {program.path}.")
        port = self._redis_port = embedded_ports.claim(self._ports.redis, "Redis")
        self.runtime.redis_url = embedded_redis.url(port)

        def start() -> child.Child:
            return embedded_redis.start(
                directory,
                port,
                self._log("redis"),
                maxmemory=values.redis_maxmemory,
                appendfsync=values.redis_appendfsync,
                program=program,
            )

        return self._keep("redis", "redis", start)

    def _start_clickhouse(self) -> child.Child:
        server = embedded_clickhouse.prepare(
            self._directory / "clickhouse",
            embedded_ports.claim(self._ports.clickhouse, "ClickHouse"),
            embedded_ports.claim(self._ports.clickhouse_http, "ClickHouse's HTTP interface"),
            self._directory / "logs" / "clickhouse-server" / "errors.log",
        )
        self.runtime.clickhouse_url = server.url
        self.runtime.analyst_url = server.analyst_url
        self.runtime.clickhouse_http_url = server.http_url
        log = self._log("clickhouse")
        return self._keep("clickhouse", "clickhouse", lambda: embedded_clickhouse.start_again(server, log))

    def _await_redis(self, started: child.Child | None) -> None:
        url = self.runtime.redis_url
        if started is None:
            engine, risks = backends.require_suitable_redis(url)
            for sentence in (f"The queue is in {engine}.", *risks):
                self._report(sentence)
            return
        port = self._redis_port
        self._await(
            readiness.Starting("Redis", started, self._log("redis"), embedded_redis.START_SECONDS),
            lambda: backends.redis_is_ready(url) and started.listens(port),
        )

    def _await_clickhouse(self, started: child.Child | None) -> None:
        address = self.address
        if started is None:
            backends.require_clickhouse(address)
            return
        self._await(
            readiness.Starting(
                "ClickHouse", started, self._log("clickhouse"), embedded_clickhouse.START_SECONDS
            ),
            lambda: backends.clickhouse_is_ready(address) and started.listens(address.port),
        )

    def _report_migration(self, step: progress.Progress) -> None:
        """Say what goes on; what is left undone when the system is told to stop, the next start takes up."""
        if self._stop.is_set():
            raise readiness.StoppedError("The system was told to stop.")
        if step.slow:
            self._migrating.report(step)

    def _restore_functions(self) -> None:
        """Go on without the functions if this user may not make them: only analysts need them."""
        try:
            functions.restore(self.address)
        except clickhouse.QueryError as error:
            self._report(str(error))

    def _publish_projects(self) -> model.Project:
        with (
            backends.connected(self.address) as server,
            contextlib.closing(backends.connect_redis(self.runtime.redis_url)) as client,
        ):
            source = registry.Registry(server)
            projects = source.list() or (source.create(FIRST_PROJECT),)
            source.publish(client)
        return next((project for project in projects if project.status == "active"), projects[0])

    def _start_own(self) -> None:
        edge = self._keep_own("edge", "edge", "edge")
        for number in range(1, self._values.workers + 1):
            self._keep_own("workers", f"worker-{number}", "worker")
        self._keep_own("maintenance", "maintenance", "maintenance")
        self.poll()
        listen = self._listen
        self._await(
            readiness.Starting("The edge", edge, self._log("edge"), EDGE_START_S),
            lambda: readiness.edge_is_ready(listen) and edge.listens(listen.port),
        )
        self.poll()

    def _await(self, starting: readiness.Starting, is_ready: Callable[[], bool]) -> None:
        readiness.wait(starting, is_ready, self._stop)

    def _keep_own(self, kind: str, name: str, command: str) -> child.Child:
        # -P: a folder of the working directory must not stand in for a package of ours.
        arguments = [sys.executable, "-P", "-m", "deploy", command, "--data", str(self._directory)]
        environment = settings.environment(
            self._values, redis_url=self.runtime.redis_url, clickhouse_url=self.runtime.clickhouse_url
        )
        return self._keep(kind, name, lambda: child.Child(arguments, self._log(name), environment))

    def _keep(self, kind: str, name: str, start: Callable[[], child.Child]) -> child.Child:
        return self._supervisor.start(supervisor.Service(kind, name, start, STOP_SECONDS[kind]))

    def _log(self, name: str) -> Path:
        return self._directory / "logs" / f"{name}.log"

    def _pids(self) -> runtime.Pids:
        edge = [process.pid for started in self._supervisor.running("edge") for process in started.family()]
        single = {kind: self._pids_of(kind)[:1] for kind in ("redis", "clickhouse")}
        return runtime.Pids(
            edge=edge,
            workers=self._pids_of("workers"),
            maintenance=self._pids_of("maintenance"),
            redis=sum(single["redis"]),
            clickhouse=sum(single["clickhouse"]),
        )

    def _pids_of(self, kind: str) -> list[int]:
        return [started.pid for started in self._supervisor.running(kind)]


def _with_real_port(values: settings.Settings) -> settings.Settings:
    """Replace port 0 by a free port, so that a restarted edge listens where the first one did."""
    listen = addresses.ListenAddress.parse(values.listen)
    if listen.port:
        return values
    chosen = listen.model_copy(update={"port": ports.free_port()})
    return values.model_copy(update={"listen": str(chosen)})
