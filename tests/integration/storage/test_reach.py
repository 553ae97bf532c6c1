"""Reach in SQL: the function, the views, and the numbers of ``reach.estimate`` in each of them."""

from __future__ import annotations

import datetime as dt
import functools
import operator
import random
from typing import TYPE_CHECKING, Any

import pytest

from storage.queue import reach
from storage.tables import functions, migrate
from tests.helpers import older, stored, waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.servers import clickhouse

pytestmark = pytest.mark.integration

DAY_MS = 86_400_000
ALL = (1 << reach.EVEN + reach.RARE) - 1


def numbered(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of project 1, each its own in the sorting key unless it names an ``identity``."""
    return [
        {"project_id": 1, "window_start": 0, "seen": 1, "identity": n, **row} for n, row in enumerate(rows)
    ]


def insert(server: clickhouse.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Store rows of project 1, as workers do."""
    stored.insert(server, numbered(rows))


def insert_old(server: clickhouse.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows of project 1 as a worker of an older release does, into the one table that it knows."""
    full = numbered(rows)
    server.execute(
        f"INSERT INTO reports ({', '.join(full[0])}) VALUES", [tuple(row.values()) for row in full]
    )


def crowd(senders: int, seed: random.Random) -> int:
    """Return the sketch of so many senders."""
    sketches = (reach.sketch_of(reach.slot_of(seed.getrandbits(64))) for _ in range(senders))
    return functools.reduce(operator.or_, sketches, 0)


def sketches() -> list[int]:
    """Return sketches of every crowd: each number of even bits with each of rare bits, and random ones."""
    seed = random.Random(2026)
    exact = [
        (1 << even) - 1 | (1 << rare) - 1 << reach.EVEN
        for even in range(reach.EVEN + 1)
        for rare in range(reach.RARE + 1)
    ]
    scattered = [seed.getrandbits(128) & seed.getrandbits(128) for _ in range(1000)]
    crowds = [crowd(int(1.2**power), seed) for power in range(45) for _ in range(20)]
    return [*exact, *scattered, *crowds, 0, ALL, ALL - 1, 1 << 127, 1]


def test_the_function_and_the_views_tell_the_numbers_of_python(server: clickhouse.Connection) -> None:
    tried = sketches()
    many = {"seen": 30_000_000}
    insert(server, [{"fingerprint": number, "reach": sketch, **many} for number, sketch in enumerate(tried)])
    expected = [reach.estimate(sketch) for sketch in tried]
    assert len(set(expected)) > 200
    for told in (
        "SELECT reachOf(reach) FROM reports ORDER BY fingerprint",
        "SELECT reachOf(groupBitOr(reach)) FROM violations GROUP BY fingerprint ORDER BY fingerprint",
        "SELECT reach FROM findings ORDER BY fingerprint",
        "SELECT reach_at_most FROM findings ORDER BY fingerprint",
        "SELECT reach FROM findings_by_day ORDER BY fingerprint",
    ):
        assert [value for (value,) in server.execute(told)] == expected, told


@pytest.mark.parametrize(
    ("sketch", "told"),
    [
        ("0", None),
        ("NULL", None),
        ("5", 2),
        ("toNullable(toUInt128(5))", 2),
        ("toUInt8(255)", 8),
        ("toUInt256(3)", 2),
        ("CAST(7, 'SimpleAggregateFunction(groupBitOr, UInt128)')", 3),
    ],
)
def test_the_function_takes_any_number(server: clickhouse.Connection, sketch: str, told: int | None) -> None:
    assert server.execute(f"SELECT reachOf({sketch})") == [(told,)]


def test_its_type_is_that_of_a_count(server: clickhouse.Connection) -> None:
    assert server.execute("SELECT toTypeName(reachOf(toUInt128(1)))") == [("Nullable(UInt64)",)]


def test_the_reach_of_a_finding_is_that_of_its_greatest_day(server: clickhouse.Connection) -> None:
    monday, tuesday = {"window_start": 0, "seen": 5}, {"window_start": DAY_MS, "seen": 5}
    insert(
        server,
        [
            {"fingerprint": 7, "release": "1", **monday, "reach": 0b0111},
            {"fingerprint": 7, "release": "2", **monday, "reach": 0b1110},
            {"fingerprint": 7, "release": "2", **monday, "reach": 0},
        ],
    )
    insert(server, [{"fingerprint": 7, "release": "2", **tuesday, "reach": 0b110000}])
    assert server.execute("SELECT reach, reach_at_most, total FROM findings") == [(4, 6, 20)]
    by_day = "SELECT day, reach, total, length(releases) FROM findings_by_day ORDER BY day"
    assert server.execute(by_day) == [(dt.date(1970, 1, 1), 4, 15, 2), (dt.date(1970, 1, 2), 2, 5, 1)]


def test_no_reach_is_above_the_reports_that_rows_stand_for(server: clickhouse.Connection) -> None:
    few = {"reach": ALL >> 60, "window_start": 0}
    insert(server, [{"fingerprint": 1, "seen": 40, **few}])
    insert(server, [{"fingerprint": 2, "seen": 40, "weight": 60.5, **few}])
    insert(server, [{"fingerprint": 3, "seen": 400, "weight": 400.0, **few}])
    known = reach.estimate(ALL >> 60)
    for told in (
        "SELECT reach FROM findings ORDER BY fingerprint",
        "SELECT reach_at_most FROM findings ORDER BY fingerprint",
        "SELECT reach FROM findings_by_day ORDER BY fingerprint",
    ):
        assert server.execute(told) == [(40,), (61,), (known,)], told


def test_an_unknown_reach_is_not_none(server: clickhouse.Connection) -> None:
    insert(server, [{"fingerprint": 1, "reach": 0}, {"fingerprint": 1, "reach": 0}])
    for view in ("findings", "findings_by_day"):
        assert server.execute(f"SELECT reach, total FROM {view}") == [(None, 2)]  # noqa: S608 - of two
    assert server.execute("SELECT reach_at_most FROM findings") == [(None,)]


def test_noise_has_no_part_in_the_reach_of_a_finding(server: clickhouse.Connection) -> None:
    insert(
        server, [{"fingerprint": 1, "noise": "", "reach": 1}, {"fingerprint": 1, "noise": "x", "reach": 6}]
    )
    assert server.execute("SELECT reach FROM findings") == [(1,)]
    assert server.execute("SELECT reach FROM violations") == [(1,)]


def test_merges_keep_the_reach(server: clickhouse.Connection) -> None:
    seed = random.Random(7)
    parts = [[crowd(seed.randrange(3), seed) for _ in range(20)] for _ in range(12)]
    told = "SELECT identity, groupBitOr(reach) FROM reports GROUP BY identity ORDER BY identity"
    for part in parts:
        rows = [{"identity": number, "reach": sketch} for number, sketch in enumerate(part)]
        insert(server, rows)
        insert(server, rows[::2])
    before = server.execute(told)
    server.execute("OPTIMIZE TABLE reports_live FINAL")
    waiting.until(lambda: server.execute("SELECT count() FROM reports") == [(20,)], "all rows are merged")
    assert server.execute(told) == before
    assert [sketch for _, sketch in before] == [
        functools.reduce(operator.or_, same) for same in zip(*parts, strict=True)
    ]


@pytest.mark.parametrize(
    ("sketch", "bytes_a_row"),
    [
        ("bitShiftLeft(toUInt128(1), rand() % 112)", 3),
        ("bitShiftLeft(toUInt128(rand64(1)), 64) + rand64(2)", 16.01),
        ("toUInt128(0)", 0.1),
    ],
    ids=["one sender", "every bit at random", "unknown"],
)
def test_a_row_needs_no_more_bytes_than_a_sketch_has(
    server: clickhouse.Connection, sketch: str, bytes_a_row: float
) -> None:
    rows = 200_000
    server.execute("ALTER TABLE reports_live MODIFY SETTING min_bytes_for_wide_part = 0")
    server.execute(f"INSERT INTO reports_live (identity, reach) SELECT number, {sketch} FROM numbers({rows})")  # noqa: S608 - of three
    ((found,),) = server.execute(
        "SELECT sum(column_data_compressed_bytes) FROM system.parts_columns "
        "WHERE database = currentDatabase() AND table = 'reports_live' AND column = 'reach' AND active"
    )
    assert 0 < found <= rows * bytes_a_row


def test_violations_have_all_columns_of_reports(server: clickhouse.Connection) -> None:
    reports, violations = (
        [name for name, *_ in server.execute(f"DESCRIBE TABLE {table}")]
        for table in ("reports", "violations")
    )
    assert violations == reports


def test_an_operator_may_take_the_sketches_out_of_rows(server: clickhouse.Connection) -> None:
    insert(
        server,
        [
            {"fingerprint": 1, "reach": 7, "seen": 3},
            {"fingerprint": 2, "project_id": 2, "reach": 7, "seen": 3},
        ],
    )
    for table in ("reports_live", "reports_archive", "finding_days"):
        server.execute(
            f"ALTER TABLE {table} UPDATE reach = 0 WHERE project_id = 1 SETTINGS mutations_sync = 2"
        )
    assert server.execute("SELECT reach FROM findings ORDER BY fingerprint") == [(None,), (3,)]


@pytest.fixture
def old(server: clickhouse.Connection) -> clickhouse.Connection:
    """A database as the release before the reach left it, with a report in it."""
    older.make(server, older.until("0013"))
    insert_old(server, [{"fingerprint": 1, "seen": 5}, {"fingerprint": 2, "seen": 2}])
    return server


def apply_one(server: clickhouse.Connection, name: str) -> None:
    """Apply one migration, as a release did that had no later one."""
    (migration,) = (migration for migration in migrate.migrations() if migration.name == name)
    for statement in migration.statements:
        server.execute(statement)


def test_reports_of_an_older_release_have_an_unknown_reach(
    old: clickhouse.Connection, address: clickhouse.Address
) -> None:
    insert_old(old, [{"fingerprint": 1, "identity": 9, "seen": 4}])
    apply_one(old, "0014_reach")
    # A worker of the older release does not know the column, and goes on for a while.
    insert_old(old, [{"fingerprint": 1, "seen": 1}, {"fingerprint": 3, "seen": 1}])
    insert_old(old, [{"fingerprint": 1, "seen": 1, "identity": 9, "reach": 0b11}])
    expected = [(1, 2, 2, 11), (2, None, None, 2), (3, None, None, 1)]
    told = "SELECT fingerprint, reach, reach_at_most, total FROM findings ORDER BY fingerprint"
    assert old.execute(told) == expected
    assert migrate.apply(address)[0] == "0014_reach"
    assert old.execute(told) == expected


def test_a_migration_that_ends_after_the_column_is_taken_up(
    old: clickhouse.Connection, address: clickhouse.Address
) -> None:
    (migration,) = (migration for migration in migrate.migrations() if migration.name == "0014_reach")
    old.execute(migration.statements[0])
    insert_old(old, [{"fingerprint": 1, "identity": 9, "seen": 1, "reach": 0b111}])
    assert old.execute("SELECT fingerprint, total FROM findings ORDER BY 1") == [(1, 6), (2, 2)]
    assert migrate.apply(address)[0] == "0014_reach"
    assert old.execute("SELECT fingerprint, reach, total FROM findings ORDER BY 1") == [
        (1, 3, 6),
        (2, None, 2),
    ]


def test_a_function_that_is_there_is_left_alone(address: clickhouse.Address) -> None:
    assert functions.restore(address) is False
