"""The data directory of ``headrace up``: who holds it, and where its running system can be reached."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

import msgspec
import psutil

from storage import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    File = tuple[int, int]
    """A device and an inode: a file whatever its name, and never a copy of it."""

FILE: Final = "runtime.json"
LOCK_S: Final = 0.5
"""How long another process may look whether the directory is held, which is to hold it for a moment."""
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


class Place(msgspec.Struct, frozen=True):
    """What a data directory is on this machine, since it was booted: no copy of it is that, wherever it lies.

    Attributes:
        device: of the directory.
        inode: of the directory.
        boot: of this machine; empty where the system does not say.
        networks: the namespace in which addresses on loopback lead to this system.
        processes: the namespace in which process ids are those of this system.
    """

    device: int
    inode: int
    boot: str
    networks: int
    processes: int


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
        place: of the directory; what a copy of it says is not of the copy.
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
    place: Place | None = None


def read(directory: Path) -> Runtime | None:
    """Return what the last ``up`` on this directory wrote, or None when it stopped or there was none."""
    try:
        return msgspec.json.decode((directory / FILE).read_bytes(), type=Runtime)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (msgspec.DecodeError, OSError) as error:
        raise errors.HeadraceError(f"{directory / FILE} cannot be read: {error}.") from error


def running(directory: Path) -> Runtime | None:
    """Return where the system that runs on this very directory can be reached; None when none does.

    What a copy of the directory of a running system says of that system is not returned for the copy.
    """
    runtime = read(directory)
    if runtime is None or runtime.place != place(directory) or not _is_held(directory):
        return None
    return runtime


def place(directory: Path) -> Place:
    """Return what this directory is, as no other one."""
    found = directory.stat()
    boot = _first_line("/proc/sys/kernel/random/boot_id")
    return Place(found.st_dev, found.st_ino, boot, _namespace("net"), _namespace("pid"))


def write(directory: Path, runtime: Runtime) -> None:
    """Replace ``runtime.json`` in one step; readers see the old file or the new one. It holds passwords."""
    runtime.started = dict(_start_times(runtime.pids.all()))
    runtime.place = place(directory)
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

    It is the directory that is held and no file in it, which a copy could share. One that is created is for
    its owner alone: what browsers sent lies in it as they sent it.

    Raises:
        InUseError: another process holds it.
    """
    try:
        directory.mkdir(0o700, parents=True, exist_ok=True)
        descriptor = _opened(directory)
    except OSError as error:
        raise errors.HeadraceError(f"{directory} cannot be used for data: {error.strerror}.") from error
    try:
        if not _hold(descriptor):
            raise InUseError(f"Another headrace up is running on {directory}.")
        yield
    finally:
        os.close(descriptor)


def stop_stale(directory: Path) -> list[int]:
    """Stop what a killed ``up`` left running on this very directory; hold the lock. Return the process ids.

    What it wrote is removed. A process counts as left when it has the id and the start time that are written,
    in the place that is written, and writes into a log of this directory. A copy of it has other logs.
    """
    runtime = read(directory)
    remove(directory)
    if runtime is None or runtime.place != place(directory):
        return []
    logs = {_file(path.stat()) for path in directory.glob("logs/*.log")}
    stale = [
        process
        for pid, started in runtime.started.items()
        if (process := _same(pid, started)) and _writes_to(process, logs)
    ]
    for process in stale:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(stale, timeout=STALE_S)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=STALE_S)
    return [process.pid for process in stale]


def _opened(directory: Path) -> int:
    return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _hold(descriptor: int) -> bool:
    deadline = time.monotonic() + LOCK_S
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(LOCK_S / 50)


def _is_held(directory: Path) -> bool:
    descriptor = _opened(directory)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


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
    """Return the files that a process has open: as the kernel knows them, where that can be asked."""
    if os.path.isdir("/proc/self/fd"):  # noqa: PTH112 - not a path of ours
        # A path would not do: in another mount namespace it leads elsewhere.
        yield from (_file(os.stat(f"/proc/{process.pid}/fd/{number}")) for number in (1, 2))  # noqa: PTH116
    else:
        yield from (_file(os.stat(opened.path)) for opened in process.open_files())  # noqa: PTH116


def _file(found: os.stat_result) -> File:
    return found.st_dev, found.st_ino


def _namespace(kind: str) -> int:
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/self/ns/{kind}").st_ino  # noqa: PTH116 - not a path of ours
    return 0


def _first_line(path: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:  # noqa: PTH123 - not a path of ours
        return file.readline().strip()
    return ""


def _start_times(pids: Iterable[int]) -> Iterator[tuple[int, float]]:
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            yield pid, psutil.Process(pid).create_time()
