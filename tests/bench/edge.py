"""How many reports a second the edge acknowledges and stores, beside a route that only answers."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from deploy import network
from storage import ledger, streams
from tests.bench import corpus, loadgen, memory, stack
from tests.bench.report import Measurement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bench.scale import Scale

_REQUESTS: Final = 50_000
_CONNECTIONS: Final = 512
"""A busy edge has thousands; with too few, a closed loop measures the wait for the disk and not the edge."""
_SCENARIO: Final = "edge"


def run(scale: Scale, directory: Path) -> Iterator[Measurement]:
    """Drive the edge and its yardstick in turns; nothing drains meanwhile."""
    stored, bare, latencies, peaks = [], [], [], []
    refused = 0
    with stack.stores(directory) as stores:
        for _ in range(scale.repetitions):
            with _serving(stores, "tests.bench.bare") as (port, _):
                bare.append(_load(stores, port, scale).rate)
            with _serving(stores, "deploy", "edge") as (port, sampler):
                outcome = _load(stores, port, scale)
            stored.append(outcome.rate)
            refused += sum(outcome.statuses.values()) - outcome.acknowledged + outcome.broken
            latencies.append(outcome.p99_ms)
            peaks.append(sampler.peak.rss)
            _require_stored(stores, outcome)
    note = (
        f"{stores.values.edge_processes} processes, AOF {stores.values.redis_appendfsync}, {refused} refused"
    )
    yield _measured("acknowledged and stored", stored, "reports/s", bar=20_000, note=note)
    yield _measured("the same server answering 204", bare, "requests/s")
    ratios = [one / other for one, other in zip(stored, bare, strict=True)]
    yield _measured("ratio of the two", ratios, "x", bar=0.5)
    yield _measured("p99 in a closed loop", latencies, "ms", note=f"{_CONNECTIONS} connections")
    yield _measured("memory of an edge process", peaks, "MB", bar=120, sense="≤", note="RSS")


def _measured(what: str, values: list[float], unit: str, **more: object) -> Measurement:
    return Measurement(scenario=_SCENARIO, what=what, values=tuple(values), unit=unit, **more)


@contextlib.contextmanager
def _serving(stores: stack.Stores, *command: str) -> Iterator[tuple[int, memory.Sampler]]:
    port = network.free_port()
    listen = f"{network.LOOPBACK}:{port}"
    with stores.process(*command, name=command[-1], listen=listen) as process:
        stack.await_listening(process, port)
        with memory.Sampler(process.family) as sampler:
            yield port, sampler


def _load(stores: stack.Stores, port: int, scale: Scale) -> loadgen.Outcome:
    samples = corpus.realistic(_REQUESTS)
    requests = [
        loadgen.request(sample, stores.path(sample.environment, sample.release), network.LOOPBACK)
        for sample in samples
    ]
    plan = loadgen.Plan(
        host=network.LOOPBACK,
        port=port,
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
    backlog = ledger.backlog(stores.client, stores.values.shards)
    if backlog < outcome.acknowledged:
        raise RuntimeError(f"Redis holds {backlog} payloads, but the edge answered {outcome.statuses}.")
    for shard in range(stores.values.shards):
        stores.client.delete(*streams.keys(shard))
