"""Most requests with a known right answer become what they should; nothing of a site is noise."""

from __future__ import annotations

import functools
from typing import Final

from tests import accuracy
from tests.helpers import cases

LEAST: Final = 0.97
"""The share that must come right."""
SHARED: Final = frozenset(case.id for case in cases.read("cases.jsonl"))
"""Cases whose source is in their own words."""


@functools.cache
def measured() -> accuracy.Measured:
    return accuracy.measure()


def test_nothing_of_a_site_is_taken_for_noise() -> None:
    assert [(wrong.case.id, wrong.wrongs) for wrong in measured().wrong if wrong.hides] == []


def test_most_requests_become_what_they_should() -> None:
    assert measured().accuracy >= LEAST, "\n".join(accuracy.table(measured()))


def test_ids_are_unique_and_each_label_has_its_source() -> None:
    read = measured().read
    assert len({case.id for case in read}) == len(read)
    assert [case.id for case in read if not case.source and case.id not in SHARED] == []
