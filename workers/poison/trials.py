"""Finding the payloads that take a process down: they are tried one by one, in a process of its own.

That one may crash, take too much time or memory, or be killed. Time is processor time: a machine that is
busy, or was frozen, makes no payload suspicious. And what befell a process once may have come from outside: a
payload is to blame only when its trial fails every time, and that of an ordinary one of the same size passes,
turn by turn.

Guarantee: a payload whose trial passes once, alone, is not to blame. Nor is any for a trial that hung, could
not be made, or was ended by a signal or an error that no payload causes.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import pathlib
import resource
import select
import signal
import threading
import time
import warnings
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from storage.queue import envelope
from workers.failures import defects, interruption
from workers.poison import ordinary, search

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

CPU_S: Final = 10.0
"""Processor time that the trial of one payload may take: five times what the largest may cost."""
BATCH_CPU_S: Final = 100.0
"""The same for a whole batch. One that takes longer is large, and nothing else is known of it."""
MEMORY: Final = 2 << 30
"""Bytes of address space beyond its parent's that such a trial may take."""
STUCK_S: Final = 200.0
"""A process that made no progress for so long is ended; nobody is to blame for it."""
SEARCH_S: Final = 120.0
"""After this time what was found is enough for now."""

calm: Final = threading.Lock()
"""To be held by other threads while they do anything that a fork must not cut in two."""

_ROOM: Final = 64 << 20
"""Bytes of memory that the machine must have for a process, or what fails there tells nothing."""
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
        signal.SIGKILL,  # which also ends what takes the machine's last memory
        signal.SIGPROF,  # the time that ``_perform`` sets
        signal.SIGSEGV,
        signal.SIGSYS,
        signal.SIGTRAP,
    }
)
"""Signals that a payload may cause. All others are sent by people, programs and limits of the system."""
_VALUES: Final = frozenset(
    {None, errno.EDOM, errno.EILSEQ, errno.EINVAL, errno.ENAMETOOLONG, errno.EOVERFLOW, errno.ERANGE}
)
"""What an ``OSError`` says when a value was to blame, and no file, no right, nor lack of anything."""


class _End(NamedTuple):
    """How a process ended: how many trials it passed, its wait status, and the error that it told."""

    passed: int
    status: int
    error: str


def poison_payloads(
    shard: int, entries: Sequence[envelope.Entry], trial: search.Trial, known: Container[str] = ()
) -> dict[str, str]:
    """Return why each payload is to blame that takes down a process in which it is tried alone, by receipt.

    After ``SEARCH_S`` those that were found until then; empty if there are none. Those that are known, by
    receipt, are not tried.

    Raises:
        ordinary.UndecidedError: the trials cannot be made now, or somebody ended them.
    """
    found: dict[str, str] = {}
    singles = [one for one in _singles(entries) if envelope.receipt(shard, one[0].id, one[1]) not in known]
    position, ends = 0, time.monotonic() + SEARCH_S
    while position < len(singles) and not (found and time.monotonic() > ends):
        end = _run(trial, [[entry] for entry, _ in singles[position:]], CPU_S)
        position += end.passed
        if not end.status:
            break
        suspect, index = singles[position]
        if blame := _blame(trial, [suspect], end, CPU_S):
            found[envelope.receipt(shard, suspect.id, index)] = blame
            position += 1
    return found


def fails(entries: Sequence[envelope.Entry], trial: search.Trial) -> bool:
    """Say whether a trial of all this together takes its process down, every time; taking long is no failure.

    Raises:
        ordinary.UndecidedError: see ``poison_payloads``.
    """
    end = _run(trial, [entries], BATCH_CPU_S)
    return bool(end.status) and not _is_slow(end) and bool(_blame(trial, entries, end, BATCH_CPU_S))


def _singles(entries: Sequence[envelope.Entry]) -> Iterator[tuple[envelope.Entry, int]]:
    """Yield each payload in an entry of its own, and its position in the one that it was in."""
    for entry in entries:
        for index, payload in enumerate(entry.payloads):
            yield envelope.Entry(entry.id, [payload], entry.dated_ms), index


def _blame(trial: search.Trial, suspects: Sequence[envelope.Entry], first: _End, cpu_s: float) -> str:
    """Return what a trial that failed once is to blame for, if it fails again and again; else ""."""
    end, beside = first, ordinary.like(suspects)
    for _ in range(search.TRIES - 1):
        _check_surroundings(trial, beside, cpu_s)
        end = _run(trial, [suspects], cpu_s)
        if not end.status:
            return ""
    _check_surroundings(trial, beside, cpu_s)
    return end.error or f"The trial ended with {_cause(end)}."


