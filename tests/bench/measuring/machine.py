"""The machine that the numbers belong to, and how steady it is."""

from __future__ import annotations

import os
import platform
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from tests.bench.measuring.report import Measurement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.measuring.scale import Scale

_SPINS: Final = 2_000_000
_GIBIBYTE: Final = 1024**3


def describe() -> str:
    """Return one line on processor, memory, kernel, Python and what else is running."""
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return (
        f"{os.cpu_count()} cores of {model[1] if model else platform.machine()}, "
        f"{psutil.virtual_memory().total / _GIBIBYTE:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load average {os.getloadavg()[0]:.1f}"
    )


def noise(_scale: Scale, _directory: Path) -> Iterator[Measurement]:
    """Repeat the same pure computation: its spread is a floor under the spread of everything else."""
    times = tuple(_spin() * 1000 for _ in range(5))
    yield Measurement(scenario="machine", what="same loop, five times", values=times, unit="ms")


def _spin() -> float:
    begin = time.perf_counter()
    for _ in range(_SPINS):
        pass
    return time.perf_counter() - begin
