"""How many reports a second the edge acknowledges and stores, beside a Falcon route that only answers."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from deploy.network import addresses, ports
from storage.ledger import equations
from storage.limits import exhausted_quotas
from storage.projects import model, project_settings, registry
from storage.queue import streams
from tests.bench.load import corpus, loadgen, stack
from tests.bench.measuring import memory
from tests.bench.measuring.report import Measurement
from tests.bench.yardsticks import foreign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deploy.processes import child
    from tests.bench.measuring.scale import Scale

_REQUESTS: Final = 50_000
_CONNECTIONS: Final = 512
"""Connections: with too few, a closed loop measures the wait for the disk; a busy edge has thousands."""
_SCENARIO: Final = "edge"
_ORIGINS: Final = ("https://www.example.com", "https://*.shop.example", "https://shop.example")
"""Allowed origins; the last one is that of the load."""
_HOUR_S: Final = 3600


def run(scale: Scale, directory: Path) -> Iterator[Measurement]:
    """Drive the edge, itself without its checks, and its yardsticks in turns; nothing drains meanwhile."""
    stored, unchecked, bare, foreign_parser = _Series(), _Series(), _Series(), _Series()
    with stack.stores(directory) as stores:
        guarded = _guard(stores)
        for _ in range(scale.repetitions):
            with _serving(stores, "tests.bench.yardsticks.bare") as served:
                bare.add(served, _load(stores, stores.project, served, scale))
            with _serving(stores, "tests.bench.yardsticks.foreign") as served:
                foreign_parser.add(served, _load(stores, stores.project, served, scale))
            with _serving(stores, "deploy", "edge", trusted_proxies="", address_rate=0) as served:
                unchecked.add(served, _load(stores, stores.project, served, scale))
            _require_stored(stores, unchecked.outcomes[-1])
            with _serving(stores, "deploy", "edge") as served:
                stored.add(served, _load(stores, guarded, served, scale))
            _require_stored(stores, stored.outcomes[-1])
    note = (
        f"{stores.values.edge_processes} processes, AOF {stores.values.redis_appendfsync}, "
        f"{stored.refused} refused"
    )
    yield _measured("acknowledged and stored", stored.rates, "reports/s", bar=20_000, note=note)
    yield _measured("the same server answering 204", bare.rates, "requests/s")
    yield _measured("ratio of the two", _ratios(stored.rates, bare.rates), "x", bar=0.6)
    yield from _compared(stored, unchecked, bare, foreign_parser)
    latencies = [outcome.p99_ms for outcome in stored.outcomes]
    yield _measured("p99 in a closed loop", latencies, "ms", note=f"{_CONNECTIONS} connections")
    yield _measured("memory of an edge process", stored.peaks(), "MB", bar=120, sense="≤", note="RSS")


def _compared(
    stored: _Series, unchecked: _Series, bare: _Series, foreign_parser: _Series
) -> Iterator[Measurement]:
    """Compare the processor time of the edge, without its checks, and of its yardsticks."""
    yield _measured(
        "reports in its processor time, beside 204 in the same",
        _ratios(stored.per_cpu_second, bare.per_cpu_second),
        "x",
        bar=0.6,
        note="both through Falcon",
    )
    yield _measured(
        "reports in its processor time with all checks, beside none",
        _ratios(stored.per_cpu_second, unchecked.per_cpu_second),
        "x",
        bar=0.9,
        note="origins, addresses and their rate, a used-up quota elsewhere",
    )
    yield _measured(
        "requests read in its processor time, beside another parser",
        _ratios(bare.per_cpu_second, foreign_parser.per_cpu_second),
        "x",
        bar=0.85,
        note=foreign.PARSER,
    )


class _Served(NamedTuple):
    """A server under load; ``started`` is the processor time, in seconds, that it took to start."""

    port: int
    process: child.Child
    sampler: memory.Sampler
    started: float


class _Series:
    """The results of the repetitions of one load."""

    def __init__(self) -> None:
        self.outcomes: list[loadgen.Outcome] = []
        self.per_cpu_second: list[float] = []
        """Answers for each second of processor time."""
        self._samplers: list[memory.Sampler] = []

    def add(self, served: _Served, outcome: loadgen.Outcome) -> None:
        """Keep a repetition, while its server still runs.

        Raises:
            RuntimeError: the server broke connections, so that its speed says nothing.
        """
        if outcome.broken > outcome.acknowledged // 100:
            raise RuntimeError(f"{outcome.broken} requests got no answer, and {outcome.acknowledged} did.")
        self.outcomes.append(outcome)
        spent = _cpu_seconds(served.process) - served.started
        self.per_cpu_second.append(sum(outcome.statuses.values()) / spent)
        self._samplers.append(served.sampler)

    @property
    def rates(self) -> list[float]:
        """Answers a second."""
        return [outcome.rate for outcome in self.outcomes]

    @property
    def refused(self) -> int:
        """Requests that got no answer of 2xx."""
        return sum(
            sum(outcome.statuses.values()) - outcome.acknowledged + outcome.broken
            for outcome in self.outcomes
        )

    def peaks(self) -> list[float]:
        """Memory of the largest process, in MB."""
        return [sampler.peak.rss for sampler in self._samplers]


def _cpu_seconds(process: child.Child) -> float:
    """Return the processor time, in seconds, that a server's processes have used since they began."""
    spent = (member.cpu_times() for member in process.family())
    return sum(times.user + times.system for times in spent)


