"""What analysts ask about findings, beside the same questions to a table with a row a report."""

from __future__ import annotations

import datetime as dt
import math
import time
from typing import TYPE_CHECKING, Any, Final

from storage.servers import clickhouse, sql
from storage.tables import migrate
from tests.bench.measuring.report import Measurement
from tests.helpers import harness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bench.measuring.scale import Scale

_SQL: Final = sql.beside(__name__)
_SCENARIO: Final = "findings"
_PROJECTS: Final = 20
_DAYS: Final = 30
_KEPT_IN: Final = {"reports_live": (1, 7), "reports_archive": (8, _DAYS)}
"""Where reports are by how many days ago they came: those of older days are of releases that went quiet."""
_REPORTS_A_ROW: Final = 6.0
_REPETITIONS: Final = 7
_TIMES_FASTER: Final = 20
_LONGEST_S: Final = 3600
"""That a statement may take: merging a table with a row for each of a hundred million reports."""

_QUESTIONS: Final = (
    ("day", "findings of the last two days, with what they did then", 0.1),
    ("recent", "findings of the last 24 h, with all they ever did", 0.1),
    ("month", "all findings of 30 days", 0.3),
    ("brought", "what is new in a release", 0.3),
    ("trend", "30-day trend of one finding", 0.1),
)


def run(scale: Scale, directory: Path) -> Iterator[Measurement]:
    """Seed the reports, ask each question of both, and weigh what is stored."""
    with harness.clickhouse_server(directory) as running:
        migrate.apply(running.address)
        server = clickhouse.connect(running.address, send_receive_timeout=_LONGEST_S)
        today = dt.datetime.now(dt.UTC).date()
        seed(server, scale.stored_reports, today)
        ((reports,),) = server.execute(_SQL["reports"])
        yield from _ask(server, today, f"of {reports / 1e6:,.1f} million reports")
        yield from _weigh(server, reports)
        yield from _drop(server)


def seed(server: clickhouse.Connection, reports: int, today: dt.date) -> None:
    """Store about so many reports of the 30 days before this one, in each table."""
    server.execute(_SQL["create_plain"])
    for project in range(1, _PROJECTS + 1):
        share = math.log((project + 1) / project) / math.log(_PROJECTS + 1)
        rows = reports * share / _REPORTS_A_ROW / _DAYS
        for table, (first, last) in _KEPT_IN.items():
            where: dict[str, Any] = {"project": project, "today": str(today), "first": first, "last": last}
            where["rows"] = int(rows * (last - first + 1))
            server.execute(_SQL["seed"].format(table=table), where)
        for statement in ("fill_plain", "fill_findings"):
            server.execute(_SQL[statement], {"project": project})
    for table in ("reports_live", "reports_archive", "finding_days", "plain"):
        server.execute(_SQL["optimize"].format(table=table))


def _ask(server: clickhouse.Connection, today: dt.date, note: str) -> Iterator[Measurement]:
    ((fingerprint, release),) = server.execute(_SQL["some"])
    where = {"now": f"{today} 00:00:00", "fingerprint": fingerprint, "release": release}
    for name, what, bar in _QUESTIONS:
        ours, plain = [], []
        for _ in range(_REPETITIONS):
            ours.append(_seconds(server, f"{name}_ours", where))
            plain.append(_seconds(server, f"{name}_plain", where))
        ratio = sorted(plain)[_REPETITIONS // 2] / sorted(ours)[_REPETITIONS // 2]
        yield Measurement(
            scenario=_SCENARIO, what=what, values=tuple(ours), unit="s", bar=bar, sense="≤", note=note
        )
        yield Measurement(
            scenario=_SCENARIO,
            what=f"{what}, times faster",
            values=(ratio,),
            unit="x",
            bar=_TIMES_FASTER,
            note="than a table with a row a report",
        )


def _seconds(server: clickhouse.Connection, statement: str, where: dict[str, Any]) -> float:
    begun = time.perf_counter()
    server.execute(_SQL[statement], where)
    return time.perf_counter() - begun


def _weigh(server: clickhouse.Connection, reports: int) -> Iterator[Measurement]:
    ((rows, of_reports, of_all),) = server.execute(_SQL["stored"])
    for what, value, bar, note in (
        (
            "bytes of a collapsed row, raw included",
            of_reports / rows,
            60,
            f"{reports / rows:.1f} reports a row",
        ),
        ("bytes of a report, findings included", of_all / reports, 12, ""),
    ):
        yield Measurement(
            scenario=_SCENARIO, what=what, values=(value,), unit="bytes", bar=bar, sense="≤", note=note
        )


def _drop(server: clickhouse.Connection) -> Iterator[Measurement]:
    partitions = server.execute(_SQL["partitions"])
    for what, (partition, rows) in (("largest", partitions[0]), ("smallest", partitions[-1])):
        yield Measurement(
            scenario=_SCENARIO,
            what=f"drop of the {what} live release",
            values=(_seconds(server, "drop", {"partition": partition}),),
            unit="s",
            note=f"{rows:,} rows",
        )
