"""One child process: started with its log file, bound to the life of its parent, stopped for certain."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None
"""Loaded before any fork: between fork and exec a child must not load libraries."""


class Child:
    """A process in a session of its own, whose output goes to a log file.

    A session of its own keeps the terminal's Ctrl-C from it: its parent decides the order of stopping.
    On Linux the kernel kills it when the parent dies, however that dies; all of them are safe to kill.

    Args:
        arguments: the program and its arguments.
        log: appended to; created when missing.
        environment: added to the parent's environment.
        directory: its working directory, this process's own by default.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - only makes system calls, and starts from one thread
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs."""
        return self._process.poll()

    def family(self) -> list[int]:
        """Return the process id and those of all its descendants, oldest first."""
        try:
            process = psutil.Process(self.pid)
            return [self.pid, *(child.pid for child in process.children(recursive=True))]
        except psutil.NoSuchProcess:
            return []

    def terminate(self) -> None:
        """Ask it to stop, without waiting."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for it to end; at the deadline kill it, and in any case kill what is left of its session."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, seconds))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self, seconds: float = 5.0) -> None:
        """Ask it to stop and wait for that, for so many seconds at most."""
        self.terminate()
        self.wait(seconds)


def wait_until(condition: Callable[[], bool], seconds: float, *, child: Child | None = None) -> bool:
    """Return whether the condition came true in time; give up early when ``child`` ends."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        if child is not None and child.exit_code() is not None:
            return False
        time.sleep(0.02)
    return condition()


def _die_with(parent: int) -> Callable[[], None] | None:
    """Return what a new child does before exec so that the kernel kills it when its parent dies."""
    if _LIBC is None:
        return None
    libc = _LIBC

    def bind() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)

    return bind
