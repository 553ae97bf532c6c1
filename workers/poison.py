"""Finding the payloads that make a batch fail, so that the rest of it can go on.

A batch fails for good when a stage raises, or when ClickHouse refuses its rows. Halving finds the culprits:
a trial on part of the batch either passes or does not. What takes a process down is for ``workers.apart``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from storage import envelope, errors
from workers import defects, interruption

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Trial = Callable[[Sequence[envelope.Entry]], object]

SAME_ERROR: Final = 16
"""After so many culprits with one and the same error the rest of the batch shares their fate untried."""


class _Suspect(NamedTuple):
    entry_id: str
    position: int
    payload: envelope.Payload
    received_ms: int


class _Search:
    """One search; ``found`` are the errors of the culprits by receipt."""

    def __init__(self, shard: int, trial: Trial) -> None:
        self._shard = shard
        self._trial = trial
        self._last = ""
        self._messages: set[str] = set()
        self.found: dict[str, str] = {}

    def run(self, suspects: list[_Suspect]) -> None:
        error = self._systematic() or self._tried(suspects)
        if error is None:
            return
        if len(suspects) == 1 and not self._systematic():
            error = self._tried(suspects)  # again: what befell it once may have come from outside
        if error is None:
            return
        if len(suspects) <= 1 or self._systematic():
            self._messages.add(self._last)
            for suspect in suspects:
                self.found[envelope.receipt(self._shard, suspect.entry_id, suspect.position)] = error
            return
        middle = len(suspects) // 2
        self.run(suspects[:middle])
        self.run(suspects[middle:])

    def fails(self, suspects: list[_Suspect]) -> bool:
        return self._tried(suspects) is not None

    def _tried(self, suspects: list[_Suspect]) -> str | None:
        try:
            self._trial([envelope.Entry(entry_id, [sent], at_ms) for entry_id, _, sent, at_ms in suspects])
        except (errors.RecoverableError, *interruption.SURROUNDINGS):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a stage raises is the finding
            self._last = repr(error)
            return defects.told(error)
        return None

    def _systematic(self) -> str | None:
        """Return the error that every culprit so far shares to the letter, once there are enough of them."""
        same = len(self.found) >= SAME_ERROR and len(self._messages) == 1
        return next(iter(self.found.values())) if same else None


def culprits(shard: int, entries: Sequence[envelope.Entry], trial: Trial) -> dict[str, str] | None:
    """Return the error of each payload on which a trial fails, by receipt; empty if none fails alone.

    None if the trial passes on all of them together: then nothing fails, or no more.

    Raises:
        RecoverableError: a trial could not be made now.
        MemoryError, OSError, ImportError: likewise.
    """
    search = _Search(shard, trial)
    suspects = [
        _Suspect(entry.id, index, payload, entry.received_ms)
        for entry in entries
        for index, payload in enumerate(entry.payloads)
    ]
    search.run(suspects)
    return search.found or ({} if search.fails(suspects) else None)
