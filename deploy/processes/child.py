"""One child process: started with its log file, bound to the life of its parent, stopped for certain."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import psutil

from deploy.processes import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

POLL_S: Final = 0.02
LOG_BYTES: Final = 10 * 1024 * 1024
"""A log this long is rotated; one earlier log is kept."""


class Child:
    """A process in a session of its own, whose output goes to a log file.

    A session of its own keeps the terminal's Ctrl-C from it: its parent decides the order of stopping.
    On Linux the kernel kills it when the thread that started it ends: start children from the main thread.
    Every child must be safe to kill.

    Args:
        arguments: the program and its arguments.
        log: appended to; created when missing.
        environment: added to the parent's environment.
        directory: its working directory, this process's own by default.
        bare: whether the process gets this environment only, and nothing of the parent's.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        *,
        bare: bool = False,
    ) -> None:
        self._family: list[psutil.Process] = []
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self.rotate_log()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*_bound_to_parent(), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env={**({} if bare else os.environ), **(environment or {})},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs."""
        return self._process.poll()

    def rotate_log(self) -> None:
        """Rotate the log when it is long; lines that are written meanwhile may be missing from both files.

        It is copied and emptied, for the process keeps its file open. It stays long while the disk is full.
        """
        with contextlib.suppress(OSError):
            if self._log.stat().st_size > LOG_BYTES:
                shutil.copyfile(self._log, self._log.with_suffix(".1.log"))
                os.truncate(self._log, 0)

    def family(self) -> list[psutil.Process]:
        """Return the process and all its descendants, oldest first; nothing when it has ended."""
        try:
            process = psutil.Process(self.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def listens(self, port: int) -> bool:
        """Tell whether this process, or a descendant, listens on a port; True where that cannot be asked."""
        try:
            return any(
                connection.laddr.port == port
                for process in self.family()
                for connection in process.net_connections("tcp")
                if connection.status == psutil.CONN_LISTEN
            )
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True

    def terminate(self) -> None:
        """Ask it to stop, without waiting."""
        self._family = self.family()
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait at most this many seconds for it to end; then kill it and the rest of its family."""
        family = {*self._family, *self.family()}
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, seconds))
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()

    def stop(self, seconds: float = 5.0) -> None:
        """Ask it to stop, and wait."""
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
        time.sleep(POLL_S)
    return condition()


def _bound_to_parent() -> list[str]:
    if sys.platform != "linux":
        return []
    return [sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid())]
