"""Stopping and reloading under load: work is finished or handed back, and nobody is refused."""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.faults import books, load, victims
from tests.helpers import waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.helpers import harness

pytestmark = pytest.mark.faults

A_WHILE = 100
"""Reports that are acknowledged meanwhile."""


def ended(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) for pid in pids)


def reload(system: harness.System) -> None:
    """Reload the edge, and wait until other processes do its work."""
    master, *before = system.runtime.pids.edge
    os.kill(master, signal.SIGHUP)
    waiting.until(lambda: ended(before), "the old processes end")
    waiting.until(lambda: not set(before) & set(system.runtime.pids.edge), "new ones are told")


def test_a_rolling_reload_refuses_nothing(system: harness.System, sent: load.Load) -> None:
    for _ in range(2):
        sent.wait_for(A_WHILE)
        reload(system)
    sent.wait_for(A_WHILE)
    sent.stop()
    assert set(sent.counts) <= {"200", load.UNCONFIRMED}, sent.counts  # by a Redis that was slow


def test_an_edge_that_stops_closes_idle_connections(system: harness.System) -> None:
    host, port = system.edge_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        master, *before = system.runtime.pids.edge
        os.kill(master, signal.SIGHUP)
        connection.settimeout(waiting.PATIENCE_S)
        assert connection.recv(65_536) == b""
    waiting.until(lambda: ended(before), "the old processes end")


def test_a_worker_that_stops_finishes_its_batch(
    system: harness.System, sent: load.Load, recovered: Callable[[str, float], None]
) -> None:
    (worker,), process = system.runtime.pids.workers, victims.find(system, "job process")
    os.kill(worker, signal.SIGTERM)
    stopped_at = time.monotonic()
    waiting.until(lambda: ended([worker, process]), "the worker and its job process end")
    recovered("stopped: worker", books.recovery(system, sent, stopped_at))


def test_a_worker_that_stops_hands_a_batch_back_that_hangs(
    system: harness.System, sent: load.Load, recovered: Callable[[str, float], None]
) -> None:
    (worker,) = system.runtime.pids.workers
    with victims.frozen(victims.find(system, "clickhouse")):
        books.wait_until_stuck(system, sent)
        waiting.until(lambda: victims.inserts(system), "a batch is being inserted")
        process = victims.find(system, "job process")
        os.kill(worker, signal.SIGTERM)
        waiting.until(lambda: ended([worker, process]), "the worker and its job process end")
    recovered("stopped: worker that hung", books.recovery(system, sent, time.monotonic()))
    assert sent.acknowledged
    assert "The worker is stopping" in (system.directory / "logs" / "worker-1.log").read_text()
