"""How fast the obvious design is on this machine, given the same Redis and the same ClickHouse."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from deploy.network import addresses, ports
from deploy.processes import child
from storage.servers import clickhouse
from storage.tables import migrate
from tests.bench.load import corpus, loadgen
from tests.bench.measuring.report import Measurement
from tests.bench.yardsticks import obvious
from tests.helpers import harness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.measuring.scale import Scale

SCENARIO: Final = "obvious design"
_BIN: Final = Path(sys.executable).parent
_COUNT: Final = "SELECT count() FROM obvious"


class _System(NamedTuple):
    """The obvious system under way."""

    port: int
    server: clickhouse.Connection
    workers: contextlib.ExitStack
    directory: Path
    environment: dict[str, str]

    def rows(self) -> int:
        """Return how many reports are queryable."""
        ((count,),) = self.server.execute(_COUNT)
        return int(count)

    def start_workers(self) -> None:
        """Start one RQ worker for each core.

        ``--config`` makes a worker import the job's module before it forks. Without it each job imports the
        module anew, which takes most of its time, and which a competent operator would notice.
        """
        url = self.environment[obvious.REDIS_VARIABLE]
        for number in range(os.cpu_count() or 1):
            worker = child.Child(
                [
                    str(_BIN / "rq"),
                    "worker",
                    "--quiet",
                    "--config",
                    obvious.__name__,
                    "--url",
                    url,
                    obvious.QUEUE,
                ],
                self.directory / f"worker-{number}.log",
                self.environment,
            )
            self.workers.callback(worker.stop)


def run(scale: Scale, directory: Path) -> Iterator[Measurement]:
    """Measure it twice: draining a queue with nothing else to do, and end to end at just that rate."""
    with _running(directory) as system:
        alone = _drain(system, scale.obvious_reports)
        yield Measurement(
            scenario=SCENARIO,
            what="draining, edge idle",
            values=(alone,),
            unit="reports/s",
            note=f"{os.cpu_count()} RQ workers",
        )
        yield Measurement(
            scenario=SCENARIO,
            what="end to end",
            values=(_sustain(system, alone, scale.obvious_seconds),),
            unit="reports/s",
            note=f"posted at {alone:.0f}/s",
        )


def _drain(system: _System, reports: int) -> float:
    """Queue so many reports by HTTP, then start the workers; reports a second from first row to last."""
    load = _load(system, seconds=0.5, rate=reports / 0.5)
    system.start_workers()
    child.wait_until(lambda: system.rows() > 0, 60)
    first, begin = system.rows(), time.perf_counter()
    child.wait_until(lambda: system.rows() >= load.acknowledged, 120)
    return (system.rows() - first) / (time.perf_counter() - begin)


def _sustain(system: _System, rate: float, seconds: float) -> float:
    """Post at a steady rate; reports a second that became queryable meanwhile."""
    before, begin = system.rows(), time.perf_counter()
    _load(system, seconds=seconds, rate=rate)
    return (system.rows() - before) / (time.perf_counter() - begin)


def _load(system: _System, *, seconds: float, rate: float) -> loadgen.Outcome:
    samples = (sample for sample in corpus.realistic(4_000) if sample.body.startswith(b'{"csp-report"'))
    path = "/api/1/security/?sentry_key=obvious&sentry_environment=production&sentry_release=shop%401"
    requests = [loadgen.request(sample, path, addresses.LOOPBACK) for sample in samples]
    plan = loadgen.Plan(
        host=addresses.LOOPBACK,
        port=system.port,
        requests=requests,
        seconds=seconds,
        rate=rate,
        connections=8,
        warm_up=0,
    )
    return loadgen.Running(plan, system.directory).outcome()


@contextlib.contextmanager
def _running(directory: Path) -> Iterator[_System]:
    directory.mkdir()
    with (
        harness.redis_server(directory / "redis") as redis,
        harness.clickhouse_server(directory / "clickhouse") as stored,
        contextlib.ExitStack() as processes,
    ):
        migrate.apply(stored.address)
        server = clickhouse.connect(stored.address)
        processes.callback(server.close)
        server.execute(obvious.CREATE_TABLE)
        port = ports.free_port()
        environment = {obvious.REDIS_VARIABLE: redis.url, obvious.CLICKHOUSE_VARIABLE: stored.url}
        edge = child.Child(_gunicorn(port), directory / "edge.log", environment)
        processes.callback(edge.stop)
        child.wait_until(lambda: ports.answers(addresses.LOOPBACK, port), 30, child=edge)
        yield _System(port, server, processes, directory, environment)


def _gunicorn(port: int) -> list[str]:
    return [
        str(_BIN / "gunicorn"),
        f"--bind={addresses.LOOPBACK}:{port}",
        f"--workers={os.cpu_count()}",
        "--worker-class=gthread",
        "--threads=4",
        "--log-level=error",
        "tests.bench.yardsticks.obvious:app()",
    ]
