"""The job process: forked by an RQ worker, it stays and performs one job after another.

RQ forks a process for each job, so that a job that takes its process down leaves the worker alone. A process
that stays does so too, and keeps its caches: in a fresh process two thirds of the time of a small batch go
into finding out again what the members of reports mean.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_JOBS: Final = 1000
"""After this many jobs a job process is replaced by a fresh one."""
MAX_PEAK_KB: Final = 280 * 1024
"""A job process that ever used more memory is replaced after its job: what it freed is scattered."""

_DONE: Final = b"d"
_RETIRING: Final = b"r"
_LARGEST_ORDER: Final = 4096

Status = int
"""The wait status of a process that ended; 0 for a job that was carried through."""


class JobProcess:
    """The worker's side: hands orders, one job each, to the process and waits until it has carried them out.

    Args:
        perform: called in the forked process with each order; returns False to make it the last one.
    """

    def __init__(self, perform: Callable[[str], bool]) -> None:
        orders, self._orders = os.pipe()
        self._answers, answers = socket.socketpair()
        self._ended: Status | None = None
        self.pid = os.fork()
        if self.pid == 0:
            os.setpgrp()
            os.close(self._orders)  # else the end of the worker would not be the end of the orders
            self._answers.close()
            _serve(perform, orders, answers.fileno())
        os.close(orders)
        answers.close()

    def send(self, order: str) -> bool:
        """Hand over an order; False if the process has ended meanwhile."""
        with contextlib.suppress(BlockingIOError):
            self._answers.recv(1, socket.MSG_DONTWAIT)  # the answer to the previous order
        try:
            os.write(self._orders, order.encode())
        except BrokenPipeError:
            return False
        return True

    def wait(self) -> tuple[bool, Status]:
        """Wait for the order to be carried out. Interrupted at any point, it can be called again.

        The answer stays in the socket until the next order: if it were taken off, a signal at that moment
        would lose it.

        Returns:
            Whether the process takes more orders, and its wait status if it ended.
        """
        if self._ended is not None:
            return False, self._ended
        answer = self._answers.recv(1, socket.MSG_PEEK)
        if answer == _DONE:
            return True, 0
        return False, self._reap()

    def end(self) -> None:
        """Kill a process that has no order; this also ends a frozen one."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._reap()

    def _reap(self) -> Status:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:  # the status is told only once: it is kept before a signal handler may raise
            _, self._ended = os.waitpid(self.pid, 0)
            os.close(self._orders)
            self._answers.close()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return self._ended


def must_retire(jobs: int) -> bool:
    """Say whether this process is to be replaced after so many jobs, or for the memory that it used."""
    return jobs >= MAX_JOBS or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MAX_PEAK_KB


def _serve(perform: Callable[[str], bool], orders: int, answers: int) -> None:
    """Carry out orders until there are no more; never returns."""
    try:
        jobs = 0
        while order := os.read(orders, _LARGEST_ORDER):
            jobs += 1
            stays = perform(order.decode()) and not must_retire(jobs)
            os.write(answers, _DONE if stays else _RETIRING)
            if not stays:
                break
    except BaseException:  # noqa: BLE001 - nothing of the worker's own code may run on in the fork
        os._exit(1)
    os._exit(0)
