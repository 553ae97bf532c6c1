"""Rows of findings and policies by day: workers store what the migration counts from the same reports."""

from __future__ import annotations

import random
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from storage.findings import rebuild
from storage.projects import project_settings
from storage.queue import envelope
from storage.servers import leases
from storage.tables import writer
from tests import same_rows
from tests.helpers import payloads
from tests.integration.workers import drains
from workers import pipeline
from workers.draining import bounds
from workers.failures import failpoints
from workers.model import batch_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from storage.servers import clickhouse

pytestmark = pytest.mark.integration

DAY_MS = 86_400_000
MIDNIGHT_MS = payloads.NOW_MS - payloads.NOW_MS % DAY_MS
WINDOWS = {1: 3600, 2: 0, 3: 7 * 60, 4: 86_400, 5: 1}
"""Dedupe windows (s) by project: also none, and windows that do not divide a day."""
TABLES = {
    "finding_days": "SELECT * FROM finding_days FINAL",
    "policy_days": "SELECT * FROM policy_days FINAL",
}
PLAN = batch_plan.Plan(
    projects={
        project_id: batch_plan.ProjectPlan(
            project_settings.ProjectSettings(dedupe_window=window), archived=(("production", "2.0"),)
        )
        for project_id, window in WINDOWS.items()
    },
    senders=True,
    findings=True,
)


def counting() -> Iterator[tuple[str, str]]:
    """Yield the statement by which the migration fills each table, without the table that it fills."""
    text = resources.files("storage").joinpath("migrations", "0019_finding_days.sql").read_text("utf-8")
    for table in TABLES:
        found = re.search(rf"INSERT INTO {table}_filling\s+(SELECT.+?);", text, re.DOTALL)
        assert found
        yield table, re.sub(r"\{\w+\}", "1", found[1])  # a piece is all of it


def stored(server: clickhouse.Connection, statement: str) -> list[tuple[Any, ...]]:
    """Return the rows of a statement, sorted; sums of fractions depend on their order, a little."""
    within = {"do_not_merge_across_partitions_select_final": 1}  # the key names no project
    rows = server.execute(statement, settings=within)
    return sorted((tuple(round(v, 6) if isinstance(v, float) else v for v in row) for row in rows), key=repr)


def insert(server: clickhouse.Connection, tables: pipeline.Tables, token: str) -> None:
    for table in (*TABLES, "reports", "archived"):
        writer.insert(server, writer.STORED_IN.get(table, table), getattr(tables, table), f"{token}:{table}")


def compare(server: clickhouse.Connection) -> None:
    for table, statement in counting():
        counted = stored(server, statement)
        assert counted
        found = stored(server, TABLES[table])
        assert found == counted


def recount(client: redis.Redis, server: clickhouse.Connection) -> None:
    """Do what maintenance does with months that are due; some are."""
    with leases.hold(client, leases.STORED_ROWS) as lease:
        assert rebuild.finish_due(server, client, drains.SHARDS, lease)


def entries(bodies: list[bytes], moments: list[int], chance: random.Random) -> Iterator[envelope.Entry]:
    for number, moment in enumerate(moments):
        batch = [
            payloads.payload(
                body,
                project_id=chance.choice(list(WINDOWS)),
                environment=chance.choice(["", "production", "staging"]),
                release=chance.choice(["1.0", "2.0"]),
                user_agent=chance.choice([payloads.CHROME, payloads.FIREFOX, payloads.SAFARI, ""]),
                slot=chance.choice([0, 0, 5, 77, 1500]),
            )
            for body in bodies[number :: len(moments)]
        ]
        yield envelope.Entry(f"{moment}-{number}", batch)


def test_rows_of_all_recorded_payloads_are_what_the_migration_counts(server: clickhouse.Connection) -> None:
    chance = random.Random(13)
    bodies = [body for _, body in same_rows.bodies()]
    moments = [MIDNIGHT_MS + offset for offset in (-DAY_MS, -1, 0, 1, 3_599_999, DAY_MS - 1, DAY_MS)]
    batches = list(entries(bodies, moments, chance))
    for number, entry in enumerate([*batches, *batches]):
        insert(server, pipeline.process(number, [entry], PLAN), f"{number}")
    compare(server)
    ((rows,),) = server.execute("SELECT count() FROM finding_days")
    assert rows > 1000
    assert server.execute("SELECT DISTINCT environment, release FROM reports_archive") == [
        ("production", "2.0")
    ]


@pytest.mark.parametrize("received_ms", [0, DAY_MS - 1, 4_102_444_800_000, 5_680_281_600_000])
def test_a_clock_that_is_far_off_harms_nothing(server: clickhouse.Connection, received_ms: int) -> None:
    report = payloads.legacy(original_policy="img-src 'self'")
    batch = [payloads.payload(report, project_id=project_id) for project_id in WINDOWS]
    entry = envelope.Entry("1-0", batch, dated_ms=received_ms)
    insert(server, pipeline.process(0, [entry], PLAN), "far")
    compare(server)


def test_a_batch_of_an_older_release_is_finished_and_its_months_are_counted_again(
    client: redis.Redis, server: clickhouse.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    drains.append_reports(client)
    encode = bounds.encode

    def encode_as_before(record: bounds.BatchBounds) -> bytes:
        found = msgspec.json.decode(encode(record))
        del found["plan"]["findings"]
        return msgspec.json.encode(found)

    with monkeypatch.context() as patched:
        patched.setattr(bounds, "encode", encode_as_before)
        failpoints.arm("after_bounds=raise@1")
        with pytest.raises(failpoints.FailpointError):
            drains.drainer(client, server).drain(drains.SHARD)
    failpoints.arm("")
    drains.drainer(client, server).drain(drains.SHARD)
    assert server.execute("SELECT count() FROM finding_days") == [(0,)]
    recount(client, server)
    compare(server)
    drains.balanced(server, client)


@pytest.mark.parametrize("table", ["finding_days", "policy_days", "reports_live"])
def test_rows_that_a_table_refuses_leave_the_batch_and_its_findings(
    client: redis.Redis, server: clickhouse.Connection, table: str
) -> None:
    """A table of one's own rules may refuse one payload of many: nothing is counted for it, in any table."""
    check = "first_seen < last_seen + INTERVAL 1 SECOND AND document_host != 'venom.example'"
    if table == "finding_days":
        check = "NOT has(mapValues(documents), 'https://venom.example/')"
    server.execute(f"ALTER TABLE {table} ADD CONSTRAINT own CHECK {check}")
    members: dict[str, Any] = {"document-uri": "https://venom.example/", "original-policy": "img-src 'self'"}
    venom = drains.report(**members)
    others = [drains.report(number) for number in range(5)]
    drains.append(client, *map(drains.payload, [*others, venom]))
    drains.drainer(client, server).drain(drains.SHARD)
    counted = drains.counted(server)
    assert counted == {("accepted", ""): 5, ("invalid", "poison"): 1}
    recount(client, server)
    compare(server)
    drains.balanced(server, client)
