"""The data directory of ``headrace up``: who holds it, and where its running system can be reached."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, Final

import msgspec
import psutil

from storage import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FILE: Final = "runtime.json"
LOCK: Final = "lock"
STALE_S: Final = 3.0
"""How long a process that outlived its ``up`` may take to stop before it is killed."""
CLOCK_SLACK_S: Final = 2.0
"""A start time is computed from the time of boot, which a clock adjustment may move."""


class InUseError(errors.HeadraceError):
    """Another ``headrace up`` runs on this data directory."""


class Pids(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The processes of a running system; ``edge`` begins with gunicorn's master.

    ``redis`` and ``clickhouse`` are 0 when the system uses servers that it did not start.
    """

    edge: list[int]
    workers: list[int]
    maintenance: list[int]
    redis: int = 0
    clickhouse: int = 0

    def all(self) -> list[int]:
        """Return every process."""
        single = [pid for pid in (self.redis, self.clickhouse) if pid]
        return [*self.edge, *self.workers, *self.maintenance, *single]


class Runtime(msgspec.Struct, kw_only=True):
    """What ``runtime.json`` says.

    Attributes:
        edge_url: base URL of the edge on this machine.
        public_url: base URL under which browsers reach it.
        redis_url: the queue.
        clickhouse_url: native protocol, for the user who may write.
        analyst_url: native protocol, for the user who may only read; empty when there is none.
        clickhouse_http_url: HTTP, for the same reading user; empty when ClickHouse is not the embedded one.
        shards: number of shards.
        pids: see ``Pids``.
        started: start times of these processes in seconds since the epoch, so that an id that went to
            another process since is not mistaken for ours.
    """

    edge_url: str
    public_url: str
    redis_url: str
    clickhouse_url: str
    analyst_url: str = ""
    clickhouse_http_url: str = ""
    shards: int
    pids: Pids
    started: dict[int, float] = {}


def read(directory: Path) -> Runtime | None:
    """Return what the last ``up`` on this directory wrote, or None when it stopped or there was none."""
    try:
        return msgspec.json.decode((directory / FILE).read_bytes(), type=Runtime)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (msgspec.DecodeError, OSError) as error:
        raise errors.HeadraceError(f"{directory / FILE} cannot be read: {error}.") from error


def write(directory: Path, runtime: Runtime) -> None:
    """Replace ``runtime.json`` in one step; readers see the old file or the new one. It holds passwords."""
    runtime.started = dict(_start_times(runtime.pids.all()))
    draft = directory / f"{FILE}.new"
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(runtime), indent=2) + b"\n")
    draft.replace(directory / FILE)


def remove(directory: Path) -> None:
    """Say that nothing runs here any more."""
    (directory / FILE).unlink(missing_ok=True)


@contextlib.contextmanager
def lock(directory: Path) -> Iterator[None]:
    """Hold the data directory; the kernel lets go of it when this process dies.

    One that is created is for its owner alone: what browsers sent lies in it as they sent it.

    Raises:
        InUseError: another process holds it.
    """
    try:
        directory.mkdir(0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise errors.HeadraceError(f"{directory} cannot be used for data: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InUseError(f"Another headrace up is running on {directory}.") from None
    else:
        yield
    finally:
        os.close(descriptor)


def stop_stale(directory: Path) -> list[int]:
    """Stop what a killed ``up`` left running on this directory and return the process ids; hold the lock."""
    runtime = read(directory)
    if runtime is None:
        return []
    stale = [process for pid, started in runtime.started.items() if (process := _same(pid, started))]
    for process in stale:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(stale, timeout=STALE_S)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=STALE_S)
    return [process.pid for process in stale]


def _same(pid: int, started: float) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE
        return process if alive and abs(process.create_time() - started) < CLOCK_SLACK_S else None
    return None


def _start_times(pids: Iterable[int]) -> Iterator[tuple[int, float]]:
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            yield pid, psutil.Process(pid).create_time()
