"""What could not be understood is kept."""

from __future__ import annotations

import json

import pytest

from storage import envelope
from tests.unit.workers import payloads
from workers import pipeline, quarantine

NOW = payloads.NOW_MS


def test_each_invalid_item_is_kept_with_its_text() -> None:
    good = payloads.modern()
    body = [good, None, 1, "x", [], {}, {"type": "csp-violation", "age": 5, "body": {}}]
    tables = payloads.process(payloads.payload(body))
    kept = payloads.rows(tables.quarantine)
    assert [(row["reason"], json.loads(row["raw"])) for row in kept] == [
        ("not_an_object", None),
        ("not_an_object", 1),
        ("not_an_object", "x"),
        ("not_an_object", []),
        ("no_type", {}),
        ("no_directive", body[6]),
    ]
    assert {(row["received"], row["receipt"], row["project_id"]) for row in kept} == {
        (NOW, f"3-{NOW}-0-0", 1)
    }
    assert tables.found == {1: 7}
    payloads.assert_balanced(tables)


def test_an_undecoded_item_is_kept_as_it_was() -> None:
    tables = payloads.process(payloads.payload(b'[{"type":"csp-violation","age":5,"body":{"a":1e2}}]'))
    assert tables.quarantine["raw"] == [b'{"type":"csp-violation","age":5,"body":{"a":1e2}}']


@pytest.mark.parametrize(("body", "reason"), [(b"nope", "not_json"), (b"null", "not_a_report")])
def test_an_unreadable_payload_is_kept_whole_and_counts_one(body: bytes, reason: str) -> None:
    tables = payloads.process(payloads.payload(body))
    assert payloads.verdicts(tables) == {("invalid", reason): 1}
    assert tables.quarantine["raw"] == [body]
    assert tables.found == tables.payloads == {1: 1}


def test_each_receipt_finds_its_verdict() -> None:
    bad, good = payloads.payload(b"nope"), payloads.payload(payloads.legacy())
    entries = [envelope.Entry("10-0", [bad, good, bad]), envelope.Entry("20-1", [bad])]
    tables = pipeline.process(3, entries, pipeline.Plan())
    assert tables.quarantine["receipt"] == ["3-10-0-0", "3-10-0-2", "3-20-1-0"]
    assert tables.quarantine["received"] == [10, 10, 20]


def test_items_beyond_the_limit_are_counted_and_the_payload_kept() -> None:
    payload = payloads.payload([payloads.modern()] * 305)
    tables = payloads.process(payload)
    assert payloads.verdicts(tables) == {("accepted", ""): 300, ("invalid", "too_many"): 5}
    assert [(row["reason"], row["raw"]) for row in payloads.rows(tables.quarantine)] == [
        ("too_many", payload.body)
    ]
    payloads.assert_balanced(tables)


@pytest.mark.parametrize(("surplus", "reason"), [(0, "not_an_object"), (5, "too_many")])
def test_a_payload_with_many_invalid_items_is_kept_whole(surplus: int, reason: str) -> None:
    count = 300 + surplus if surplus else quarantine.MAX_ITEMS + 1
    payload = payloads.payload([1] * count)
    tables = payloads.process(payload)
    assert [(row["reason"], row["raw"]) for row in payloads.rows(tables.quarantine)] == [
        (reason, payload.body)
    ]
    assert tables.found == {1: count}
    payloads.assert_balanced(tables)
