"""The plan of a batch: the time after which nothing of it was received, and the registry that it obeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.projects import model, partitions, project_settings
from storage.queue import envelope
from tests.helpers import payloads
from workers.draining import bounds as batch_bounds
from workers.draining import plans
from workers.model import batch_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = payloads.NOW_MS
SHOP = model.Project(id=1, name="shop", keys=("k",), removed_before=5)
SNAPSHOT = model.Snapshot(version=7, projects=(SHOP,), deleted=(2, 3))


def test_the_bound_is_part_of_the_plan_and_the_partitions_are_asked_for_by_time() -> None:
    asked = []

    def ask(
        project_id: int, pairs: Sequence[partitions.Pair], *, most: int, now_ms: int
    ) -> partitions.PairDecisions:
        asked.append((project_id, pairs, most, now_ms))
        return partitions.PairDecisions({}, {pairs[0]})

    entries = [
        envelope.Entry(f"{NOW}-{n}", [payloads.payload([])], at) for n, at in enumerate((NOW, NOW - 9))
    ]
    plan = plans.make_plan(entries, SNAPSHOT, ask, NOW)
    assert [now_ms for *_, now_ms in asked] == [NOW]
    bounds = batch_bounds.BatchBounds("1-0", "2-0", plan)
    (project,) = batch_bounds.decode(batch_bounds.encode(bounds)).plan.projects.values()
    assert project.archived == (asked[0][1][0],)
    assert batch_bounds.decode(batch_bounds.encode(bounds)).plan.latest_ms == NOW


def admit(
    project_id: int, pairs: Sequence[partitions.Pair], *, most: int, now_ms: int
) -> partitions.PairDecisions:
    assert project_id
    assert pairs
    assert most
    assert now_ms
    return partitions.PairDecisions()


def test_a_plan_says_by_which_registry_it_was_made() -> None:
    entries = [envelope.Entry("10-0", [payloads.payload(b"{}", project_id=number) for number in (1, 2, 9)])]
    plan = plans.make_plan(entries, SNAPSHOT, admit, NOW, [1, 2, 9])
    assert (plan.registry, plan.deleted, plan.numbered) == (7, (2,), True)
    assert {number: project.removed_before for number, project in plan.projects.items()} == {1: 5, 9: 0}


def test_a_newer_registry_only_narrows_a_plan() -> None:
    kept = project_settings.ProjectSettings(retention=3)
    plan = batch_plan.Plan(
        projects={1: batch_plan.ProjectPlan(settings=kept, removed_before=9), 9: batch_plan.ProjectPlan()},
        poison={"r": "why"},
        registry=1,
    )
    narrowed = plans.narrowed(plan, SNAPSHOT, [1, 3])
    assert (narrowed.projects, narrowed.poison) == (plan.projects, plan.poison)
    assert (narrowed.registry, narrowed.deleted, narrowed.numbered) == (7, (3,), False)
    raised = plans.narrowed(batch_plan.Plan(projects={1: batch_plan.ProjectPlan()}), SNAPSHOT, [1])
    assert raised.projects[1].removed_before == 5
