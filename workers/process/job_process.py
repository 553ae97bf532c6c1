"""A work horse that stays: forked once by an RQ worker, it performs one job after another.

RQ forks a work horse for each job, so that a job that takes its process down leaves the worker alone. That is
kept. But a fresh process knows nothing yet, and two thirds of the time of a small batch went into finding out
again what the members of reports mean.
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
"""Jobs after which a work horse makes way for a fresh one."""
MAX_PEAK_KB: Final = 280 * 1024
"""A work horse that ever held more than this makes way after its job: what it freed is scattered."""

_DONE: Final = b"d"
_RETIRING: Final = b"r"
_LARGEST_ORDER: Final = 4096

Status = int
"""What ``waitpid`` says of a process; 0 for a job that was carried through."""


class JobProcess:
    """The worker's side: gives orders to the process and waits until it has carried them out.

    Args:
        perform: run in the forked process for each order; returns False to make it the last one.
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

    def order(self, order: str) -> bool:
        """Hand over an order; False if the process has ended meanwhile."""
        with contextlib.suppress(BlockingIOError):
            self._answers.recv(1, socket.MSG_DONTWAIT)  # the answer to the order before
        try:
            os.write(self._orders, order.encode())
        except BrokenPipeError:
            return False
        return True

    def wait(self) -> tuple[bool, Status]:
        """Wait for the order to be carried out. Interrupted at any point, it can be called again.

        The answer is only looked at: one that was taken would be lost if a signal came just then.

        Returns:
            Whether the process takes more orders, and how this one ended.
        """
        if self._ended is not None:
            return False, self._ended
        answer = self._answers.recv(1, socket.MSG_PEEK)
        if answer == _DONE:
            return True, 0
        return False, self._bury()

    def end(self) -> None:
        """End a process that has no order; a frozen one ends too."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._bury()

    def _bury(self) -> Status:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:  # what is known only once is noted before a handler may raise
            _, self._ended = os.waitpid(self.pid, 0)
            os.close(self._orders)
            self._answers.close()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        return self._ended


def worn_out(jobs: int) -> bool:
    """Say whether this process should make way for a fresh one."""
    return jobs >= MAX_JOBS or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MAX_PEAK_KB


def _serve(perform: Callable[[str], bool], orders: int, answers: int) -> None:
    """Carry out orders until there are no more; never returns."""
    try:
        jobs = 0
        while order := os.read(orders, _LARGEST_ORDER):
            jobs += 1
            stays = perform(order.decode()) and not worn_out(jobs)
            os.write(answers, _DONE if stays else _RETIRING)
            if not stays:
                break
    except BaseException:  # noqa: BLE001 - nothing of the worker's own code may run on in the fork
        os._exit(1)
    os._exit(0)
