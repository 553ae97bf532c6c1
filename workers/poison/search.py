"""Finds the poison payloads of a batch, which make it fail, so that the rest of the batch can go on.

A batch fails for good when a stage raises, or when ClickHouse refuses its rows. The search halves the batch,
because a trial on a part of it either passes or fails. ``forked_search`` finds payloads that take a process
down.

Guarantee: a payload on which one trial alone passes is no poison, whatever its neighbours are.
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
"""Trials of a payload that all fail before it is poison, beside as many trials of an ordinary payload."""
LIKE_ORDINARY: Final = 16
"""After so many poison payloads in a row, of which ordinary ones fail as well, the rest is poison untried."""
SEARCH_S: Final = 60.0
"""A search that has found something ends after this time: the rest of the batch is tried again without it."""


class _Suspect(NamedTuple):
    """A payload that is searched, and where it stands."""

    entry_id: str
    position: int
    payload: envelope.Payload
    received_ms: int


class _Search:
    """One search; ``found`` holds the errors of the poison payloads, by receipt."""

    def __init__(self, stream: int, trial: Trial, *, ordinary_must_pass: bool) -> None:
        self._stream = stream
        self._trial = trial
        self._ordinary_must_pass = ordinary_must_pass
        self._ends = time.monotonic() + SEARCH_S
        self._failed_like_ordinary = 0
        self.found: dict[str, str] = {}

    def run(self, suspects: list[_Suspect]) -> None:
        if self.found and time.monotonic() > self._ends:
            return
        error = _error(self._trial, _entries(suspects))
        if error is None:
            return
        if self._failed_like_ordinary >= LIKE_ORDINARY or (len(suspects) == 1 and self._is_poison(suspects)):
            for suspect in suspects:
                self.found[envelope.receipt(self._stream, suspect.entry_id, suspect.position)] = error
        elif len(suspects) > 1:
            middle = len(suspects) // 2
            self.run(suspects[:middle])
            self.run(suspects[middle:])

    def _is_poison(self, suspects: list[_Suspect]) -> bool:
        fails, refused = _compare_with_ordinary(self._trial, _entries(suspects))
        if fails and refused and self._ordinary_must_pass:
            raise ordinary.UndecidedError(f"Not even an ordinary report passes its trial: {refused}")
        self._failed_like_ordinary = self._failed_like_ordinary + 1 if fails and refused else 0
        return fails


def fails_always(entries: Sequence[envelope.Entry], trial: Trial) -> bool:
    """Say whether a trial of all entries together fails each time, and one of as many ordinary reports never.

    Raises:
        RecoverableError: a trial could not be made now.
        MemoryError, OSError, ImportError: likewise.
    """
    fails, refused = _compare_with_ordinary(trial, entries)
    return fails and not refused


def _compare_with_ordinary(trial: Trial, entries: Sequence[envelope.Entry]) -> tuple[bool, str]:
    """Say whether a trial fails each time, and if so with which error that of ordinary reports fails, if any.

    The two are made turn by turn.
    """
    beside, refused = ordinary.like(entries), ""
    for _ in range(TRIES):
        refused = _error(trial, beside) or refused
        if _error(trial, entries) is None:
            return False, ""
    return True, _error(trial, beside) or refused


def _error(trial: Trial, entries: Sequence[envelope.Entry]) -> str | None:
    """Return the error with which a trial fails, or None if it passes.

    A store that is away and a machine that lacks something raise, because they say nothing of the entries;
    so do interruptions, which are no ``Exception``.
    """
    try:
        trial(entries)
    except (errors.RecoverableError, *interruption.SURROUNDINGS):
        raise
    except Exception as error:  # noqa: BLE001 - any other error of a stage is the finding
        return defects.describe(error)
    return None


def poison_payloads(
    stream: int,
    entries: Sequence[envelope.Entry],
    trial: Trial,
    *,
    ordinary_must_pass: bool = True,
    known: Container[str] = (),
) -> dict[str, str] | None:
    """Return the error of each payload whose trial fails, by receipt; empty if none fails alone.

    After ``SEARCH_S`` those that were found until then. None if the trial of all payloads together passes:
    nothing fails then, or no longer.

    Args:
        stream: number of the stream of the entries.
        entries: whose payloads are tried.
        trial: raises when it fails.
        ordinary_must_pass: whether the search gives up where ordinary reports fail too. If not, a payload
            that fails like them is poison all the same.
        known: receipts of payloads that are not tried.

    Raises:
        RecoverableError: a trial could not be made now, or tells nothing.
        MemoryError, OSError, ImportError: likewise.
    """
    search = _Search(stream, trial, ordinary_must_pass=ordinary_must_pass)
    suspects = [one for one in _suspects(entries) if envelope.receipt(stream, one[0], one[1]) not in known]
    search.run(suspects)
    return search.found or (None if _error(trial, _entries(suspects)) is None else {})


def failing_beside_others(stream: int, entries: Sequence[envelope.Entry], trial: Trial) -> dict[str, str]:
    """Return the error of the payload with which a trial begins to fail, by receipt, where none fails alone.

    Empty if there is no such payload: the trial of the payloads up to it passes once, or fails for ordinary
    reports too.

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
    return {envelope.receipt(stream, last.entry_id, last.position): error}


def _suspects(entries: Sequence[envelope.Entry]) -> list[_Suspect]:
    return [
        _Suspect(entry.id, index, payload, entry.received_ms)
        for entry in entries
        for index, payload in enumerate(entry.payloads)
    ]


def _entries(suspects: Sequence[_Suspect]) -> list[envelope.Entry]:
    return [envelope.Entry(entry_id, [payload], at_ms) for entry_id, _, payload, at_ms in suspects]
