"""Trials in a forked process, which may crash, take too much time or memory, or be killed.

Time is processor time: a machine that is busy, or was frozen, makes no payload suspicious.

Guarantee: no payload is to blame for a trial that hung, could not be made, or was ended by a signal or an
error that no payload causes. Such a trial raises ``ordinary.UndecidedError``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import resource
import select
import signal
import threading
import time
import warnings
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from workers.failures import defects, interruption
from workers.poison import ordinary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.queue import envelope
    from workers.poison import search

MEMORY: Final = 2 << 30
"""Bytes of address space that a trial may take beyond what its parent has."""
STUCK_S: Final = 200.0
"""A process that made no progress for this long is killed, and no payload is to blame for it."""

fork_lock: Final = threading.Lock()
"""Held during a fork, and by other threads during anything that a fork must not cut in two."""

_FAILED: Final = 1
_NO_MEMORY: Final = 3
_INTERRUPTED: Final = 4
_PASSED: Final = b"."
_POLL_S: Final = 1.0
_FAULTS: Final = frozenset(
    {
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGKILL,  # which the kernel also sends to what takes the machine's last memory
        signal.SIGPROF,  # the timer that ``_make_trials`` sets
        signal.SIGSEGV,
        signal.SIGSYS,
        signal.SIGTRAP,
    }
)
"""Signals that a payload may cause. All others are sent by people, programs and limits of the system."""
_ERRORS_OF_VALUES: Final = frozenset(
    {None, errno.EDOM, errno.EILSEQ, errno.EINVAL, errno.ENAMETOOLONG, errno.EOVERFLOW, errno.ERANGE}
)
"""The codes of an ``OSError`` that a value caused, and no file, no permission, nor lack of anything."""


class End(NamedTuple):
    """The end of a process that made trials.

    Attributes:
        passed: number of trials that passed.
        status: its wait status; 0 if all trials passed.
        error: the error of the trial that failed, if it told one.
    """

    passed: int
    status: int
    error: str

    @property
    def is_slow(self) -> bool:
        """Whether a trial took too much processor time."""
        return os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == signal.SIGPROF

    @property
    def cause(self) -> str:
        """The error, the signal or the exit status with which the process ended."""
        if self.error:
            return self.error
        if not os.WIFSIGNALED(self.status):
            return f"exit status {os.WEXITSTATUS(self.status)}"
        number = os.WTERMSIG(self.status)
        with contextlib.suppress(ValueError):  # real-time signals have no names
            return signal.Signals(number).name
        return f"signal {number}"


def run(trial: search.Trial, rounds: Sequence[Sequence[envelope.Entry]], cpu_s: float) -> End:
    """Make trials one after the other in a forked process, until one fails.

    Args:
        trial: raises, or takes its process down, when it fails.
        rounds: the entries of each trial.
        cpu_s: processor time that each trial may take, in seconds.

    Raises:
        ordinary.UndecidedError: no process can be forked now, it hung, or it was ended from outside.
    """
    child, answers = _fork(trial, rounds, cpu_s)
    try:
        with interruption.allowed():
            answered = _read_all(answers)
    except BaseException:  # interruptions too: the child must not outlive them
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    finally:
        os.close(answers)
    _, status = os.waitpid(child, 0)
    error = answered.lstrip(_PASSED)
    end = End(len(answered) - len(error), status, error.decode(errors="replace"))
    was_sent = os.WIFSIGNALED(status) and os.WTERMSIG(status) not in _FAULTS
    if was_sent or (os.WIFEXITED(status) and os.WEXITSTATUS(status) == _INTERRUPTED):
        raise ordinary.UndecidedError(f"A trial ended by no fault of a payload: {end.cause}.")
    return end


def _fork(trial: search.Trial, rounds: Sequence[Sequence[envelope.Entry]], cpu_s: float) -> tuple[int, int]:
    """Return a forked process that makes these trials, and the pipe in which it answers."""
    try:
        answers, answering = os.pipe()
    except OSError as error:
        raise ordinary.UndecidedError(f"No trial can be made now: {error}.") from error
    try:
        with fork_lock, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads: ours wait for the lock
            child = os.fork()
    except OSError as error:
        os.close(answers)
        os.close(answering)
        raise ordinary.UndecidedError(f"No trial can be made now: {error}.") from error
    if child == 0:
        os.close(answers)
        _make_trials(trial, rounds, answering, cpu_s)
    os.close(answering)
    return child, answers


def _read_all(answers: int) -> bytes:
    """Return all answers of a process, once it has ended."""
    answered, progress_at = b"", time.monotonic()
    while True:
        ready, _, _ = select.select([answers], [], [], _POLL_S)
        if ready:
            more = os.read(answers, 1 << 16)
            if not more:
                return answered
            answered, progress_at = answered + more, time.monotonic()
        elif time.monotonic() - progress_at > STUCK_S:
            raise ordinary.UndecidedError(f"A trial did nothing for {STUCK_S:.0f} seconds.")


def _make_trials(
    trial: search.Trial, rounds: Sequence[Sequence[envelope.Entry]], answering: int, cpu_s: float
) -> NoReturn:
    """Make the trials, in the forked process, and end it."""
    status = _INTERRUPTED
    try:
        _confine()
        for entries in rounds:
            signal.setitimer(signal.ITIMER_PROF, cpu_s)
            trial(entries)
            os.write(answering, _PASSED)
        status = 0
    except MemoryError:
        status = _NO_MEMORY
    except Exception as error:  # noqa: BLE001 - any error of a stage is the finding; others end as interrupted
        if not _is_of_the_machine(error):
            status = _FAILED
        os.write(answering, defects.describe(error).encode(errors="replace"))
    finally:
        os._exit(status)


def _is_of_the_machine(error: Exception) -> bool:
    """Say whether no payload can have caused an error."""
    return isinstance(error, ImportError) or (
        isinstance(error, OSError) and error.errno not in _ERRORS_OF_VALUES
    )


def _confine() -> None:
    """Let this process end by signals, leave no core of what people sent, and bound its memory."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, signal.SIG_DFL)
    _lower_limit(resource.RLIMIT_CORE, 0)
    with contextlib.suppress(OSError):  # where the system does not tell how much memory is used already
        pages = int(pathlib.Path("/proc/self/statm").read_text("ascii").split()[0])
        _lower_limit(resource.RLIMIT_AS, pages * resource.getpagesize() + MEMORY)


def _lower_limit(kind: int, most: int) -> None:
    """Lower a limit of this process; one that is lower already stays."""
    soft, hard = resource.getrlimit(kind)
    limits = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(kind, (min([most, *limits]), hard))
