"""The catalogue of refusals, as a whole."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest

from ingest import refusals

CATALOGUE = {name: entry for name, entry in vars(refusals).items() if isinstance(entry, refusals.Refusal)}


@pytest.mark.parametrize("refusal", CATALOGUE.values(), ids=CATALOGUE)
def test_a_refusal_is_one_sentence(refusal: refusals.Refusal) -> None:
    assert json.loads(refusal.content)["detail"].endswith(".")
    assert refusal.headers["content-type"] == "application/json"


@pytest.mark.parametrize("refusal", CATALOGUE.values(), ids=CATALOGUE)
def test_only_a_refusal_for_now_says_when_to_come_back(refusal: refusals.Refusal) -> None:
    retry_after = refusal.headers.get("retry-after")
    for_now = refusal.status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
    assert (retry_after is not None) == for_now
    assert retry_after is None or retry_after.isdigit()


def test_a_method_that_is_not_allowed_is_told_which_are() -> None:
    assert refusals.METHOD.headers["allow"] == "POST, OPTIONS"


def test_reasons_are_distinct_words() -> None:
    reasons = [refusal.reason for refusal in CATALOGUE.values()]
    assert len(set(reasons)) == len(reasons)
    assert all(reason.replace("_", "").isalpha() for reason in reasons)
