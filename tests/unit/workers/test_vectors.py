"""Every recorded payload shape becomes what its expectation says."""

from __future__ import annotations

from typing import Any

import pytest

from storage.text import lenient
from tests.helpers import paths, payloads, recorded
from tests.unit.workers.families import kinds

TABLES = paths.DOCS / "query" / "tables.md"
SECRETS = ("SECRET", "card_last4", "user:pw", "id_token", "access_token")

OTHERWISE = {
    # Broken text costs no report.
    "bad-latin1": {("accepted", ""): 1},
    "bad-utf8-surrogate-bytes": {("accepted", ""): 1},
    # A project names no expected hosts, so none is unexpected.
    "ect-host-unknown": {("accepted", ""): 1},
    # A number that no decoder takes nulls its field.
    "bad-bigint-5000": {("accepted", ""): 1},
}

WELL_KNOWN = {
    "csp-report-uri": "csp",
    "csp-violation": "csp",
    "csp-noise": "csp",
    "expect-ct": "expect-ct",
    "expect-staple": "expect-staple",
    "hpkp": "hpkp",
    **kinds.KINDS,
    "unknown-type": "unknown",
}
"""Kind of the rows by kind of the vector."""


def _is_json(body: bytes) -> bool:
    try:
        lenient.require_container(body)
    except lenient.NotJSONError:
        return False
    return True


@pytest.mark.parametrize(("vector", "body"), recorded.cases())
def test_vector_becomes_what_it_says(vector: dict[str, Any], body: bytes) -> None:
    tables = payloads.process(payloads.payload(body))
    payloads.assert_balanced(tables)
    expect = vector["expect"]
    if vector["id"] in OTHERWISE:
        assert payloads.outcome_counts(tables) == OTHERWISE[vector["id"]]
        return
    if not _is_json(body):  # the edge answers 400, so nothing of it is ever found
        assert payloads.outcome_counts(tables) in (
            {("invalid", "not_json"): 1},
            {("invalid", "not_a_report"): 1},
        )
        assert expect["good"] == 0
        return
    assert sum(tables.found.values()) == expect["reports"]
    assert sum(tables.reports["seen"]) == expect["good"]


@pytest.mark.parametrize(("vector", "body"), recorded.cases(lambda vector: vector["kind"] in WELL_KNOWN))
def test_vector_has_its_kind(vector: dict[str, Any], body: bytes) -> None:
    found = set(payloads.process(payloads.payload(body)).reports["kind"])
    assert found <= {WELL_KNOWN[vector["kind"]]}


@pytest.mark.parametrize(("vector", "body"), recorded.cases(lambda vector: "directive" in vector["expect"]))
def test_vector_has_its_directive(vector: dict[str, Any], body: bytes) -> None:
    reports = payloads.process(payloads.payload(body)).reports
    assert set(reports["directive"]) == {vector["expect"]["directive"]}


@pytest.mark.parametrize(("vector", "body"), recorded.cases())
def test_nothing_secret_or_unprintable_is_stored(vector: dict[str, Any], body: bytes) -> None:
    del vector
    for row in payloads.rows(payloads.process(payloads.payload(body)).reports):
        stored = "\n".join(str(value) for value in row.values())
        assert [secret for secret in SECRETS if secret in stored] == []
        assert not any((ord(char) < 32 and char != "\n") or 127 <= ord(char) < 160 for char in stored)
        stored.encode()


def test_all_vectors_in_one_batch() -> None:
    batch = [payloads.payload(one.body) for one in recorded.READABLE]
    together = payloads.process(*batch)
    payloads.assert_balanced(together)
    apart = [payloads.process(one) for one in batch]
    assert sum(together.reports["seen"]) == sum(sum(one.reports["seen"]) for one in apart)


def test_every_detail_is_documented() -> None:
    documented = TABLES.read_text("utf-8")
    batch = [payloads.payload(one.body) for one in recorded.READABLE]
    keys = {key for details in payloads.process(*batch).reports["details"] for key in details}
    assert [key for key in sorted(keys) if f"`{key}`" not in documented] == []
