"""Waits until a process that was started is ready, or can be said to have failed."""

from __future__ import annotations

import contextlib
import http.client
from typing import TYPE_CHECKING, NamedTuple

from deploy.processes import child
from storage import errors

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from deploy.network import addresses


class StoppedError(errors.HeadraceError):
    """The system was told to stop before it had started."""


class Starting(NamedTuple):
    """A process that was started and is not ready yet.

    Attributes:
        title: the subject of a sentence about it, such as ``The edge``.
        process: the process.
        log: the file with its output.
        seconds: how long it may take.
    """

    title: str
    process: child.Child
    log: Path
    seconds: float


def wait(starting: Starting, is_ready: Callable[[], bool], stop: threading.Event) -> None:
    """Wait until a process is ready.

    Raises:
        StoppedError: ``stop`` was set.
        HeadraceError: the process ended, or took too long; the sentence has the last line of its log.
    """
    ready = child.wait_until(lambda: stop.is_set() or is_ready(), starting.seconds, child=starting.process)
    if stop.is_set():
        raise StoppedError("The system was told to stop.")
    if not ready:
        lines = starting.log.read_text("utf-8", "replace").strip().splitlines()[-1:]
        last = f": {lines[0].strip()}" if lines else ""
        raise errors.HeadraceError(f"{starting.title} did not start, see {starting.log}{last}")


def edge_is_ready(listen: addresses.ListenAddress) -> bool:
    """Tell whether the edge that listens here answers that it takes reports."""
    endpoint = listen.reachable()
    connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=1.0)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    return False
