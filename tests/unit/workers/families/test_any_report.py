"""Whatever the members of a report hold, it becomes a row or a rejection; it breaks nothing."""

from __future__ import annotations

import json

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.helpers import payloads, strategies
from workers import families
from workers.model import outcomes


def test_every_family_has_its_shapes() -> None:
    assert set(strategies.BODIES_BY_TYPE) >= set(families.BY_TYPE)
    assert set(strategies.WRAPPED) >= {wrapper for family in families.ALL for wrapper in family.wrappers}


@pytest.mark.parametrize("shape", strategies.FAMILIES)
@strategies.more_examples(0.4)
@hypothesis.given(st.data())
def test_no_member_breaks_its_family(shape: str, data: st.DataObject) -> None:
    report = data.draw(strategies.FAMILIES[shape])
    batch = [payloads.payload(json.dumps(body).encode()) for body in (report, [report, report])]
    tables = payloads.process(*batch)
    payloads.assert_balanced(tables)
    assert outcomes.Reason.DEFECT.value not in tables.outcomes["reason"]
    for row in payloads.rows(tables.reports):
        payloads.assert_storable(row)
