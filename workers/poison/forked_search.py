"""Finds the payloads that take a process down: they are tried one by one, in a forked process.

The end of a process may have come from outside. So a payload is poison only when its trial fails every time,
and the trial of an ordinary payload of the same size passes each time, turn by turn.

Guarantee: a payload whose trial passes once, alone, is not poison.
"""

from __future__ import annotations

import functools
import resource
import time
from typing import TYPE_CHECKING, Final

from storage.queue import envelope
from workers.poison import forked_trials, ordinary, search

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

CPU_S: Final = 10.0
"""Processor time that the trial of one payload may take: five times what the largest may cost."""
BATCH_CPU_S: Final = 100.0
"""Processor time that the trial of a whole batch may take: a batch that takes longer is only large."""
SEARCH_S: Final = 120.0
"""A search that has found something ends after this time: the rest of the batch is tried again without it."""

_SPARE_MEMORY: Final = 64 << 20
"""Bytes of memory that an ordinary trial takes besides: without them a machine tells nothing of payloads."""


def poison_payloads(
    stream: int, entries: Sequence[envelope.Entry], trial: search.Trial, known: Container[str] = ()
) -> dict[str, str]:
    """Return the error of each payload that takes down a process in which it is tried alone, by receipt.

    After ``SEARCH_S`` those that were found until then; empty if there are none.

    Args:
        stream: number of the stream of the entries.
        entries: whose payloads are tried.
        trial: raises, or takes its process down, when it fails.
        known: receipts of payloads that are not tried.

    Raises:
        ordinary.UndecidedError: the trials cannot be made now, or they were ended from outside.
    """
    found: dict[str, str] = {}
    singles = [one for one in _singles(entries) if envelope.receipt(stream, one[0].id, one[1]) not in known]
    position, ends = 0, time.monotonic() + SEARCH_S
    while position < len(singles) and not (found and time.monotonic() > ends):
        end = forked_trials.run(trial, [[entry] for entry, _ in singles[position:]], CPU_S)
        position += end.passed
        if not end.status:
            break
        suspect, index = singles[position]
        if error := _confirmed_error(trial, [suspect], end, CPU_S):
            found[envelope.receipt(stream, suspect.id, index)] = error
            position += 1
    return found


def fails(entries: Sequence[envelope.Entry], trial: search.Trial) -> bool:
    """Say whether a trial of all entries together takes its process down, every time.

    A trial that takes long is no failure.

    Raises:
        ordinary.UndecidedError: see ``poison_payloads``.
    """
    end = forked_trials.run(trial, [entries], BATCH_CPU_S)
    return bool(end.status) and not end.is_slow and bool(_confirmed_error(trial, entries, end, BATCH_CPU_S))


def _singles(entries: Sequence[envelope.Entry]) -> Iterator[tuple[envelope.Entry, int]]:
    """Yield each payload in an entry of its own, and its position in the entry that it comes from."""
    for entry in entries:
        for index, payload in enumerate(entry.payloads):
            yield envelope.Entry(entry.id, [payload], entry.dated_ms), index


def _confirmed_error(
    trial: search.Trial, suspects: Sequence[envelope.Entry], first: forked_trials.End, cpu_s: float
) -> str:
    """Return why a trial that failed once fails every time; "" if it passes once."""
    end, beside = first, ordinary.like(suspects)
    for _ in range(search.TRIES - 1):
        _require_ordinary_pass(trial, beside, cpu_s)
        end = forked_trials.run(trial, [suspects], cpu_s)
        if not end.status:
            return ""
    _require_ordinary_pass(trial, beside, cpu_s)
    if end.is_slow:
        return f"The trial ended with more than {cpu_s:.0f} seconds of processor time."
    return end.error or f"The trial ended with {end.cause}."


def _require_ordinary_pass(trial: search.Trial, beside: Sequence[envelope.Entry], cpu_s: float) -> None:
    """Make the trial on ordinary payloads.

    Raises:
        ordinary.UndecidedError: they fail as well, so that the machine is to blame.
    """
    if forked_trials.run(functools.partial(_with_spare_memory, trial), [beside], cpu_s).status:
        raise ordinary.UndecidedError("Not even an ordinary report passes its trial in a process of its own.")


def _with_spare_memory(trial: search.Trial, entries: Sequence[envelope.Entry]) -> None:
    """Make a trial while ``_SPARE_MEMORY`` is taken, which is as much as any payload may take."""
    spare = bytearray(_SPARE_MEMORY)
    spare[:: resource.getpagesize()] = bytes(len(spare) // resource.getpagesize())
    trial(entries)
