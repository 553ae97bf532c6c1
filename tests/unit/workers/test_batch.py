"""The plan of a batch, and how a newer registry narrows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import envelope, registry, streams
from tests.unit.workers import payloads
from workers import batch, corrupt, pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage import partitions

SHOP = registry.Project(id=1, name="shop", keys=("k",), removed_before=5)
SNAPSHOT = registry.Snapshot(version=7, projects=(SHOP,), deleted=(2, 3))


def admit(
    _project_id: int, _pairs: Sequence[partitions.Pair], *, most: int, now_ms: int
) -> dict[partitions.Pair, str]:
    assert most
    assert now_ms
    return {}


def test_a_plan_says_by_which_registry_it_was_made() -> None:
    entries = [envelope.Entry("10-0", [payloads.payload(b"{}", project_id=number) for number in (1, 2, 9)])]
    plan = batch.make_plan(entries, SNAPSHOT, admit, [1, 2, 9])
    assert (plan.registry, plan.deleted, plan.numbered) == (7, (2,), True)
    assert {number: project.removed_before for number, project in plan.projects.items()} == {1: 5, 9: 0}


def test_a_newer_registry_only_narrows_a_plan() -> None:
    kept = registry.ProjectSettings(retention=3)
    plan = pipeline.Plan(
        projects={1: pipeline.ProjectPlan(settings=kept, removed_before=9), 9: pipeline.ProjectPlan()},
        poison={"r": "why"},
        registry=1,
    )
    narrowed = batch.narrowed(plan, SNAPSHOT, [1, 3])
    assert (narrowed.projects, narrowed.poison) == (plan.projects, plan.poison)
    assert (narrowed.registry, narrowed.deleted, narrowed.numbered) == (7, (3,), False)
    raised = batch.narrowed(pipeline.Plan(projects={1: pipeline.ProjectPlan()}), SNAPSHOT, [1])
    assert raised.projects[1].removed_before == 5


def test_of_a_corrupt_entry_nothing_is_stored_of_deleted_projects() -> None:
    tables = pipeline.process(0, [], pipeline.Plan())
    columns = {name: getattr(tables, name) for name in ("outcomes", "receipts", "quarantine")}
    counts: dict[str, dict[int, int]] = {"found": {}, "quarantined": {}}
    entries = [
        batch.Corrupt(streams.StoredEntry(f"{number}-0", census, b"x"), "It is damaged.")
        for number, census in enumerate(({2: 1, 1: 3}, {2: 2}, {}), start=1)
    ]
    corrupt.add(columns, counts, 3, entries, pipeline.Plan(deleted=(2,), numbered=True))
    assert counts == {"found": {1: 3}, "quarantined": {1: 1, 0: 1}}
    assert columns["outcomes"]["project_id"] == [1]
    assert columns["quarantine"]["project_id"] == [1, 0]
    assert columns["quarantine"]["item"] == [1, 1]
    assert columns["receipts"]["project_id"] == [[2, 1, 1, 1], [2, 2], []]


def test_the_plan_of_an_older_release_numbers_nothing() -> None:
    tables = pipeline.process(0, [], pipeline.Plan())
    columns = {name: getattr(tables, name) for name in ("outcomes", "receipts", "quarantine")}
    counts: dict[str, dict[int, int]] = {"found": {}, "quarantined": {}}
    entry = batch.Corrupt(streams.StoredEntry("1-0", {1: 1}, b"x"), "It is damaged.")
    corrupt.add(columns, counts, 3, [entry], pipeline.Plan())
    assert (columns["quarantine"]["item"], counts) == ([0], {"found": {1: 1}, "quarantined": {}})
