"""Signals that stop a process."""

from __future__ import annotations

import signal

from deploy.processes import signals


def test_a_signal_sets_the_event() -> None:
    before = signal.getsignal(signal.SIGUSR1)
    try:
        stop = signals.stop_event(signal.SIGUSR1)
        assert not stop.is_set()
        signal.raise_signal(signal.SIGUSR1)
        assert stop.is_set()
    finally:
        signal.signal(signal.SIGUSR1, before)
