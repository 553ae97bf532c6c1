"""The progress of a migration, as it is told to whoever started it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

LINE_S: Final = 5.0
"""Seconds between two sentences about the pieces of one step."""


class Progress(NamedTuple):
    """A step that was reached.

    Attributes:
        doing: what goes on, a sentence for a person without its full stop.
        done: the pieces of it that are done.
        total: all of its pieces; 0 where it has none.
        slow: whether a person may have to wait for it.
    """

    doing: str
    done: int = 0
    total: int = 0
    slow: bool = True


Report = Callable[[Progress], None]
"""Called with each step. An error that it raises ends the migration, which may be taken up later."""


def ignore(_: Progress) -> None:
    """Tell nobody."""


class Sentences:
    """Tells each step in a sentence; of its pieces no more than one every ``LINE_S`` seconds, and the last.

    Args:
        tell: called with each sentence.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._doing = ""
        self._next = 0.0

    def report(self, step: Progress) -> None:
        """Tell a step, unless it was told already."""
        now = time.monotonic()
        repeated = step.doing == self._doing
        if repeated and (not step.total or (now < self._next and step.done < step.total)):
            return
        self._doing, self._next = step.doing, now + LINE_S
        pieces = f": {step.done} of {step.total}" if step.total else ""
        self._tell(f"{step.doing}{pieces}.")
