"""What ends work from outside, a stop or a time-out: no error of the work, and no guard may take it for one.

A signal handler must not raise wherever the signal finds the process: in the middle of a Redis command it
would leave half an answer in a connection that is used again, and inside a ``finally`` undo what that stands
for. So an interruption is raised within ``allowed`` alone, which stands around what may take long and may be
dropped at any point. Elsewhere it waits until such a place is reached.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

SURROUNDINGS: Final = (MemoryError, OSError, ImportError)
"""Errors that come from the machine or the installation: what was being worked on is not to blame before it
fails where other work does not."""


class Interruption(BaseException):
    """Work was interrupted, through no fault of its own; whoever comes next repeats it."""


class Stopped(Interruption):
    """The process was told to stop, and what it was doing took too long."""


class TimedOut(Interruption):
    """A job took too long, or its process was frozen meanwhile."""


class _State(threading.local):
    """Of each thread; Python runs signal handlers in the main one."""

    allowed: bool = False
    waiting: Interruption | None = None
    raised: bool = False


_state: Final = _State()


def interrupt(by: Interruption) -> None:
    """Interrupt this thread, now or as soon as it may be. To be called by signal handlers.

    What is then raised ends the place where it was allowed: unwinding is not interrupted again.
    """
    _state.waiting = by
    if _state.allowed:
        _raise(by)


def forget() -> None:
    """Forget an interruption that was not raised: what it was to end has ended."""
    _state.waiting = None


def was_raised() -> bool:
    """Say whether this thread was ever interrupted: whatever it was doing then may be half done for ever."""
    return _state.raised


@contextlib.contextmanager
def allowed() -> Iterator[None]:
    """Allow interruptions in here; one that waits is raised at once."""
    _state.allowed = True
    try:
        if _state.waiting is not None:
            _raise(_state.waiting)
        yield
    finally:
        _state.allowed = False


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Let interruptions wait until the end of this, where they were allowed around it."""
    before, _state.allowed = _state.allowed, False
    try:
        yield
    finally:
        _state.allowed = before
    if before and _state.waiting is not None:
        _raise(_state.waiting)


def _raise(by: Interruption) -> NoReturn:
    _state.allowed, _state.waiting, _state.raised = False, None, True
    raise by
