"""How fast one worker empties a full backlog into ClickHouse, and how much memory it holds meanwhile."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from storage.ledger import equations
from storage.queue import appenders, envelope
from tests.bench.load import corpus, stack
from tests.bench.measuring import memory
from tests.bench.measuring.report import Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.bench.measuring.scale import Scale

_ENTRY: Final = 100
"""Payloads in a stream entry, as a busy edge packs them."""
_ROUND_TRIP: Final = 50
"""Entries appended at a time."""
_INTERVAL: Final = 0.1
_PATIENCE: Final = 60.0
CORPORA: Final[dict[str, Callable[[int], Iterable[corpus.Sample]]]] = {
    "realistic": corpus.realistic,
    "all distinct": corpus.distinct,
    "Reporting API batches": lambda reports: corpus.batches(reports // 8),
}


class _Drained(NamedTuple):
    """``rate`` in reports a second, ``rows`` in ClickHouse afterwards."""

    rate: float
    rows: int
    peak: memory.Peak


def run(scale: Scale, directory: Path) -> Iterator[Measurement]:
    """Fill the queue, then start one worker and the maintenance process that dispatches its jobs."""
    directory.mkdir()
    drained = {}
    for number, (name, samples) in enumerate(CORPORA.items()):
        with stack.stores(directory / str(number)) as stores:
            fill(stores, samples(scale.backlog))
            drained[name] = _drain(stores)
    for name, one in drained.items():
        yield Measurement(
            scenario="one worker, full backlog",
            what=name,
            values=(one.rate,),
            unit="reports/s",
            bar=40_000,
            note=f"{scale.backlog} reports became {one.rows} rows",
        )
    for what, values, bar in (
        ("memory of worker or job process", [one.peak.rss for one in drained.values()], 300),
        ("both together, shared pages once", [one.peak.pss for one in drained.values()], None),
    ):
        yield Measurement(
            scenario="one worker, full backlog",
            what=what,
            values=(max(values),),
            unit="MB",
            bar=bar,
            sense="≤",
            note="largest of the three",
        )


def fill(stores: stack.Stores, samples: Iterable[corpus.Sample]) -> None:
    """Append the samples as the edge would have."""
    appender = appenders.Appender(stores.client)
    for shard, payloads in _appends(stores, samples):
        appender.append({shard: payloads})


def _appends(
    stores: stack.Stores, samples: Iterable[corpus.Sample]
) -> Iterator[tuple[int, list[envelope.Payload]]]:
    project, shards = stores.project, stores.values.shards
    waiting: defaultdict[int, list[envelope.Payload]] = defaultdict(list)
    for environment, release, agent, content_type, body in samples:
        shard = envelope.shard_of(project.id, environment, release, shards)
        waiting[shard].append(
            envelope.Payload(project.id, project.keys[0], environment, release, agent, content_type, 0, body)
        )
        if len(waiting[shard]) == _ENTRY:
            yield shard, waiting.pop(shard)
    for shard, payloads in waiting.items():
        yield shard, payloads


def _drain(stores: stack.Stores) -> _Drained:
    with (
        stores.process("deploy", "maintenance", name="maintenance"),
        stores.process("deploy", "worker", name="worker") as worker,
        memory.Sampler(worker.family) as sampler,
    ):
        rate = _payload_rate(stores)
    (line,) = equations.verify(stores.server, stores.client, stores.values.shards)
    if not line.balanced:
        raise RuntimeError(f"The ledger does not balance: {line}.")
    ((rows,),) = stores.server.execute("SELECT count() FROM reports")
    return _Drained(rate * line.found / line.committed, rows, sampler.peak)


def _payload_rate(stores: stack.Stores) -> float:
    """Return payloads a second from the first commit, which ends the starting of processes, to the last."""
    first = _next_backlog(stores, _backlog(stores))
    begin, current = time.perf_counter(), first
    while current:
        current = _next_backlog(stores, current)
    return first / (time.perf_counter() - begin)


def _next_backlog(stores: stack.Stores, previous: int) -> int:
    """Wait for the next commit and return the backlog after it.

    Raises:
        RuntimeError: nothing was committed for a minute.
    """
    deadline = time.monotonic() + _PATIENCE
    while (current := _backlog(stores)) == previous:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{current} payloads wait and nothing drains them; see {stores.directory}.")
        time.sleep(_INTERVAL)
    return current


def _backlog(stores: stack.Stores) -> int:
    return equations.backlog(stores.client, stores.values.shards)
