"""Finding the payloads that make a batch fail, so that the rest of it can go on.

A batch fails for good when a stage raises, when ClickHouse refuses its rows, or when it takes the process
down with it. Halving finds the culprits: a trial on part of the batch either passes or does not.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import resource
import signal
import time
import traceback
from typing import TYPE_CHECKING, Final, NamedTuple

from storage import envelope, errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Trial = Callable[[Sequence[envelope.Entry]], object]

SAME_ERROR: Final = 16
"""After so many culprits with one and the same error the rest of the batch shares their fate untried."""
CRASH_SECONDS: Final = 60.0
"""A trial in a process of its own that takes longer counts as failed."""
CRASH_MEMORY: Final = 2 << 30
"""Bytes of address space beyond its parent's that such a trial may take."""


class CrashError(errors.HeadraceError):
    """A trial took its process down, or did not end."""


class _Suspect(NamedTuple):
    entry_id: str
    position: int
    payload: envelope.Payload
    received_ms: int


class _Search:
    """One search; ``found`` are the errors of the culprits by receipt."""

    def __init__(self, shard: int, trial: Trial) -> None:
        self._shard = shard
        self._trial = trial
        self.found: dict[str, str] = {}

    def run(self, suspects: list[_Suspect]) -> None:
        error = self._systematic() or self._try(suspects)
        if error is None:
            return
        if len(suspects) == 1 or self._systematic():
            for suspect in suspects:
                self.found[envelope.receipt(self._shard, suspect.entry_id, suspect.position)] = error
            return
        middle = len(suspects) // 2
        self.run(suspects[:middle])
        self.run(suspects[middle:])

    def _try(self, suspects: list[_Suspect]) -> str | None:
        try:
            self._trial([envelope.Entry(entry_id, [sent], at_ms) for entry_id, _, sent, at_ms in suspects])
        except errors.RecoverableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a stage raises is the finding
            return last_line(error)
        return None

    def _systematic(self) -> str | None:
        """Return the error that every culprit so far shares, once there are enough of them."""
        distinct = set(self.found.values())
        return distinct.pop() if len(self.found) >= SAME_ERROR and len(distinct) == 1 else None


def culprits(shard: int, entries: Sequence[envelope.Entry], trial: Trial) -> dict[str, str]:
    """Return the error of each payload on which a trial fails, by receipt; empty if none fails alone.

    Raises:
        RecoverableError: a trial could not be made now.
    """
    search = _Search(shard, trial)
    search.run(
        [
            _Suspect(entry.id, index, payload, entry.received_ms)
            for entry in entries
            for index, payload in enumerate(entry.payloads)
        ]
    )
    return search.found


def last_line(error: BaseException) -> str:
    """Return the last line of an error's traceback."""
    return "".join(traceback.format_exception_only(error)).strip().rpartition("\n")[2][:1024]


def in_own_process(trial: Trial) -> Trial:
    """Return the same trial, made in a forked process, so that it may crash or hang.

    The returned trial raises ``CrashError``.
    """

    def made_apart(entries: Sequence[envelope.Entry]) -> None:
        child = os.fork()
        if child == 0:
            _end_with(trial, entries)
        _await(child)

    return made_apart


def _end_with(trial: Trial, entries: Sequence[envelope.Entry]) -> None:
    """Make the trial and end this process with its verdict."""
    status = 1
    with contextlib.suppress(BaseException):
        _bound_memory()
        trial(entries)
        status = 0
    os._exit(status)


def _bound_memory() -> None:
    """Bound this process' address space, where the system tells how much it takes already."""
    with contextlib.suppress(OSError):
        pages = int(pathlib.Path("/proc/self/statm").read_text("ascii").split()[0])
        most = pages * resource.getpagesize() + CRASH_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _await(child: int) -> None:
    deadline = time.monotonic() + CRASH_SECONDS
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            if status:
                raise CrashError(f"The trial ended with {_described(status)}.")
            return
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise CrashError(f"The trial did not end within {CRASH_SECONDS:.0f} seconds.")


def _described(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit status {os.WEXITSTATUS(status)}"
