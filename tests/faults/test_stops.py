"""Stopping and reloading under load: work is finished or handed back, and nobody is refused."""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from deploy import child
from tests.faults import books, victims

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests import harness
    from tests.faults import load

pytestmark = pytest.mark.faults

STOP_S = 10.0
"""What any process may take to stop."""


def ended(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) for pid in pids)


def test_a_rolling_reload_refuses_nothing(system: harness.System, sent: load.Load) -> None:
    for _ in range(2):
        time.sleep(0.5)
        master, *before = system.runtime.pids.edge
        os.kill(master, signal.SIGHUP)
        assert child.wait_until(lambda old=before: ended(old), STOP_S)
        assert child.wait_until(lambda old=before: not set(old) & set(system.runtime.pids.edge), STOP_S)
    time.sleep(0.5)
    sent.stop()
    assert set(sent.counts) == {"200"}, sent.counts


def test_an_edge_that_stops_closes_idle_connections(system: harness.System) -> None:
    host, port = system.edge_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        master, *before = system.runtime.pids.edge
        os.kill(master, signal.SIGHUP)
        connection.settimeout(STOP_S)
        assert connection.recv(65_536) == b""
    assert child.wait_until(lambda: ended(before), STOP_S)


def test_a_worker_that_stops_finishes_its_batch(
    system: harness.System, sent: load.Load, recovered: Callable[[str, float], None]
) -> None:
    (worker,), horse = system.runtime.pids.workers, victims.find(system, "work horse")
    os.kill(worker, signal.SIGTERM)
    stopped_at = time.monotonic()
    assert child.wait_until(lambda: ended([worker, horse]), STOP_S)
    recovered("stopped: worker", books.recovery(system, sent, stopped_at))


def test_a_worker_that_stops_hands_a_batch_back_that_hangs(
    system: harness.System, sent: load.Load, recovered: Callable[[str, float], None]
) -> None:
    (worker,) = system.runtime.pids.workers
    with victims.frozen(victims.find(system, "clickhouse")):
        time.sleep(1.0)  # a batch whose inserts were done already is committed meanwhile
        assert child.wait_until(lambda: victims.inserts(system), STOP_S)
        horse = victims.find(system, "work horse")
        os.kill(worker, signal.SIGTERM)
        assert child.wait_until(lambda: ended([worker, horse]), STOP_S)
    recovered("stopped: worker that hung", books.recovery(system, sent, time.monotonic()))
    assert sent.acknowledged
    assert "The worker is stopping" in (system.directory / "logs" / "worker-1.log").read_text()
