"""Interruptions are raised where they are allowed, once, and wait elsewhere."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from workers.failures import interruption

if TYPE_CHECKING:
    from collections.abc import Iterator

STOP = interruption.Stopped("stop")


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    interruption.forget()


def test_no_guard_against_errors_catches_one() -> None:
    assert not issubclass(interruption.Interruption, Exception)


def test_it_is_raised_where_it_is_allowed() -> None:
    with pytest.raises(interruption.Stopped), interruption.allowed():
        interruption.interrupt(STOP)


def test_elsewhere_it_waits_for_the_next_such_place() -> None:
    interruption.interrupt(STOP)
    reached = []
    with pytest.raises(interruption.Stopped), interruption.allowed():
        reached.append("never")
    assert not reached
    assert interruption.was_raised()
    with interruption.allowed():  # once is enough
        reached.append("then")
    assert reached


def test_unwinding_is_not_interrupted_again() -> None:
    unwound = []
    with pytest.raises(interruption.Stopped), interruption.allowed():  # noqa: PT012 - what is unwound
        try:
            interruption.interrupt(STOP)
        finally:
            interruption.interrupt(interruption.TimedOut("time"))
            unwound.append("wholly")
    assert unwound
    with pytest.raises(interruption.TimedOut), interruption.allowed():
        pass


def test_a_shield_lets_it_wait() -> None:
    reached = []
    with pytest.raises(interruption.Stopped), interruption.allowed():  # noqa: PT012 - what is behind
        with interruption.shielded():
            interruption.interrupt(STOP)
            reached.append("inside")
        reached.append("behind")
    assert reached == ["inside"]


def test_a_shield_where_none_is_allowed_changes_nothing() -> None:
    with interruption.shielded():
        interruption.interrupt(STOP)
    with pytest.raises(interruption.Stopped), interruption.allowed():
        pass


def test_an_error_behind_a_shield_stays_what_it_is() -> None:
    def failing() -> None:
        interruption.interrupt(STOP)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), interruption.allowed(), interruption.shielded():
        failing()


def test_what_is_forgotten_is_not_raised() -> None:
    interruption.interrupt(STOP)
    interruption.forget()
    with interruption.allowed():
        pass


def test_a_signal_interrupts() -> None:
    previous = signal.signal(signal.SIGUSR1, lambda *_: interruption.interrupt(STOP))
    try:
        with pytest.raises(interruption.Stopped), interruption.allowed():
            signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, previous)
