"""The progress of a migration, as it is told to whoever started it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Progress(NamedTuple):
    """A step that was reached.

    Attributes:
        doing: what goes on, a sentence for a person without its full stop.
        done: the pieces of it that are done.
        total: all of its pieces; 0 where it has none.
    """

    doing: str
    done: int = 0
    total: int = 0


Report = Callable[[Progress], None]
"""Called with each step. An error that it raises ends the migration, which may be taken up later."""


def ignore(_: Progress) -> None:
    """Tell nobody."""
