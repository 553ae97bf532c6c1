"""Processes that a killed ``headrace up`` left running, and how the next one stops them."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

import psutil

from deploy.directory import identity, runtime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    File = tuple[int, int]
    """A device and an inode: the same file under another name, and never a copy of it."""

STOP_S: Final = 3.0
"""How long a process may take to stop before it is killed."""
CLOCK_SLACK_S: Final = 2.0
"""A start time is computed from the time of boot, which a clock adjustment may move."""


def stop(directory: Path) -> list[int]:
    """Stop the processes that a killed ``up`` left running on this directory, and return their ids.

    The caller holds the lock; ``runtime.json`` is removed. A process counts as left over when
    ``runtime.json`` was written in this very directory and names its id and its start time, and when it
    writes into a log of this directory. A copy of the directory has other logs.
    """
    written = runtime.read(directory)
    runtime.remove(directory)
    if written is None or written.directory != identity.of(directory):
        return []
    logs = {_file(path.stat()) for path in directory.glob("logs/*.log")}
    left = [
        process
        for pid, started in written.started.items()
        if (process := _same(pid, started)) and _writes_to(process, logs)
    ]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(left, timeout=STOP_S)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=STOP_S)
    return [process.pid for process in left]


def _same(pid: int, started: float) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE
        return process if alive and abs(process.create_time() - started) < CLOCK_SLACK_S else None
    return None


def _writes_to(process: psutil.Process, logs: set[File]) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        return not logs.isdisjoint(_outputs(process))
    return False


def _outputs(process: psutil.Process) -> Iterator[File]:
    """Yield the outputs of a process, as files; where the kernel does not tell them, all that it has open."""
    if os.path.isdir("/proc/self/fd"):  # noqa: PTH112 - not a path of ours
        # A path would not do: in another mount namespace it leads elsewhere.
        yield from (_file(os.stat(f"/proc/{process.pid}/fd/{number}")) for number in (1, 2))  # noqa: PTH116
    else:
        yield from (_file(os.stat(opened.path)) for opened in process.open_files())  # noqa: PTH116


def _file(found: os.stat_result) -> File:
    return found.st_dev, found.st_ino
