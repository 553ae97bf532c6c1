"""Chooses the pairs of environment and release that move into the archive. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from storage.projects import partitions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from storage.archive import books

SOONEST_MS: Final = 3_600_000
"""A pair that had a report within an hour stays, however scarce places are."""
SCARCE: Final = 3 / 4
"""The share of places that are taken, beyond which pairs move before they are quiet for long."""
ENOUGH: Final = 1 / 2
"""The share of places that are taken after that."""

TOGETHER: Final = 10
"""As many pairs of a project move at once when they are quiet; fewer wait for others, for ``GATHERING_MS``:
drains pause for each move."""
GATHERING_MS: Final = 6 * SOONEST_MS

MOST_PAIRS: Final = 200
"""Pairs in one move: their ids are in the text of its statements."""
MOST_ROWS: Final = 5_000_000
"""Rows in one move, unless one partition alone has more: about a minute of copying."""

DAY_MS: Final = 86_400_000

_Dated = tuple[int, int, partitions.Pair]
"""The time of the last report (ms since the epoch) of a project's pair."""


class PlaceLimits(NamedTuple):
    """The bounds of the live partitions.

    Attributes:
        most: ``max_partitions`` by project.
        default: that of other projects.
        budget: the most live partitions of all projects.
        quiet_ms: a pair without a report for longer moves, in milliseconds.
    """

    most: Mapping[int, int]
    default: int
    budget: int
    quiet_ms: int


def due(
    known: Mapping[int, partitions.Places], limits: PlaceLimits, now_ms: int
) -> dict[int, list[partitions.Pair]]:
    """Return the live pairs that are to move now, by project, those with the oldest last report first.

    Pairs move that are quiet for long. Where more than ``SCARCE`` of the places of a project, or of the
    budget, are taken, the ones with the oldest reports move until ``ENOUGH`` of the places are.

    Args:
        known: the pairs that Redis knows.
        limits: what bounds them.
        now_ms: time in milliseconds since the epoch.
    """
    chosen: set[tuple[int, partitions.Pair]] = set()
    for project_id, places in known.items():
        dated = _dated(project_id, places.live)
        quiet = _quiet(dated, places.archived, now_ms - limits.quiet_ms)
        most = limits.most.get(project_id, limits.default)
        chosen |= {one[1:] for one in quiet}
        chosen |= _relief(dated, chosen, len(places.live), most, now_ms)
    everything = sorted(
        one for project_id, places in known.items() for one in _dated(project_id, places.live)
    )
    taken = sum(len(places.live) for places in known.values())
    chosen |= _relief(everything, chosen, taken, limits.budget, now_ms)
    found = defaultdict(list)
    for _, project_id, pair in everything:
        if (project_id, pair) in chosen:
            found[project_id].append(pair)
    return dict(found)


def pieces(found: Iterable[books.Partition]) -> Iterator[list[books.Partition]]:
    """Divide the partitions of a project into those that move together."""
    piece: list[books.Partition] = []
    rows = 0
    for partition in found:
        if piece and (len(piece) >= MOST_PAIRS or rows + partition.rows > MOST_ROWS):
            yield piece
            piece, rows = [], 0
        piece.append(partition)
        rows += partition.rows
    if piece:
        yield piece


def _dated(project_id: int, live: partitions.Times) -> list[_Dated]:
    return sorted(
        (time_ms, project_id, pair) for pair, time_ms in live.items() if partitions.is_movable(pair)
    )


def _quiet(dated: list[_Dated], archived: partitions.Times, before_ms: int) -> list[_Dated]:
    """Return the pairs without a report since then, if they are worth a move, and those known as archived."""
    quiet = [one for one in dated if one[0] < before_ms]
    if len(quiet) < TOGETHER and not any(one[0] < before_ms - GATHERING_MS for one in quiet):
        quiet = []
    return quiet + [one for one in dated if one[2] in archived]


def _relief(
    dated: list[_Dated], chosen: set[tuple[int, partitions.Pair]], taken: int, most: int, now_ms: int
) -> set[tuple[int, partitions.Pair]]:
    """Return which further pairs are to move so that enough of some places are free, if they are scarce."""
    left = taken - sum(one[1:] in chosen for one in dated)
    if left <= SCARCE * most:
        return set()
    may = [one[1:] for one in dated if one[1:] not in chosen and one[0] < now_ms - SOONEST_MS]
    return set(may[: left - int(ENOUGH * most)])
