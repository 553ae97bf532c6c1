"""What a batch fixes before it is processed: how late anything in it was received, and by which registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.projects import model, project_settings
from storage.queue import envelope, streams
from tests.helpers import payloads
from workers import pipeline
from workers.draining import batch, corrupt, plans
from workers.draining import bounds as batch_bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.projects import partitions

NOW = payloads.NOW_MS
VALUE = envelope.encode([payloads.payload([])])
SHOP = model.Project(id=1, name="shop", keys=("k",), removed_before=5)
SNAPSHOT = model.Snapshot(version=7, projects=(SHOP,), deleted=(2, 3))


def stored(received_ms: int, value: bytes = VALUE) -> streams.StoredEntry:
    return streams.StoredEntry(f"{NOW + 21_600_000}-0", {1: 1}, value, received_ms)


def test_nothing_is_received_after_it_is_taken_up() -> None:
    entries = [stored(NOW - 1), stored(NOW), stored(NOW + 1), stored(NOW + 21_600_000)]
    assert [one.received_ms for one in batch.dated(entries, NOW)] == [NOW - 1, NOW, NOW, NOW]
    assert batch.dated(entries, 0) == entries, "plans of earlier releases bound nothing"


def test_decoded_entries_have_the_time_of_their_stored_ones() -> None:
    decoded = batch.decode_entries(batch.dated([stored(NOW + 5), stored(NOW - 5, b"?")], NOW))
    assert [entry.received_ms for entry in decoded.entries] == [NOW]
    tables = pipeline.process(3, [], pipeline.Plan())
    columns = {name: getattr(tables, name) for name in ("outcomes", "receipts", "quarantine")}
    corrupt.add(columns, {"found": {}, "quarantined": {}}, 3, decoded.corrupt, pipeline.Plan())
    assert columns["quarantine"]["received"] == [NOW - 5]
    assert columns["outcomes"]["minute"] == [(NOW - 5) // 60_000 * 60]
    assert columns["receipts"]["ms"] == [NOW + 21_600_000], "found by its id"


def test_the_bound_is_part_of_the_plan_and_the_partitions_are_asked_for_by_time() -> None:
    asked = []

    def ask(
        project_id: int, pairs: Sequence[partitions.Pair], *, most: int, now_ms: int
    ) -> dict[partitions.Pair, str]:
        asked.append((project_id, pairs, most, now_ms))
        return {}

    entries = [
        envelope.Entry(f"{NOW}-{n}", [payloads.payload([])], at) for n, at in enumerate((NOW, NOW - 9))
    ]
    plan = plans.make_plan(entries, SNAPSHOT, ask, NOW)
    assert [now_ms for *_, now_ms in asked] == [NOW]
    bounds = batch_bounds.BatchBounds("1-0", "2-0", plan)
    assert batch_bounds.decode(batch_bounds.encode(bounds)).plan.latest_ms == NOW


def admit(
    project_id: int, pairs: Sequence[partitions.Pair], *, most: int, now_ms: int
) -> dict[partitions.Pair, str]:
    assert project_id
    assert pairs
    assert most
    assert now_ms
    return {}


def test_a_plan_says_by_which_registry_it_was_made() -> None:
    entries = [envelope.Entry("10-0", [payloads.payload(b"{}", project_id=number) for number in (1, 2, 9)])]
    plan = plans.make_plan(entries, SNAPSHOT, admit, NOW, [1, 2, 9])
    assert (plan.registry, plan.deleted, plan.numbered) == (7, (2,), True)
    assert {number: project.removed_before for number, project in plan.projects.items()} == {1: 5, 9: 0}


def test_a_newer_registry_only_narrows_a_plan() -> None:
    kept = project_settings.ProjectSettings(retention=3)
    plan = pipeline.Plan(
        projects={1: pipeline.ProjectPlan(settings=kept, removed_before=9), 9: pipeline.ProjectPlan()},
        poison={"r": "why"},
        registry=1,
    )
    narrowed = plans.narrowed(plan, SNAPSHOT, [1, 3])
    assert (narrowed.projects, narrowed.poison) == (plan.projects, plan.poison)
    assert (narrowed.registry, narrowed.deleted, narrowed.numbered) == (7, (3,), False)
    raised = plans.narrowed(pipeline.Plan(projects={1: pipeline.ProjectPlan()}), SNAPSHOT, [1])
    assert raised.projects[1].removed_before == 5


def test_of_a_corrupt_entry_nothing_is_stored_of_deleted_projects() -> None:
    tables = pipeline.process(0, [], pipeline.Plan())
    columns = {name: getattr(tables, name) for name in ("outcomes", "receipts", "quarantine")}
    counts: dict[str, dict[int, int]] = {"found": {}, "quarantined": {}}
    entries = [
        batch.Corrupt(streams.StoredEntry(f"{number}-0", counts, b"x", number), "It is damaged.")
        for number, counts in enumerate(({2: 1, 1: 3}, {2: 2}, {}), start=1)
    ]
    corrupt.add(columns, counts, 3, entries, pipeline.Plan(deleted=(2,), numbered=True))
    assert counts == {"found": {1: 3}, "quarantined": {1: 1, 0: 1}}
    assert columns["outcomes"]["project_id"] == [1]
    assert columns["quarantine"]["project_id"] == [1, 0]
    assert columns["quarantine"]["item"] == [1, 1]
    assert columns["receipts"]["project_id"] == [(2, 1, 1, 1), (2, 2), ()]


def test_the_plan_of_an_older_release_numbers_nothing() -> None:
    tables = pipeline.process(0, [], pipeline.Plan())
    columns = {name: getattr(tables, name) for name in ("outcomes", "receipts", "quarantine")}
    counts: dict[str, dict[int, int]] = {"found": {}, "quarantined": {}}
    entry = batch.Corrupt(streams.StoredEntry("1-0", {1: 1}, b"x", 1), "It is damaged.")
    corrupt.add(columns, counts, 3, [entry], pipeline.Plan())
    assert (columns["quarantine"]["item"], counts) == ([0], {"found": {1: 1}, "quarantined": {}})
