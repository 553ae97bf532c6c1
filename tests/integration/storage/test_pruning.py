"""Typical questions read only the parts and granules that they are about: EXPLAIN says so."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from tests.helpers import stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.servers import clickhouse

pytestmark = pytest.mark.integration

LIVE: Final = "reports_live"
ARCHIVE: Final = "reports_archive"
DAYS: Final = "finding_days"

PROJECTS: Final = (1, 2, 3)
MONTHS: Final = (9, 10, 11)


def made_up(state: str) -> list[dict[str, Any]]:
    """Return reports of each project and month; each month has a release of its own."""
    return [
        {
            "project_id": project,
            "environment": "production",
            "release": f"{state} {month}",
            "kind": "csp",
            "window_start": dt.datetime(2026, month, day, tzinfo=dt.UTC),
            "seen": 1,
            "fingerprint": day,
            "identity": day,
        }
        for project in PROJECTS
        for month in MONTHS
        for day in range(1, 5)
    ]


class Read(NamedTuple):
    """How much of a table a question reads.

    Attributes:
        table: its name, or that of a projection.
        parts: of how many parts.
        all_parts: that the table has.
        granules: of how many granules.
    """

    table: str
    parts: int
    all_parts: int
    granules: int


def steps(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each step of a plan that reads a table."""
    if "ReadFromMergeTree" in node["Node Type"]:
        yield node
    for inner in node.get("Plans", []):
        yield from steps(inner)


def reads(server: clickhouse.Connection, question: str) -> list[Read]:
    """Return what a question reads, table by table."""
    ((text,),) = server.execute(f"EXPLAIN indexes = 1, json = 1 {question}")
    found = []
    for step in steps(json.loads(text)[0]["Plan"]):
        first, last = step["Indexes"][0], step["Indexes"][-1]
        table = step["Description"].rpartition(".")[2]
        found.append(Read(table, last["Selected Parts"], first["Initial Parts"], last["Selected Granules"]))
    return found


def parts(server: clickhouse.Connection, question: str) -> dict[str, tuple[int, int]]:
    """Return of how many parts, of how many, a question reads of each table, at most."""
    found: dict[str, tuple[int, int]] = {}
    for read in reads(server, question):
        known = found.get(read.table, (0, 0))
        found[read.table] = max(known, (read.parts, read.all_parts))
    return found


@pytest.fixture
def full(server: clickhouse.Connection) -> clickhouse.Connection:
    """A database with one part in each partition: nine of each table."""
    stored.insert(server, made_up("live"), LIVE)
    stored.insert(server, made_up("old"), ARCHIVE)
    for table in (LIVE, ARCHIVE, DAYS):
        server.execute(f"OPTIMIZE TABLE {table} FINAL")
    return server


OF_REPORTS: Final = {
    "project_id = 2": {LIVE: (3, 9), ARCHIVE: (3, 9)},
    "project_id = 2 AND environment = 'production' AND release = 'live 10'": {LIVE: (1, 9), ARCHIVE: (0, 9)},
    "project_id = 2 AND environment = 'production' AND release = 'old 10'": {LIVE: (0, 9), ARCHIVE: (1, 9)},
    "project_id = 2 AND window_start >= toDateTime64('2026-11-01 00:00:00', 3, 'UTC')": {
        LIVE: (1, 9),
        ARCHIVE: (1, 9),
    },
    "window_start >= toDateTime64('2026-11-01 00:00:00', 3, 'UTC')": {LIVE: (3, 9), ARCHIVE: (3, 9)},
    "project_id = 2 AND toDate(window_start) = '2026-10-02'": {LIVE: (1, 9), ARCHIVE: (1, 9)},
    "project_id = 7": {LIVE: (0, 9), ARCHIVE: (0, 9)},
}

