"""Keeps child processes alive: a process that ended is started again, at first at once, then slower."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING, Final

from storage import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from deploy.processes import child

DELAYS_S: Final = (0.0, 0.5, 1.0, 2.0, 4.0)
"""The delays before the first, second, … restart in a row; the last one holds for all that follow. A server
that a process depends on, or a port in use, is usually back within seconds."""
STEADY_S: Final = 10.0
"""A process that ran for this long was healthy: its next death counts as the first."""


class Backoff:
    """How long to wait before each restart.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._deaths = 0
        self._started = clock()

    def started(self) -> None:
        """Note that the process was started."""
        self._started = self._clock()

    def died(self) -> float:
        """Note that the process died and return the seconds to wait before it is started again."""
        if self._clock() - self._started >= STEADY_S:
            self._deaths = 0
        delay = DELAYS_S[min(self._deaths, len(DELAYS_S) - 1)]
        self._deaths += 1
        return delay


class Service:
    """One process that is kept running.

    Args:
        kind: one of the keys of ``pids`` in ``runtime.json``.
        name: its name in messages, such as ``worker-1``.
        start: starts the process; called again for each restart.
        stop_seconds: how long it may take to stop before it is killed.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        start: Callable[[], child.Child],
        stop_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.kind = kind
        self.name = name
        self.stop_seconds = stop_seconds
        self.child: child.Child | None = None
        self._start = start
        self._clock = clock
        self._backoff = Backoff(clock)
        self._due = 0.0

    def start(self) -> child.Child:
        """Start the process."""
        self.child = self._start()
        self._backoff.started()
        return self.child

    def poll(self) -> str | None:
        """Start the process again when it died and its delay is over; return what happened, if anything.

        While it lives, its log is rotated.
        """
        if self.child is None:
            return None if self._clock() < self._due else self._start_again()
        code = self.child.exit_code()
        if code is None:
            self.child.rotate_log()
            return None
        self.child = None
        return f"{self.name} {_cause(code)}, {self._put_off()}"

    def _start_again(self) -> str:
        try:
            return f"{self.name} is process {self.start().pid} now"
        except (
            OSError,
            errors.HeadraceError,
        ) as error:  # no disk space for its log, no memory: it counts as a death
            self._backoff.started()
            cause = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
            return f"{self.name} cannot be started: {cause}, {self._put_off()}"

    def _put_off(self) -> str:
        delay = self._backoff.died()
        self._due = self._clock() + delay
        return "starting again" + (f" in {delay:g} s" if delay else "")


class Supervisor:
    """All processes of a system, in the order of their start.

    Args:
        report: called with one sentence about each death and restart.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self.services: list[Service] = []
        self._report = report

    def start(self, service: Service) -> child.Child:
        """Start a process and keep it running from now on."""
        self.services.append(service)
        return service.start()

    def poll(self) -> None:
        """Restart processes that died; call it several times a second."""
        for service in self.services:
            while happened := service.poll():
                self._report(happened)

    def running(self, kind: str) -> list[child.Child]:
        """Return the processes of this kind that are alive."""
        started = (service.child for service in self.services if service.kind == kind)
        return [process for process in started if process and process.exit_code() is None]

    def stop(self, order: Iterable[Sequence[str]]) -> None:
        """Stop the kinds of process group by group, each group at once; every one of them ends."""
        for group in order:
            members = [service for service in self.services if service.kind in group and service.child]
            _stop_together(members)


def _stop_together(services: Sequence[Service]) -> None:
    began = time.monotonic()
    for service in services:
        if service.child:
            service.child.terminate()
    for service in services:
        if service.child:
            service.child.wait(began + service.stop_seconds - time.monotonic())
            service.child = None


def _cause(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    name = str(-code)
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
    return f"was ended by {name}"