def _ratios(some: list[float], others: list[float]) -> list[float]:
    return [one / other for one, other in zip(some, others, strict=True)]


def _guard(stores: stack.Stores) -> model.Project:
    """Return a project for whose requests the edge has everything to check.

    Another project has used up its quota: else the edge would not look for any.
    """
    source = registry.Registry(stores.server)
    checked = project_settings.ProjectSettings(allowed_origins=_ORIGINS, quota_per_minute=1_000_000_000)
    guarded = source.create("guarded", settings=checked)
    noisy = source.create("noisy", settings=project_settings.ProjectSettings(quota_per_minute=1))
    source.publish(stores.client)
    until = time.time() + _HOUR_S
    stores.client.zadd(exhausted_quotas.EXHAUSTED_KEY, {f"{noisy.id} project_minute 1 ": until})
    return guarded


def _measured(what: str, values: list[float], unit: str, **more: Any) -> Measurement:
    return Measurement(scenario=_SCENARIO, what=what, values=tuple(values), unit=unit, **more)


@contextlib.contextmanager
def _serving(stores: stack.Stores, *command: str, **settings: object) -> Iterator[_Served]:
    port = ports.free_port()
    listen = f"{addresses.LOOPBACK}:{port}"
    with stores.process(*command, name=command[-1], listen=listen, **settings) as process:
        stack.await_listening(process, port)
        with memory.Sampler(process.family) as sampler:
            yield _Served(port, process, sampler, _cpu_seconds(process))


def _load(stores: stack.Stores, project: model.Project, served: _Served, scale: Scale) -> loadgen.Outcome:
    samples = corpus.realistic(_REQUESTS)
    requests = [
        loadgen.request(
            sample,
            stack.endpoint_path(project.id, project.keys[0], sample.environment, sample.release),
            addresses.LOOPBACK,
        )
        for sample in samples
    ]
    plan = loadgen.Plan(
        host=addresses.LOOPBACK,
        port=served.port,
        requests=requests,
        seconds=scale.edge_seconds,
        connections=_CONNECTIONS,
    )
    return loadgen.Running(plan, stores.directory).outcome()


def _require_stored(stores: stack.Stores, outcome: loadgen.Outcome) -> None:
    """Check that Redis holds all that was acknowledged, and make room.

    Raises:
        RuntimeError: it holds less. It may hold more: an append that timed out was answered with 503.
    """
    backlog = equations.backlog(stores.client, stores.values.shards)
    if backlog < outcome.acknowledged:
        raise RuntimeError(f"Redis holds {backlog} payloads, but the edge answered {outcome.statuses}.")
    for shard in range(stores.values.shards):
        stores.client.delete(*streams.keys(shard))
