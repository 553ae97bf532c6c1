"""Reports as they really come: each request with a known right answer becomes what it should."""

from __future__ import annotations

from typing import Final

import pytest

from tests.helpers import cases

CASES: Final = cases.read("cases.jsonl")
RESULTS: Final = {case.id: cases.process(case) for case in CASES}


@pytest.mark.parametrize("case", cases.parameters(CASES))
def test_a_report_becomes_what_it_should(case: cases.Case) -> None:
    assert cases.wrongs(case, RESULTS) == []
