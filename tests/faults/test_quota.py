"""A quota holds to the report, over every minute wherever it begins, while the workers are being killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults import quota

if TYPE_CHECKING:
    from concurrent import futures

pytestmark = pytest.mark.faults

TOLERANCE = 1.01


def test_a_burst_gets_what_the_quota_grants_while_workers_die(minute: futures.Future[quota.Spent]) -> None:
    spent = minute.result()
    print(f"limit {quota.LIMIT}, fullest minute {spent.fullest}, {dict(spent.answers)}")  # noqa: T201 - what was measured
    assert spent.balanced
    assert 0.98 * quota.LIMIT <= spent.fullest <= quota.LIMIT * TOLERANCE
    assert spent.accepted.total() > quota.LIMIT * TOLERANCE  # tokens came back
    assert spent.answers["429"] >= quota.REFUSED
