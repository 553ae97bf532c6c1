"""Finding the processes of a running system, and ending or freezing them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from typing import TYPE_CHECKING, Final

import psutil
import redis

from storage.queue import isolation, streams
from tests.helpers import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.helpers import harness

KINDS: Final = (
    "edge process",
    "gunicorn master",
    "worker",
    "job process",
    "maintenance",
    "redis",
    "clickhouse",
)


def find(system: harness.System, kind: str) -> int:
    """Return the process id of one of this kind, as soon as there is one.

    One that was just killed is started again, and a job process may live for a moment only.
    """
    found: list[int] = []

    def look() -> bool:
        found[:] = _candidates(system, kind)
        return bool(found)

    waiting.until(look, f"there is a {kind}")
    return random.choice(found)


def kill(system: harness.System, kind: str) -> float:
    """End a process of this kind the hard way and return when, by ``time.monotonic()``."""
    while True:
        with contextlib.suppress(ProcessLookupError):
            os.kill(find(system, kind), signal.SIGKILL)
            return time.monotonic()


def keep_down(system: harness.System, kind: str, seconds: float) -> float:
    """End every process of this kind as soon as it is there, for so long, and return when that was over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for pid in _candidates(system, kind):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    return end


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Keep a process from doing anything."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def frozen_in_batch(system: harness.System) -> Iterator[None]:
    """Keep the job process of the only worker from doing anything, while it inserts the rows of a batch."""
    process = find(system, "job process")
    try:
        waiting.until(lambda: _froze_in_batch(system, process), "the job process is in a batch")
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def _froze_in_batch(system: harness.System, process: int) -> bool:
    """Freeze a job process and return True, unless no batch began, or the last one was only just ending."""
    if not inserts(system):
        return False
    os.kill(process, signal.SIGSTOP)
    waiting.until(lambda: psutil.Process(process).status() == psutil.STATUS_STOPPED, "it is frozen")
    inserts(system)  # once Redis has answered this, it has whatever the job process had asked: a commit, say
    caught = inserts(system)
    if not caught:
        os.kill(process, signal.SIGCONT)
    return caught


def inserts(system: harness.System) -> bool:
    """Tell whether some batch is under way whose inserts have begun."""
    current = system.runtime
    begun = [streams.keys(shard).begun for shard in isolation.every(current.shards)]
    with contextlib.closing(redis.Redis.from_url(current.redis_url)) as client:
        return bool(client.exists(*begun))


def _candidates(system: harness.System, kind: str) -> list[int]:
    pids = system.runtime.pids
    match kind:
        case "edge process":
            return pids.edge[1:]
        case "gunicorn master":
            return pids.edge[:1]
        case "worker":
            return pids.workers
        case "job process":
            return [process for worker in pids.workers for process in _children(worker)]
        case "maintenance":
            return pids.maintenance
        case _:
            return [getattr(pids, kind)] if getattr(pids, kind) else []


def _children(pid: int) -> list[int]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [process.pid for process in psutil.Process(pid).children()]
    return []
