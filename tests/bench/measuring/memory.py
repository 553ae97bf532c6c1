"""How much memory processes hold, sampled while they work."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MEGABYTE: Final = 1_000_000
_INTERVAL: Final = 0.5


class Peak(NamedTuple):
    """The most that was seen, in MB.

    Attributes:
        rss: of a single process, shared pages included.
        pss: of all processes together, each shared page counted once.
    """

    rss: float
    pss: float


class Sampler:
    """Samples a changing set of processes from the start of the context to its end.

    Args:
        processes: returns the processes to look at, asked anew for each sample.
    """

    def __init__(self, processes: Callable[[], Iterable[psutil.Process]]) -> None:
        self._processes = processes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.peak = Peak(0.0, 0.0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_INTERVAL):
            samples = [sample for sample in map(_sample, self._processes()) if sample]
            if samples:
                rss = max(sample.rss for sample in samples)
                pss = sum(sample.pss for sample in samples)
                self.peak = Peak(max(rss, self.peak.rss), max(pss, self.peak.pss))


def _sample(process: psutil.Process) -> Peak | None:
    """Return what one process holds now; None when it has ended."""
    try:
        sizes = process.memory_full_info()
    except psutil.Error:
        return None
    return Peak(sizes.rss / MEGABYTE, sizes.pss / MEGABYTE)
