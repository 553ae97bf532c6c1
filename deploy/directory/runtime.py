"""``runtime.json`` in a data directory: the addresses and the processes of the system that runs on it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import msgspec
import psutil

from deploy.directory import identity, lock, private_files
from storage import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FILE: Final = "runtime.json"


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
    """The content of ``runtime.json``.

    Attributes:
        edge_url: base URL of the edge on this machine.
        public_url: base URL under which browsers reach it.
        redis_url: the queue.
        clickhouse_url: native protocol, for the user that may write.
        analyst_url: native protocol, for the user that may only read; empty when there is none.
        clickhouse_http_url: HTTP, for the same reading user; empty when ClickHouse is not the embedded one.
        shards: number of shards.
        pids: see ``Pids``.
        started: start times of these processes in seconds since the epoch, by process id: another process
            may have got the same id since.
        directory: the directory that the file was written in; a copy of the file does not speak of the copy.
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
    directory: identity.DirectoryIdentity | None = msgspec.field(default=None, name="place")


def read(directory: Path) -> Runtime | None:
    """Return the content that the last ``up`` wrote here; None when it stopped, or there was none."""
    try:
        return msgspec.json.decode((directory / FILE).read_bytes(), type=Runtime)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (msgspec.DecodeError, OSError) as error:
        raise errors.HeadraceError(f"{directory / FILE} cannot be read: {error}.") from error


def running(directory: Path) -> Runtime | None:
    """Return the system that runs on this very directory; None when none does.

    A copy of the directory of a running system has no running system.
    """
    written = read(directory)
    if written is None or written.directory != identity.of(directory) or not lock.is_held(directory):
        return None
    return written


def write(directory: Path, content: Runtime) -> None:
    """Replace ``runtime.json``, which holds passwords; readers see the old file or the new one."""
    content.started = dict(_start_times(content.pids.all()))
    content.directory = identity.of(directory)
    private_files.replace(
        directory / FILE, msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
    )


def remove(directory: Path) -> None:
    """Remove the file: no system runs on this directory any more."""
    (directory / FILE).unlink(missing_ok=True)


def _start_times(pids: Iterable[int]) -> Iterator[tuple[int, float]]:
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            yield pid, psutil.Process(pid).create_time()
