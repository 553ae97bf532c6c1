"""Interruptions: a stop or a time-out ends work from outside, and no guard may take it for a defect.

A signal handler must not raise wherever the signal finds the process: in the middle of a Redis command it
would leave half an answer in a connection that is used again, and in a ``finally`` it would prevent the
clean-up. So an interruption is raised only within ``allowed``, a block for work that may take long and may be
dropped at any point. Elsewhere the interruption waits until such a block is reached.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

SURROUNDINGS: Final = (MemoryError, OSError, ImportError)
"""Errors that come from the machine or the installation: a payload is not to blame for them unless ordinary
payloads pass the same trial."""


class Interruption(BaseException):
    """Work was interrupted, through no fault of its own; the next drainer repeats it."""


class Stopped(Interruption):
    """The process was told to stop, and its work took too long to end by itself."""


class TimedOut(Interruption):
    """A job took too long, or its process was frozen meanwhile."""


class _State(threading.local):
    """The interruption of one thread; Python runs signal handlers in the main thread."""

    allowed: bool = False
    waiting: Interruption | None = None
    raised: bool = False


_state: Final = _State()


def interrupt(by: Interruption) -> None:
    """Interrupt this thread, now or as soon as interruptions are allowed; signal handlers call this.

    The ``allowed`` block ends with the interruption, so that unwinding is not interrupted again.
    """
    _state.waiting = by
    if _state.allowed:
        _raise(by)


def forget() -> None:
    """Forget an interruption that was not raised, because the work that it was to end has ended."""
    _state.waiting = None


def was_raised() -> bool:
    """Say whether this thread was ever interrupted: its work of that moment may be half done for ever."""
    return _state.raised


@contextlib.contextmanager
def allowed() -> Iterator[None]:
    """Allow interruptions in this block; an interruption that waits is raised at once."""
    _state.allowed = True
    try:
        if _state.waiting is not None:
            _raise(_state.waiting)
        yield
    finally:
        _state.allowed = False


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Let interruptions wait until the end of this block, within a block that allows them."""
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
