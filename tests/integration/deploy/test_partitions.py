"""``headrace partitions``: releases are listed and archived, and what comes later of them is archived too."""

from __future__ import annotations

import pytest

from tests.helpers import harness
from tests.integration.workers import drains

pytestmark = pytest.mark.integration

SUMS = (
    "SELECT release, sum(seen) AS seen FROM reports WHERE project_id = {} GROUP BY release ORDER BY release"
)


def test_releases_are_listed_archived_and_still_one_in_every_answer(system: harness.System) -> None:
    project = system.json("project", "create", "places")
    for release in ("1", "2", "3"):
        posted = system.post(drains.report(), project=project, environment="prod", release=release)
        assert posted.is_success
    system.wait_drained()

    def listed() -> dict[str, int]:
        found = system.json("partitions", "list")
        (row,) = [row for row in found["projects"] if row["project"] == "places"]
        assert found["budget"] == 10_000
        assert row["left"] == 200 - row["live"]
        assert row["last_report"]
        return {name: row[name] for name in ("live", "most", "archived", "rows")}

    assert listed() == {"live": 3, "most": 200, "archived": 0, "rows": 3}
    assert [row["release"] for row in system.json("partitions", "list", "places")] == ["3", "2", "1"]
    right = [{"release": "1", "seen": 1}, {"release": "2", "seen": 1}, {"release": "3", "seen": 1}]
    archived = system.json("partitions", "archive", "places", "--release", "1", "--environment", "prod")
    assert archived == [{"environment": "prod", "release": "1"}]
    assert listed() == {"live": 2, "most": 200, "archived": 1, "rows": 3}
    assert system.query(SUMS.format(project["id"])) == right
    assert system.ledger()["balanced"]

    system.post(drains.report(1), project=project, environment="prod", release="1")
    system.wait_drained()
    right[0]["seen"] = 2
    assert system.query(SUMS.format(project["id"])) == right
    assert listed() == {"live": 2, "most": 200, "archived": 1, "rows": 4}
    assert system.ledger()["balanced"]
    assert system.json("status")["partitions"]["live"] >= 2
    assert "places are taken" in system.headrace("status").stdout


def test_tables_fit_and_a_wish_that_names_nothing_is_refused(system: harness.System) -> None:
    shown = harness.headrace("partitions", "list", "--data", str(system.directory), COLUMNS="80")
    assert "places of all projects are taken." in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    refused = system.headrace("partitions", "archive", "1")
    assert refused.returncode == 1
    assert "--release" in refused.stderr
    nothing = system.headrace("partitions", "archive", "1", "--release", "no such")
    assert nothing.returncode == 0
    assert nothing.stdout.strip() == "No live release is like that: nothing was archived."
