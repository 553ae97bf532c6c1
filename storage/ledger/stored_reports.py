"""Stored reports beside what findings tell of them: both must say the same.

The findings of a month that is to be counted again (``storage.findings.due``) may be wrong until then: the
reports of the month stand for them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from storage.findings import due

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.servers import clickhouse

_Label = tuple[str, int]
"""A noise rule, and 1 for what is impossible."""
_Months = dict[int, dict[_Label, int]]
"""Reports by month, as ``toYYYYMM()`` tells it, and by label."""


class StoredReports(NamedTuple):
    """The stored reports of one project, without what is about to be removed.

    Attributes:
        seen: reports in the tables of reports.
        found: reports that findings tell of.
        mislabelled: reports that findings tell of under another label than the reports have.
        uneven: months whose findings say something else than their reports.
        recounted: months whose findings are to be counted again.
    """

    seen: int = 0
    found: int = 0
    mislabelled: int = 0
    uneven: tuple[int, ...] = ()
    recounted: tuple[int, ...] = ()


def read(server: clickhouse.Connection, seen: str, found: str) -> dict[int, StoredReports]:
    """Return the stored reports of each project that has some.

    Args:
        server: a connection of this thread.
        seen: the statement that gives project, month, label and number of reports.
        found: the statement that gives the same of findings.

    Raises:
        ClickHouseUnavailableError: ClickHouse did not answer.
    """
    waiting: dict[int, set[int]] = defaultdict(set)
    for month in due.months(server):
        waiting[month.project_id].add(month.month)
    reports, findings = _grouped(server.execute(seen)), _grouped(server.execute(found))
    return {
        project_id: compared(reports.get(project_id, {}), findings.get(project_id, {}), waiting[project_id])
        for project_id in {*reports, *findings, *waiting}
    }


def compared(reports: _Months, findings: _Months, recounted: Iterable[int] = ()) -> StoredReports:
    """Compare the reports of a project with what its findings tell of them."""
    left = sorted({*reports, *findings} - {*recounted})
    seen = {month: Counter(reports.get(month, {})) for month in {*reports, *findings}}
    found = {month: Counter(findings.get(month, {})) if month in left else seen[month] for month in seen}
    return StoredReports(
        seen=sum(labels.total() for labels in seen.values()),
        found=sum(labels.total() for labels in found.values()),
        mislabelled=sum(_mislabelled(seen[month], found[month]) for month in left),
        uneven=tuple(month for month in left if seen[month] != found[month]),
        recounted=tuple(sorted(recounted)),
    )


def _mislabelled(reports: Counter[_Label], findings: Counter[_Label]) -> int:
    """Return how many reports of a month are under another label, beside those that are missing."""
    return (reports - findings).total() - max(0, reports.total() - findings.total())


def _grouped(rows: Iterable[tuple[int, int, _Label, int]]) -> dict[int, _Months]:
    found: dict[int, _Months] = {}
    for project_id, month, label, reports in rows:
        found.setdefault(project_id, {}).setdefault(month, {})[label] = reports
    return found
