"""Signals that tell a process to stop, as an event that its loop waits for."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def stop_event(*numbers: signal.Signals) -> threading.Event:
    """Return an event that these signals set from now on, until the process ends."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in numbers:
        signal.signal(number, on_signal)
    return stop
