"""Which releases move into the archive: quiet ones, and the oldest ones where places get scarce."""

from __future__ import annotations

from storage.archive import books, choosing
from storage.projects import partitions

HOUR_MS = 3_600_000
NOW_MS = 1000 * choosing.DAY_MS
QUIET_MS = 7 * choosing.DAY_MS


def live(*hours: float, first: int = 0) -> partitions.Times:
    """Return releases that had their last report so many hours ago."""
    return {
        ("prod", str(number)): NOW_MS - int(ago * HOUR_MS) for number, ago in enumerate(hours, start=first)
    }


def due(
    known: dict[int, partitions.Places], budget: int = 1000, default: int = 100, **most: int
) -> dict[int, list[str]]:
    """Return which releases are due."""
    by_project = {int(name.removeprefix("p")): number for name, number in most.items()}
    limits = choosing.PlaceLimits(by_project, default, budget, QUIET_MS)
    found = choosing.due(known, limits, NOW_MS)
    return {project_id: [release for _, release in pairs] for project_id, pairs in found.items()}


def test_what_is_quiet_moves_the_oldest_first() -> None:
    known = {1: partitions.Places(live(1, 200, 169, 167), {}), 2: partitions.Places(live(0), {})}
    assert due(known) == {1: ["1", "2"]}


def test_few_that_are_quiet_wait_for_others_to_move_with_them() -> None:
    few = live(*[169] * (choosing.TOGETHER - 1))
    assert due({1: partitions.Places(few, {})}) == {}
    assert len(due({1: partitions.Places(few | live(169, first=90), {})})[1]) == choosing.TOGETHER
    assert len(due({1: partitions.Places(few | live(175, first=90), {})})[1]) == choosing.TOGETHER


def test_what_is_known_as_archived_moves_though_it_was_live_just_now() -> None:
    known = {1: partitions.Places(live(0, 0.5), {("prod", "1"): NOW_MS})}
    assert due(known) == {1: ["1"]}


def test_the_oldest_move_where_a_project_has_few_places_left() -> None:
    known = {1: partitions.Places(live(9, 8, 7, 6, 5, 4, 3, 2), {})}
    assert due(known, p1=11) == {}, "three quarters are taken"
    assert due(known, p1=10) == {1: ["0", "1", "2"]}, "half of them stay"


def test_a_release_that_sent_within_the_hour_stays() -> None:
    known = {1: partitions.Places(live(0.1, 0.2, 0.9, 1.5), {})}
    assert due(known, p1=4) == {1: ["3"]}


def test_the_oldest_of_all_projects_move_where_the_budget_gets_scarce() -> None:
    known = {
        1: partitions.Places(live(2, 30, 40, 50), {}),
        2: partitions.Places(live(3, 4, 45, 60), {}),
        3: partitions.Places(live(200), {}),
    }
    assert due(known, budget=12) == {3: ["0"]}, "what is quiet goes first"
    assert due(known, budget=10) == {1: ["3"], 2: ["3", "2"], 3: ["0"]}


def test_the_release_of_what_is_beyond_limits_never_moves() -> None:
    known = {1: partitions.Places({("prod", "(other)"): 0}, {})}
    assert due(known, p1=1) == {}


def partition(rows: int) -> books.Partition:
    """Return a partition of so many rows."""
    return books.Partition(1, ("prod", str(rows)), str(rows), rows, 0, 1)


def test_a_move_has_so_many_rows_and_pairs() -> None:
    most = choosing.MOST_ROWS
    found = [partition(rows) for rows in (most + 1, 1, most - 1, 1)]
    sizes = [[each.rows for each in piece] for piece in choosing.pieces(found)]
    assert sizes == [[most + 1], [1, most - 1], [1]]
    many = [partition(1)] * (choosing.MOST_PAIRS + 1)
    assert [len(piece) for piece in choosing.pieces(many)] == [choosing.MOST_PAIRS, 1]
    assert list(choosing.pieces([])) == []
