"""A year of 50 deploys a day in 20 projects: partitions stay bounded, and no real release loses its name."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from storage.archive import archiving, books, choosing
from storage.projects import model, partitions, project_settings
from tests.helpers import stored
from tests.integration.storage import archives

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from storage.servers import clickhouse

pytestmark = pytest.mark.integration

PROJECTS = range(1, 21)
BEGIN_DAYS = 18
"""Days from one project's first deploy to that of the next."""
DEPLOYS = 50
DAYS = 365
START_MS = 20_000 * choosing.DAY_MS
QUIET_MS = 7 * choosing.DAY_MS
LIMITS = partitions.PairLimits(200)


@pytest.fixture
def hasty_client(client: redis.Redis) -> Iterator[redis.Redis]:
    """A client of a Redis that does not force its log to disk: a year takes thousands of steps."""
    client.config_set("appendfsync", "no")
    yield client
    client.config_set("appendfsync", "always")


def test_a_year_of_deploys_fits_into_the_places(hasty_client: redis.Redis) -> None:
    """Projects begin one after the other; browsers still report from the last releases of the day before."""
    client = hasty_client
    partitions.restore(client, {})
    limits = choosing.PlaceLimits({}, LIMITS.most, LIMITS.budget, QUIET_MS)
    greatest = deployed = moved = 0
    for day in range(DAYS):
        now_ms = START_MS + day * choosing.DAY_MS
        for project_id in PROJECTS[: 1 + day // BEGIN_DAYS]:
            first = (day - (project_id - 1) * BEGIN_DAYS) * DEPLOYS
            pairs = [("prod", f"v{number}") for number in range(max(0, first - 10), first + DEPLOYS)]
            deployed += DEPLOYS
            decided = partitions.admit(client, project_id, pairs, LIMITS, now_ms=now_ms)
            assert not decided.refused, f"day {day}"
        known = partitions.places(client)
        greatest = max(greatest, sum(len(places.live) for places in known.values()))
        due = choosing.due(known, limits, now_ms)
        for project_id, gone in due.items():
            partitions.adjust(client, project_id, archived=dict.fromkeys(gone, now_ms), gone=gone)
        moved += sum(map(len, due.values()))
    assert greatest <= len(PROJECTS) * LIMITS.most
    assert moved > 0.99 * deployed - greatest
    assert max(client.zcard(partitions.keys(number)[2]) for number in PROJECTS) == partitions.MOST_ARCHIVED
    late = [("prod", f"v{number}") for number in range(DAYS * DEPLOYS - 2000, DAYS * DEPLOYS - 1900)]
    now_ms = START_MS + DAYS * choosing.DAY_MS
    assert partitions.admit(client, 1, late, LIMITS, now_ms=now_ms).archived == set(late)


def test_some_days_of_deploys_stay_within_their_partitions(
    client: redis.Redis, server: clickhouse.Connection
) -> None:
    projects, deploys, days, most = (1, 2), 20, 3, 40
    settings = project_settings.ProjectSettings(max_partitions=most)
    registered = [
        model.Project(id=number, name=f"p{number}", keys=(), settings=settings) for number in projects
    ]
    limits = partitions.PairLimits(most)
    archiver = archiving.Archiver(server, client, archives.SHARDS)
    partitions.restore(client, {})
    end_ms = archives.NOW_MS
    for day in range(days):
        now_ms = end_ms - (days - day) * choosing.DAY_MS
        for project_id in projects:
            for first in range(0, deploys, 10):  # as many as may come within an hour
                pairs = [("prod", f"{day}.{first + number}") for number in range(10)]
                at_ms = now_ms + first * 360_000
                decided = partitions.admit(client, project_id, pairs, limits, now_ms=at_ms)
                assert not decided.refused
                assert not decided.archived
        rows = [
            archives.row(("prod", f"{day}.{deploy}"), deploy, project_id, now_ms, seen=2)
            for project_id, deploy in itertools.product(projects, range(deploys))
        ]
        stored.insert(server, rows)
        archiver.archive_due(registered, partitions.BUDGET, QUIET_MS)
        found = books.live(server)
        assert len(found) <= len(projects) * most * choosing.SCARCE
        assert {project: len(places.live) for project, places in partitions.places(client).items()} == {
            project: sum(each.project_id == project for each in found) for project in projects
        }
    total = len(projects) * deploys * days
    assert server.execute("SELECT sum(seen), uniqExact(project_id, release) FROM reports") == [
        (2 * total, total)
    ]
    assert server.execute("SELECT count() FROM reports WHERE release = '(other)'") == [(0,)]
    parts = "SELECT count() FROM system.parts WHERE database = currentDatabase() AND active AND rows > 0"
    ((parts_of_archive,),) = server.execute(f"{parts} AND table = 'reports_archive'")
    assert parts_of_archive < total / 4
