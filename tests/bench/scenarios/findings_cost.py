"""What the rows of findings and policies cost the drain: their share of the time that a backlog takes."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar
from unittest import mock

from storage.queue import batches, isolation
from storage.tables import writer
from tests.bench.load import stack
from tests.bench.measuring.report import Measurement
from tests.bench.scenarios import drain as backlog
from workers import pipeline
from workers.draining import batch_limits, drain, sizing
from workers.rows import findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.bench.measuring.scale import Scale

_TABLES: Final = ("finding_days", "policy_days")
_ROUNDS: Final = 5
_BAR: Final = 5.0

_Result = TypeVar("_Result")


class _Stopwatch:
    """Adds up the time that calls take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, call: Callable[..., _Result]) -> Callable[..., _Result]:
        """Return the function, timed."""

        def run(*arguments: Any, **named: Any) -> _Result:
            begun = time.perf_counter()
            try:
                return call(*arguments, **named)
            finally:
                self.seconds += time.perf_counter() - begun

        return run

    def timed_insert(self, call: Callable[..., int]) -> Callable[..., int]:
        """Return the function that inserts, timed where it inserts findings or policies."""
        timed = self.timed(call)

        def insert(server: Any, table: str, *others: Any) -> int:
            return (timed if table in _TABLES else call)(server, table, *others)

        return insert


def run(scale: Scale, directory: Path) -> Iterator[Measurement]:
    """Empty a backlog of each corpus in this process, several times."""
    directory.mkdir()
    pipeline.warm()
    for number, (name, samples) in enumerate(backlog.CORPORA.items()):
        shares, batched = [], 0
        with stack.stores(directory / str(number)) as stores:
            for _ in range(_ROUNDS):
                backlog.fill(stores, samples(scale.backlog // _ROUNDS))
                share, batched = _share(stores)
                shares.append(share)
        yield Measurement(
            scenario="findings and policies",
            what=f"share of the drain's time, {name}",
            values=tuple(shares),
            unit="%",
            bar=_BAR,
            sense="≤",
            note=f"the last {scale.backlog // _ROUNDS} reports in {batched} batches",
        )


def _share(stores: stack.Stores) -> tuple[float, int]:
    """Drain all streams; return the percentage that findings and policies took, and the batches."""
    limits = batch_limits.BatchLimits(budget_s=600)
    drainer = drain.Drainer(
        batches.Queue(stores.client),
        stores.client,
        stores.server,
        time.monotonic,
        limits,
        batch_sizing=sizing.BatchSizing(batch_limits.BatchLimits(), 0.6),
    )
    watch, batched = _Stopwatch(), 0
    with contextlib.ExitStack() as replaced:
        for module, name in ((findings, "finding_days"), (findings, "policy_days")):
            replaced.enter_context(mock.patch.object(module, name, watch.timed(getattr(module, name))))
        replaced.enter_context(mock.patch.object(writer, "insert", watch.timed_insert(writer.insert)))
        begun = time.perf_counter()
        for stream in isolation.every(stores.values.shards):
            batched += drainer.drain(stream).batches
        return 100 * watch.seconds / (time.perf_counter() - begun), batched
