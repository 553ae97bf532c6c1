"""Restarts: at once the first time, then slower, and at once again after a healthy stretch."""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from deploy.processes import child, supervisor
from deploy.running import system
from storage import errors
from tests.helpers import clocks, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLEEP = "import signal; signal.pause()"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); {SLEEP}"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); {SLEEP}"
STOP_S = 10.0
"""What a whole system promises to need at most for stopping."""


@pytest.fixture
def clock() -> clocks.FakeClock:
    return clocks.FakeClock()


@pytest.fixture
def happened() -> list[str]:
    return []


@pytest.fixture
def watching(happened: list[str]) -> Iterator[supervisor.Supervisor]:
    running = supervisor.Supervisor(happened.append)
    yield running
    running.stop([["test"]])


def service(log: Path, code: str, clock: clocks.FakeClock, stop_seconds: float = 5.0) -> supervisor.Service:
    def start() -> child.Child:
        return child.Child([sys.executable, "-c", code], log)

    return supervisor.Service("test", "it", start, stop_seconds, clock)


def test_each_death_in_a_row_waits_longer(clock: clocks.FakeClock) -> None:
    backoff = supervisor.Backoff(clock)
    assert [backoff.died() for _ in range(6)] == [0.0, 0.5, 1.0, 2.0, 4.0, 4.0]


def test_a_healthy_stretch_forgets_earlier_deaths(clock: clocks.FakeClock) -> None:
    backoff = supervisor.Backoff(clock)
    assert [backoff.died(), backoff.died()] == [0.0, 0.5]
    backoff.started()
    clock.now += supervisor.STEADY_S
    assert backoff.died() == 0.0


def test_a_process_that_cannot_be_started_is_tried_again(
    tmp_path: Path, clock: clocks.FakeClock, watching: supervisor.Supervisor, happened: list[str]
) -> None:
    unable = [errors.HeadraceError("It is not known."), OSError(errno.ENOSPC, "No space left on device")]

    def start() -> child.Child:
        if unable and happened:
            raise unable.pop()
        return child.Child([sys.executable, "-c", SLEEP], tmp_path / "log")

    first = watching.start(supervisor.Service("test", "it", start, 5.0, clock))
    psutil.Process(first.pid).kill()
    waiting.until(lambda: first.exit_code() is not None, "it has ended")
    watching.poll()
    clock.now += 1.0
    watching.poll()
    assert watching.running("test") == []
    clock.now += 1.0
    watching.poll()
    (second,) = watching.running("test")
    refused = "it cannot be started:"
    assert happened == [
        "it was ended by SIGKILL, starting again",
        f"{refused} No space left on device, starting again in 0.5 s",
        f"{refused} It is not known, starting again in 1 s",
        f"it is process {second.pid} now",
    ]


def test_a_dead_process_is_started_again_and_reported(
    tmp_path: Path, clock: clocks.FakeClock, watching: supervisor.Supervisor, happened: list[str]
) -> None:
    first = watching.start(service(tmp_path / "log", SLEEP, clock))
    psutil.Process(first.pid).kill()
    waiting.until(lambda: first.exit_code() is not None, "it has ended")
    watching.poll()
    (second,) = watching.running("test")
    assert second.pid != first.pid
    assert happened == ["it was ended by SIGKILL, starting again", f"it is process {second.pid} now"]


def test_a_second_death_is_waited_out(
    tmp_path: Path, clock: clocks.FakeClock, watching: supervisor.Supervisor, happened: list[str]
) -> None:
    started = service(tmp_path / "log", "raise SystemExit(3)", clock)
    watching.start(started)
    for _ in range(2):
        running = started.child
        assert running is not None
        running.wait(waiting.PATIENCE_S)
        watching.poll()
    assert happened[-1] == "it ended with code 3, starting again in 0.5 s"
    assert watching.running("test") == []
    clock.now += 0.5
    watching.poll()
    assert happened[-1].startswith("it is process ")


def test_a_whole_system_is_killed_in_time_if_it_does_not_stop() -> None:
    most = (max(system.STOP_SECONDS[kind] for kind in group) for group in system.STOP_ORDER)
    assert sum(most) < STOP_S
    assert {kind for group in system.STOP_ORDER for kind in group} == system.STOP_SECONDS.keys()


def test_who_ignores_sigterm_is_killed(tmp_path: Path, clock: clocks.FakeClock) -> None:
    log = tmp_path / "log"
    running = service(log, STUBBORN, clock).start()
    waiting.until(lambda: log.read_text() == "up\n", "it ignores the signal")
    running.stop(0.2)
    assert running.exit_code() == -9


def test_descendants_end_with_a_process(tmp_path: Path, clock: clocks.FakeClock) -> None:
    running = service(tmp_path / "log", PARENT, clock).start()
    waiting.until(lambda: len(running.family()) == 2, "it has a child")
    family = running.family()
    running.stop()
    _, left = psutil.wait_procs(family, timeout=waiting.PATIENCE_S)
    assert [process for process in left if process.status() != psutil.STATUS_ZOMBIE] == []


def test_a_long_log_is_put_aside_at_the_next_start(tmp_path: Path) -> None:
    log = tmp_path / "it.log"
    log.write_bytes(b"x" * (child.LOG_BYTES + 1))
    child.Child([sys.executable, "-c", "print('new')"], log).wait(waiting.PATIENCE_S)
    assert log.read_text() == "new\n"
    assert (tmp_path / "it.1.log").stat().st_size > child.LOG_BYTES


def test_a_log_that_grows_long_is_put_aside_while_its_process_lives(
    tmp_path: Path, clock: clocks.FakeClock
) -> None:
    log, aside = tmp_path / "it.log", tmp_path / "aside"
    code = (
        f"import os, time; print('x' * {child.LOG_BYTES + 1}, flush=True)\n"
        f"while not os.path.exists({str(aside)!r}): time.sleep(0.01)\n"
        f"print('on', flush=True); {SLEEP}"
    )
    it = service(log, code, clock)
    running = it.start()
    written = child.LOG_BYTES + len("x\n")
    waiting.until(lambda: log.stat().st_size == written, "its log is long")
    assert it.poll() is None
    assert (tmp_path / "it.1.log").stat().st_size > child.LOG_BYTES
    aside.touch()
    waiting.until(lambda: log.read_text() == "on\n", "it writes on")
    running.stop()
