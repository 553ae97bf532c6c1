"""The plan of a batch outlives the release that made it."""

from __future__ import annotations

import msgspec

from workers.model import batch_plan


def test_the_names_in_redis_are_those_of_older_releases() -> None:
    plan = batch_plan.Plan(retries={"3-1-0-0": (2,)})
    stored = msgspec.json.decode(msgspec.json.encode(plan))
    assert set(stored) == {
        "projects",
        "poison",
        "resent",
        "latest_ms",
        "deleted",
        "registry",
        "numbered",
        "noise",
        "senders",
        "findings",
    }
    assert msgspec.json.decode(msgspec.json.encode(plan), type=batch_plan.Plan) == plan


def test_a_project_that_is_not_listed_has_the_default_plan() -> None:
    listed = batch_plan.ProjectPlan(removed_before=5)
    plan = batch_plan.Plan(projects={1: listed})
    assert (plan.of(1), plan.of(2)) == (listed, batch_plan.ProjectPlan())
