"""The terminal while a command goes on: keys that are pressed, and whether anybody still reads."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import tty
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def keys() -> Iterator[None]:
    """Hand over each key as it is pressed, where standard input is a terminal, and put that right at the end.

    A signal that ends the command ends the block first. A command that was stopped takes keys again later.
    """
    if not sys.stdin.isatty():
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def take(*_: object) -> None:
        tty.setcbreak(descriptor, termios.TCSADRAIN)

    handlers = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGHUP)}
    handlers[signal.SIGCONT] = signal.signal(signal.SIGCONT, take)
    try:
        take()
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def pressed(seconds: float) -> str:
    """Wait so long for a key, and return it; nothing where none was pressed, or no terminal has any."""
    if not sys.stdin.isatty():
        select.select([], [], [], seconds)
        return ""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return os.read(sys.stdin.fileno(), 1).decode("ascii", "replace") if ready else ""


def wait_for_reader(seconds: float) -> None:
    """Wait so long, while somebody reads standard output.

    Raises:
        BrokenPipeError: nobody reads it any more.
    """
    watched = select.poll()
    watched.register(sys.stdout.fileno(), 0)
    if any(event & (select.POLLERR | select.POLLNVAL) for _, event in watched.poll(seconds * 1000)):
        raise BrokenPipeError


def _end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)
