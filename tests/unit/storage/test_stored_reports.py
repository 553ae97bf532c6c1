"""What findings tell of stored reports is compared month by month and label by label."""

from __future__ import annotations

import pytest

from storage.ledger import stored_reports
from storage.ledger.stored_reports import StoredReports

REAL, NOISE, IMPOSSIBLE = ("", 0), ("own", 0), ("", 1)
OCTOBER, NOVEMBER = 202610, 202611

Months = dict[int, dict[tuple[str, int], int]]


@pytest.mark.parametrize(
    ("reports", "findings", "expected"),
    [
        ({}, {}, StoredReports()),
        ({OCTOBER: {REAL: 5, NOISE: 2}}, {OCTOBER: {NOISE: 2, REAL: 5}}, StoredReports(7, 7)),
        ({OCTOBER: {REAL: 5}}, {}, StoredReports(5, 0, 0, (OCTOBER,))),
        ({}, {OCTOBER: {REAL: 5}}, StoredReports(0, 5, 0, (OCTOBER,))),
        ({OCTOBER: {REAL: 5}}, {OCTOBER: {NOISE: 5}}, StoredReports(5, 5, 5, (OCTOBER,))),
        ({OCTOBER: {REAL: 5, NOISE: 1}}, {OCTOBER: {IMPOSSIBLE: 4}}, StoredReports(6, 4, 4, (OCTOBER,))),
        ({OCTOBER: {REAL: 5}}, {NOVEMBER: {REAL: 5}}, StoredReports(5, 5, 0, (OCTOBER, NOVEMBER))),
        (
            {OCTOBER: {REAL: 5}, NOVEMBER: {REAL: 3}},
            {OCTOBER: {NOISE: 5}, NOVEMBER: {REAL: 3}},
            StoredReports(8, 8, 5, (OCTOBER,)),
        ),
    ],
)
def test_findings_are_compared_with_reports(
    reports: Months, findings: Months, expected: StoredReports
) -> None:
    assert stored_reports.compared(reports, findings) == expected


def test_reports_stand_for_findings_that_are_to_be_counted_again() -> None:
    reports = {OCTOBER: {REAL: 5}, NOVEMBER: {REAL: 3}}
    findings = {OCTOBER: {NOISE: 9}, NOVEMBER: {REAL: 2}}
    found = stored_reports.compared(reports, findings, [OCTOBER])
    assert found == StoredReports(8, 7, 0, (NOVEMBER,), (OCTOBER,))
    assert stored_reports.compared({}, {}, [OCTOBER]) == StoredReports(recounted=(OCTOBER,))
