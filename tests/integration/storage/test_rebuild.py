"""Findings are counted again from reports: exactly, for one project and month, whatever is killed."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
from typing import TYPE_CHECKING, Any

import pytest

from storage import errors
from storage.findings import due, rebuild
from storage.queue import pause
from storage.servers import leases
from tests.helpers import invariant, mortal, paths, stored

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse

pytestmark = pytest.mark.integration

SHARDS = 4
OCTOBER = dt.datetime(2026, 10, 31, 23, 59, 59, tzinfo=dt.UTC)
NOVEMBER = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
DECEMBER = dt.datetime(2026, 12, 31, 12, tzinfo=dt.UTC)
LABELS = [("", ""), ("extension", "moz-extension")]


def rows(number: int = 1) -> list[dict[str, Any]]:
    """Return rows of three months that differ in all that findings tell."""
    return [
        {
            "project_id": number,
            "environment": environment,
            "release": "1",
            "kind": "csp",
            "disposition": disposition,
            "window_start": moment + dt.timedelta(milliseconds=place),
            "first_seen": moment,
            "last_seen": moment + dt.timedelta(seconds=place),
            "seen": place + 1,
            "weight": (place + 1) * 1.5,
            "reach": 1 << place,
            "fingerprint": place % 3,
            "identity": place,
            "title": f"title {place}",
            "blocked": f"https://{place}.example/",
            "document": f"https://shop.example/{place}",
            "document_host": "shop.example",
            "policy": place % 2,
            "browser": ("Chrome", "Firefox")[place % 2],
            "noise": LABELS[place % 2][0],
            "noise_rule": LABELS[place % 2][1],
        }
        for moment in (OCTOBER - dt.timedelta(days=3), OCTOBER, NOVEMBER, DECEMBER)
        for environment in ("prod", "staging")
        for disposition in ("enforce", "report")
        for place in range(12)
    ]


@pytest.fixture
def shop(server: clickhouse.Connection) -> clickhouse.Connection:
    """The rows of two projects, and right findings."""
    stored.insert(server, rows() + rows(2))
    assert invariant.differences(server) == []
    return server


def finish(server: clickhouse.Connection, client: redis.Redis) -> list[due.Month]:
    with leases.hold(client, leases.STORED_ROWS) as lease:
        return rebuild.finish_due(server, client, SHARDS, lease)


def spoil(server: clickhouse.Connection) -> None:
    """Make findings of October wrong: some rows are gone, some are too many, some say something else."""
    settings = {"mutations_sync": 1}
    for statement in (
        "ALTER TABLE finding_days DELETE WHERE project_id = 1 AND fingerprint = 1 AND toMonth(day) = 10",
        "ALTER TABLE finding_days UPDATE seen = 0 WHERE (project_id, fingerprint, toMonth(day)) = (1, 2, 10)",
        "ALTER TABLE policy_days DELETE WHERE project_id = 1 AND environment = 'prod' AND toMonth(day) = 10",
    ):
        server.execute(statement, settings=settings)
    server.execute("INSERT INTO finding_days (project_id, day, fingerprint) VALUES", [(1, OCTOBER.date(), 7)])
    assert invariant.differences(server)


def test_a_month_is_counted_again_and_no_other(shop: clickhouse.Connection, client: redis.Redis) -> None:
    before = invariant.findings(shop)
    assert finish(shop, client) == []
    spoil(shop)
    due.note(shop, 1, [202610])
    assert [month[:2] for month in finish(shop, client)] == [(1, 202610)]
    assert invariant.differences(shop) == []
    assert invariant.findings(shop) == before
    assert due.months(shop) == []
    assert shop.execute("SELECT count() FROM system.tables WHERE name LIKE '%again%'") == [(0,)]


def test_the_findings_of_a_month_without_reports_go(shop: clickhouse.Connection, client: redis.Redis) -> None:
    shop.execute(
        "ALTER TABLE reports_live DELETE WHERE toMonth(window_start) = 12", settings={"mutations_sync": 1}
    )
    due.note(shop, 1, [202612, 203001])
    due.note(shop, 2, [202612])
    assert len(finish(shop, client)) == 3
    assert invariant.differences(shop) == []
    assert shop.execute("SELECT count() FROM finding_days WHERE toMonth(day) = 12") == [(0,)]


def test_archived_reports_count_like_live_ones(shop: clickhouse.Connection, client: redis.Redis) -> None:
    stored.insert(shop, [{**row, "identity": 99} for row in rows(3)], "reports_archive")
    shop.execute("TRUNCATE TABLE finding_days")
    shop.execute("TRUNCATE TABLE policy_days")
    for project_id, month in rebuild.stored_months(shop):
        due.note(shop, project_id, [month])
    assert len(finish(shop, client)) == 9
    assert invariant.differences(shop) == []


def test_a_rebuild_that_is_killed_anywhere_is_made_up_for(
    shop: clickhouse.Connection, client: redis.Redis
) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - what a failure is repeated by
    chance, before = random.Random(seed), invariant.findings(shop)
    died = 0
    for calls in range(chance.randint(1, 4), 60, 4):
        spoil(shop)
        due.note(shop, 1, [202610])
        death = mortal.Mortal(calls, after=chance.random() < 0.5)
        with death.living(shop, client), contextlib.suppress(errors.LeaseLostError):
            finish(shop, client)
        client.flushall()  # as if the leases had passed
        finish(shop, client)
        assert invariant.findings(shop) == before, (calls, seed)
        assert due.months(shop) == []
        died += death.dead
        if not death.dead:
            break
    assert died > 3


def test_a_month_stays_due_when_the_pause_ended_before_the_rows_were_in_place(
    shop: clickhouse.Connection, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(shop)
    due.note(shop, 1, [202610])
    count = rebuild._count

    def suspended(*arguments: Any) -> None:
        count(*arguments)
        client.delete(pause.KEY, pause.HELD)

    monkeypatch.setattr(rebuild, "_count", suspended)
    with pytest.raises(errors.LeaseLostError):
        finish(shop, client)
    assert [month[:2] for month in due.months(shop)] == [(1, 202610)]
    assert invariant.differences(shop)
    monkeypatch.undo()
    finish(shop, client)
    assert invariant.differences(shop) == []


def test_notes_of_one_month_are_one_rebuild_and_a_later_note_stays(
    shop: clickhouse.Connection, client: redis.Redis
) -> None:
    numbers = {due.note(shop, 1, [202610, 202611]), due.note(shop, 1, [202610])}
    first, second = due.months(shop)
    assert (set(first.numbers), len(second.numbers)) == (numbers, 1)
    own = due.take_over(shop, first)
    due.note(shop, 1, [202610])
    due.finish(shop, own)
    assert [len(month.numbers) for month in due.months(shop)] == [1, 1]
    assert due.note(shop, 1, []) > 0
    assert len(finish(shop, client)) == 2


def test_months_are_those_of_utc() -> None:
    assert due.month_of(round(OCTOBER.timestamp() * 1000)) == 202610
    assert due.month_of(round(NOVEMBER.timestamp() * 1000)) == 202611
    assert due.month_of(0) == 197001


def test_a_rebuild_counts_as_the_migration_did() -> None:
    folder = paths.ROOT / "storage"
    ours = (folder / "findings" / "rebuild.sql").read_text("utf-8").replace("%%", "%")
    migration = (folder / "migrations" / "0019_finding_days.sql").read_text("utf-8")
    for statement in migration.split("INSERT INTO ")[1:]:
        selected = statement.partition("\n")[2].partition(";\n")[0].partition("FROM reports")[0]
        assert selected
        assert selected in ours
