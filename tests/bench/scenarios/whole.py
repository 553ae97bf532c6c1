"""The whole system as ``headrace up`` starts it: freshness when idle, and throughput that it sustains."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import psutil
import redis

from deploy.network import addresses
from storage.ledger import equations
from storage.servers import clickhouse
from tests.bench.load import corpus, loadgen, probes, stack
from tests.bench.measuring import memory
from tests.bench.measuring.report import Measurement
from tests.helpers import harness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bench.measuring.scale import Scale

SUSTAINED: Final = "end to end"
THROUGHPUT: Final = ("acknowledged", "became queryable")
"""The two rates of throughput; the system sustained the smaller one."""
_IDLE: Final = "idle system"
_REQUESTS: Final = 80_000
"""Sent over again after eight seconds: sooner, the second time would pass for a retry of the same browser."""
_CONNECTIONS: Final = 512
"""A browser holds one of its own, so a busy edge has many; the same number as at the edge alone."""
_PAUSE: Final = 0.25
_MARGIN: Final = 1.05
"""Times the rate to be sustained are posted: a load generator that is held up for a moment falls behind."""
_SEEN: Final = "SELECT sum(seen) FROM reports"


class _Sample(NamedTuple):
    """``at`` by ``time.time()``; ``backlog`` in payloads; ``seen`` in reports that SQL shows."""

    at: float
    backlog: int
    seen: int


def run(scale: Scale, directory: Path) -> Iterator[Measurement]:
    """Measure the idle system first, then the same system under a steady rate."""
    directory.mkdir()
    with harness.system(directory, HEADRACE_TRUSTED_PROXIES=addresses.LOOPBACK) as system:
        yield _freshness_when_idle(system, scale)
        yield from _sustain(system, scale, directory)
        system.wait_drained()
        verdict = system.headrace("verify")
        if verdict.returncode:
            raise RuntimeError(f"The ledger does not balance: {verdict.stdout}")


def _freshness_when_idle(system: harness.System, scale: Scale) -> Measurement:
    idle = probes.Probes(system, _PAUSE)
    idle.run(lambda number: number < scale.probes)
    return _freshness(_IDLE, idle, bar=2)


def _freshness(scenario: str, timed: probes.Probes, bar: float | None = None) -> Measurement:
    ordered = sorted(timed.seconds)
    return Measurement(
        scenario=scenario,
        what="posted to visible, p99",
        values=(loadgen.percentile(ordered, 0.99),),
        unit="s",
        bar=bar,
        sense="≤",
        note=f"p50 {loadgen.percentile(ordered, 0.5):.2f} s; {len(ordered)} taken, {len(timed.refused)} not",
    )


def _sustain(system: harness.System, scale: Scale, directory: Path) -> Iterator[Measurement]:
    timed = probes.Probes(system, _PAUSE)
    with (
        memory.Sampler(lambda: _processes(system.runtime.pids.edge)) as edge,
        memory.Sampler(lambda: _processes(system.runtime.pids.workers)) as worker,
        _Watch(system) as watch,
    ):
        load = loadgen.Running(_plan(system, scale), directory)
        timed.run(lambda _: load.is_under_way())
        outcome = load.outcome()
    samples = watch.within(outcome.started_at, outcome.started_at + outcome.seconds)
    posted = scale.sustained_rate * _MARGIN
    note = f"{posted:.0f}/s posted for {outcome.seconds:.0f} s; answers {outcome.statuses}"
    for what, rate in zip(THROUGHPUT, (outcome.rate, _queryable_rate(samples)), strict=True):
        yield _sustained(what, rate, "reports/s", bar=scale.sustained_rate, note=note)
    yield _backlog_growth(samples, scale)
    yield _freshness(SUSTAINED, timed)
    yield _sustained("acknowledged, p99", outcome.p99_ms, "ms", note=f"p50 {outcome.p50_ms:.1f} ms")
    yield _sustained("memory of an edge process", edge.peak.rss, "MB", bar=120, sense="≤", note="RSS")
    yield _sustained("memory of worker or job process", worker.peak.rss, "MB", bar=300, sense="≤", note="RSS")


def _sustained(what: str, value: float, unit: str, **more: Any) -> Measurement:
    return Measurement(scenario=SUSTAINED, what=what, values=(value,), unit=unit, **more)


def _plan(system: harness.System, scale: Scale) -> loadgen.Plan:
    project, edge = system.project, urlsplit(system.edge_url)
    paths = {place: stack.endpoint_path(project["id"], project["key"], *place) for place in corpus.PLACES}
    requests = [
        loadgen.request(sample, paths[sample.environment, sample.release], edge.netloc)
        for sample in corpus.realistic(_REQUESTS)
    ]
    return loadgen.Plan(
        host=edge.hostname or "",
        port=edge.port or 0,
        requests=requests,
        seconds=scale.sustained_seconds,
        connections=_CONNECTIONS,
        rate=scale.sustained_rate * _MARGIN,
        warm_up=3,
    )


def _processes(pids: list[int]) -> list[psutil.Process]:
    """Return these processes and what they have forked."""
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            found += [process, *process.children()]
    return found


def _queryable_rate(samples: list[_Sample]) -> float:
    """Return the slope of the line through all samples: reports appear by the batch, thousands at once."""
    return statistics.linear_regression([one.at for one in samples], [one.seen for one in samples]).slope


def _backlog_growth(samples: list[_Sample], scale: Scale) -> Measurement:
    """Compare the first third of the samples with the last."""
    third = len(samples) // 3
    before = statistics.median(sample.backlog for sample in samples[:third])
    after = statistics.median(sample.backlog for sample in samples[-third:])
    growth = (after - before) / (scale.sustained_seconds * 2 / 3)
    return _sustained(
        "growth of the backlog",
        growth,
        "reports/s",
        bar=scale.sustained_rate * 0.01,
        sense="≤",
        note=f"{before:.0f} waiting in the first third, {after:.0f} in the last",
    )


class _Watch:
    """Looks at the backlog and at what is queryable, once a second until the context ends."""

    def __init__(self, system: harness.System) -> None:
        self._runtime = system.runtime
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._samples: list[_Sample] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def within(self, begin: float, end: float) -> list[_Sample]:
        """Return what was seen between two moments of ``time.time()``."""
        return [sample for sample in self._samples if begin <= sample.at <= end]

    def _run(self) -> None:
        analyst = addresses.clickhouse_address(self._runtime.analyst_url)
        with (
            contextlib.closing(clickhouse.connect(analyst)) as server,
            contextlib.closing(redis.Redis.from_url(self._runtime.redis_url)) as client,
        ):
            while not self._stop.wait(1):
                backlog = equations.backlog(client, self._runtime.shards)
                ((seen,),) = server.execute(_SEEN)
                self._samples.append(_Sample(time.time(), backlog, seen))