def _check_surroundings(trial: search.Trial, beside: Sequence[envelope.Entry], cpu_s: float) -> None:
    """Make sure that an ordinary report passes here and now."""
    if _run(functools.partial(_with_room, trial), [beside], cpu_s).status:
        raise ordinary.UndecidedError("Not even an ordinary report passes its trial in a process of its own.")


def _with_room(trial: search.Trial, entries: Sequence[envelope.Entry]) -> None:
    """Make a trial beside as much memory as any payload may take."""
    room = bytearray(_ROOM)
    room[:: resource.getpagesize()] = bytes(len(room) // resource.getpagesize())
    trial(entries)


def _run(trial: search.Trial, rounds: Sequence[Sequence[envelope.Entry]], cpu_s: float) -> _End:
    """Make trials one after the other in a forked process, until one fails."""
    child, answers = _forked(trial, rounds, cpu_s)
    try:
        with interruption.allowed():
            said = _hear(answers)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    finally:
        os.close(answers)
    _, status = os.waitpid(child, 0)
    error = said.lstrip(_PASSED)
    end = _End(len(said) - len(error), status, error.decode(errors="replace"))
    sent = os.WIFSIGNALED(status) and os.WTERMSIG(status) not in _FAULTS
    if sent or (os.WIFEXITED(status) and os.WEXITSTATUS(status) == _INTERRUPTED):
        raise ordinary.UndecidedError(f"A trial ended by no fault of a payload: {_cause(end)}.")
    return end


def _forked(trial: search.Trial, rounds: Sequence[Sequence[envelope.Entry]], cpu_s: float) -> tuple[int, int]:
    """Return a process that makes these trials, and where to hear of them."""
    try:
        answers, told = os.pipe()
    except OSError as error:
        raise ordinary.UndecidedError(f"No trial can be made now: {error}.") from error
    try:
        with calm, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads; those of ours are calm
            child = os.fork()
    except OSError as error:
        os.close(answers)
        os.close(told)
        raise ordinary.UndecidedError(f"No trial can be made now: {error}.") from error
    if child == 0:
        os.close(answers)
        _perform(trial, rounds, told, cpu_s)
    os.close(told)
    return child, answers


def _hear(answers: int) -> bytes:
    """Return all that a process tells, until its end."""
    said, told_at = b"", time.monotonic()
    while True:
        ready, _, _ = select.select([answers], [], [], _POLL_S)
        if ready:
            more = os.read(answers, 1 << 16)
            if not more:
                return said
            said, told_at = said + more, time.monotonic()
        elif time.monotonic() - told_at > STUCK_S:
            raise ordinary.UndecidedError(f"A trial did nothing for {STUCK_S:.0f} seconds.")


def _perform(
    trial: search.Trial, rounds: Sequence[Sequence[envelope.Entry]], told: int, cpu_s: float
) -> NoReturn:
    """Make the trials, in the forked process, and end it."""
    status = _INTERRUPTED
    try:
        _confine()
        for entries in rounds:
            signal.setitimer(signal.ITIMER_PROF, cpu_s)
            trial(entries)
            os.write(told, _PASSED)
        status = 0
    except MemoryError:
        status = _NO_MEMORY
    except Exception as error:  # noqa: BLE001 - whatever a stage raises is the finding
        if not _is_of_the_machine(error):
            status = _FAILED
        os.write(told, defects.told(error).encode(errors="replace"))
    finally:
        os._exit(status)


def _is_of_the_machine(error: Exception) -> bool:
    """Say whether no payload can have caused an error."""
    return isinstance(error, ImportError) or (isinstance(error, OSError) and error.errno not in _VALUES)


def _confine() -> None:
    """Let this process end by signals, leave no core of what people sent, and bound its memory."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, signal.SIG_DFL)
    _limit(resource.RLIMIT_CORE, 0)
    with contextlib.suppress(OSError):  # where the system does not tell how much there is already
        pages = int(pathlib.Path("/proc/self/statm").read_text("ascii").split()[0])
        _limit(resource.RLIMIT_AS, pages * resource.getpagesize() + MEMORY)


def _limit(what: int, most: int) -> None:
    """Lower a limit; one that is lower already stays."""
    soft, hard = resource.getrlimit(what)
    limits = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(what, (min([most, *limits]), hard))


def _is_slow(end: _End) -> bool:
    return os.WIFSIGNALED(end.status) and os.WTERMSIG(end.status) == signal.SIGPROF


def _cause(end: _End) -> str:
    if end.error:
        return end.error
    if not os.WIFSIGNALED(end.status):
        return f"exit status {os.WEXITSTATUS(end.status)}"
    if _is_slow(end):
        return f"more than {CPU_S:.0f} seconds of processor time"
    number = os.WTERMSIG(end.status)
    with contextlib.suppress(ValueError):  # real-time signals have no names
        return signal.Signals(number).name
    return f"signal {number}"