OF_FINDINGS: Final = {
    "SELECT * FROM findings WHERE project_id = 2": 3,
    "SELECT title, total FROM findings WHERE project_id = 2 AND fingerprint = 3": 3,
    "SELECT * FROM findings_by_day WHERE project_id = 2": 3,
    "SELECT * FROM findings_by_day WHERE project_id = 2 AND day >= '2026-11-01'": 1,
    "SELECT day, total FROM findings_by_day WHERE day >= '2026-11-01' AND fingerprint = 3": 3,
    "SELECT * FROM new_in_release WHERE project_id = 2": 3,
    "SELECT * FROM new_in_release WHERE project_id = 2 AND release = 'live 10'": 3,
    "SELECT title FROM new_in_release WHERE project_id = 2 AND environment = 'production' AND total > 1": 3,
}


def test_questions_about_reports_read_the_partitions_that_they_are_about(full: clickhouse.Connection) -> None:
    for view in ("reports", "violations"):
        for where, expected in OF_REPORTS.items():
            question = f"SELECT title, sum(seen) FROM {view} WHERE {where} GROUP BY title"  # noqa: S608 - of those
            found = parts(full, question)
            assert {LIVE: found.get(LIVE, (0, 9)), ARCHIVE: found.get(ARCHIVE, (0, 9))} == expected, question


def test_questions_about_findings_read_the_months_that_they_are_about(
    full: clickhouse.Connection,
) -> None:
    for question, most in OF_FINDINGS.items():
        found = reads(full, question)
        assert found, question
        assert max(read.parts for read in found) <= most, (question, found)


def test_questions_about_all_findings_read_what_merges_have_counted(full: clickhouse.Connection) -> None:
    for question, projection in (
        ("SELECT * FROM findings WHERE project_id = 2", "totals"),
        ("SELECT title, total, reach FROM findings WHERE project_id = 2 AND fingerprint = 3", "totals"),
        ("SELECT * FROM findings WHERE last_seen > now() - INTERVAL 1 DAY ORDER BY total DESC", "totals"),
        ("SELECT release, total FROM new_in_release WHERE project_id = 2", "releases"),
    ):
        assert projection in {read.table for read in reads(full, question)}, question


GRANULES: Final = 30
A_GRANULE: Final = 8192
A_DAY: Final = 6
"""Granules of a day."""


def test_one_finding_reads_two_granules_a_day(server: clickhouse.Connection) -> None:
    server.execute(
        "INSERT INTO finding_days (project_id, day, fingerprint, seen) "  # noqa: S608 - numbers of our own
        f"SELECT 1, toDate('2026-10-01') + intDiv(number, {A_DAY * A_GRANULE}), "
        f"number % {A_DAY * A_GRANULE}, 1 "
        f"FROM numbers({GRANULES * A_GRANULE})"
    )
    of_one = "SELECT day, total FROM findings_by_day WHERE project_id = 1 AND fingerprint = 77"
    ((_, _, _, a_day),) = reads(server, f"{of_one} AND day = '2026-10-05'")
    ((_, _, _, all_days),) = reads(server, of_one)
    assert a_day <= 2
    assert all_days <= 2 * GRANULES / A_DAY


def test_an_archived_finding_reads_what_it_is_about(server: clickhouse.Connection) -> None:
    server.execute(
        "INSERT INTO reports_archive "  # noqa: S608 - numbers of our own
        "(project_id, environment, release, kind, window_start, fingerprint, identity, seen) "
        f"SELECT 1, 'production', toString(1000 + intDiv(number, {3 * A_GRANULE})), 'csp', "
        f"toDateTime64('2026-10-01 00:00:00', 3, 'UTC') + toIntervalDay(intDiv(number, {3 * A_GRANULE})), "
        f"number % 100, number, 1 FROM numbers({GRANULES * A_GRANULE})"
    )
    of_release = "project_id = 1 AND environment = 'production' AND release = '1004'"
    for where, most in (
        (of_release, 4),
        (f"{of_release} AND kind = 'csp' AND fingerprint = 50", 2),
        ("project_id = 1 AND window_start >= toDateTime64('2026-10-09 00:00:00', 3, 'UTC')", 7),
    ):
        question = f"SELECT sum(seen) FROM reports WHERE {where}"  # noqa: S608 - of those above
        assert sum(read.granules for read in reads(server, question)) <= most, where
