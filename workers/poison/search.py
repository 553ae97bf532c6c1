"""Finding the payloads that make a batch fail, so that the rest of it can go on.

A batch fails for good when a stage raises, or when ClickHouse refuses its rows. Halving finds the culprits:
a trial on part of the batch either passes or does not. What takes a process down is for ``trials``.

Guarantee: a payload on which one trial alone passes is no culprit, whatever its neighbours are.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from storage import errors
from storage.queue import envelope
from workers.failures import defects, interruption
from workers.poison import ordinary

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    Trial = Callable[[Sequence[envelope.Entry]], object]

TRIES: Final = 3
"""A trial that fails is made so often before its payload is to blame, beside as many on an ordinary one."""
SAME_ERROR: Final = 16
"""After so many culprits, where ordinary reports are refused as well, the rest shares their fate untried."""
SEARCH_S: Final = 60.0
"""After this time what was found is enough for now: the rest of the batch is tried again without it."""


class _Suspect(NamedTuple):
    entry_id: str
    position: int
    payload: envelope.Payload
    received_ms: int


class _Search:
    """One search; ``found`` are the errors of the culprits by receipt."""

    def __init__(self, shard: int, trial: Trial, *, patient: bool) -> None:
        self._shard = shard
        self._trial = trial
        self._patient = patient
        self._ends = time.monotonic() + SEARCH_S
        self._as_anybody = 0
        self.found: dict[str, str] = {}

    def run(self, suspects: list[_Suspect]) -> None:
        if self.found and time.monotonic() > self._ends:
            return
        error = _error(self._trial, _entries(suspects))
        if error is None:
            return
        if self._as_anybody >= SAME_ERROR or (len(suspects) == 1 and self._is_to_blame(suspects)):
            for suspect in suspects:
                self.found[envelope.receipt(self._shard, suspect.entry_id, suspect.position)] = error
        elif len(suspects) > 1:
            middle = len(suspects) // 2
            self.run(suspects[:middle])
            self.run(suspects[middle:])

    def _is_to_blame(self, suspects: list[_Suspect]) -> bool:
        fails, refused = _compared(self._trial, _entries(suspects))
        if fails and refused and self._patient:
            raise ordinary.UndecidedError(f"Not even an ordinary report passes its trial: {refused}")
        self._as_anybody = self._as_anybody + 1 if fails and refused else 0
        return fails


def fails_always(entries: Sequence[envelope.Entry], trial: Trial) -> bool:
    """Say whether a trial fails on all of these together each time, and on as many ordinary reports never.

    Raises:
        RecoverableError: a trial could not be made now.
        MemoryError, OSError, ImportError: likewise.
    """
    fails, refused = _compared(trial, entries)
    return fails and not refused


def _compared(trial: Trial, entries: Sequence[envelope.Entry]) -> tuple[bool, str]:
    """Say whether a trial fails each time, and if so the error of ordinary reports, tried turn by turn."""
    beside, refused = ordinary.like(entries), ""
    for _ in range(TRIES):
        refused = _error(trial, beside) or refused
        if _error(trial, entries) is None:
            return False, ""
    return True, _error(trial, beside) or refused


def _error(trial: Trial, entries: Sequence[envelope.Entry]) -> str | None:
    try:
        trial(entries)
    except (errors.RecoverableError, *interruption.SURROUNDINGS):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a stage raises is the finding
        return defects.told(error)
    return None


def poison_payloads(
    shard: int,
    entries: Sequence[envelope.Entry],
    trial: Trial,
    *,
    patient: bool = True,
    known: Container[str] = (),
) -> dict[str, str] | None:
    """Return the error of each payload on which a trial fails, by receipt; empty if none fails alone.

    After ``SEARCH_S`` those that were found until then. None if the trial passes on all of them together:
    then nothing fails, or no more.

    Args:
        shard: of the entries.
        entries: to be searched.
        trial: raises for what is to be found.
        patient: whether it is waited for that ordinary reports pass. If not, whoever fails as they do is a
            culprit all the same.
        known: receipts of payloads that are not tried.

    Raises:
        RecoverableError: a trial could not be made now, or tells nothing.
        MemoryError, OSError, ImportError: likewise.
    """
    search = _Search(shard, trial, patient=patient)
    suspects = [one for one in _suspects(entries) if envelope.receipt(shard, one[0], one[1]) not in known]
    search.run(suspects)
    return search.found or (None if _error(trial, _entries(suspects)) is None else {})


def beside_others(shard: int, entries: Sequence[envelope.Entry], trial: Trial) -> dict[str, str]:
    """Return the error of the payload with which a trial begins to fail, by receipt, where none fails alone.

    Empty if there is no such payload: what stands up to it passes one time, or fails as ordinary reports do.

    Raises:
        RecoverableError: a trial could not be made now.
        MemoryError, OSError, ImportError: likewise.
    """
    suspects = _suspects(entries)
    passes, fails = 0, len(suspects)
    while fails - passes > 1:
        middle = (passes + fails) // 2
        if _error(trial, _entries(suspects[:middle])) is None:
            passes = middle
        else:
            fails = middle
    some = _entries(suspects[:fails])
    if not fails_always(some, trial) or (error := _error(trial, some)) is None:
        return {}
    last = suspects[fails - 1]
    return {envelope.receipt(shard, last.entry_id, last.position): error}


def _suspects(entries: Sequence[envelope.Entry]) -> list[_Suspect]:
    return [
        _Suspect(entry.id, index, payload, entry.received_ms)
        for entry in entries
        for index, payload in enumerate(entry.payloads)
    ]


def _entries(suspects: Sequence[_Suspect]) -> list[envelope.Entry]:
    return [envelope.Entry(entry_id, [payload], at_ms) for entry_id, _, payload, at_ms in suspects]
