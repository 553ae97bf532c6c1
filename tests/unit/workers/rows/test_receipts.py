"""The table ``receipts``: each payload of a batch has its outcomes, at its own place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given

from storage.queue import envelope
from tests.helpers import payloads, strategies
from workers import pipeline
from workers.model import batch_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD = payloads.payload(payloads.legacy())
BAD = payloads.payload(b"nope")
MIXED = payloads.payload([payloads.modern(), {"type": 7}, payloads.modern(), "no report", {"type": 8}])


def outcomes_of_payloads(tables: pipeline.Tables) -> Iterator[tuple[str, int, dict[tuple[str, str], int]]]:
    """Yield receipt, accepted reports, and the others by outcome and reason, of each payload."""
    for row in payloads.rows(tables.receipts):
        for index, accepted in enumerate(row["accepted"]):
            receipt = f"{row['shard']}-{row['ms']}-{row['seq']}-{index}"
            yield receipt, accepted, rejected(row, index)


def rejected(row: dict[str, Any], index: int) -> dict[tuple[str, str], int]:
    names = ("rejected_payload", "rejected_outcome", "rejected_reason", "rejected_reports")
    each = zip(*(row[name] for name in names), strict=True)
    return {(outcome, reason): reports for payload, outcome, reason, reports in each if payload == index}


def test_each_payload_has_its_verdict_at_its_place() -> None:
    entries = [
        envelope.Entry("1790000000000-0", [GOOD, BAD]),
        envelope.Entry("1790000000000-1", [MIXED, GOOD]),
    ]
    tables = pipeline.process(3, entries, batch_plan.Plan())
    no_type, no_object = ("invalid", "no_type"), ("invalid", "not_an_object")
    assert list(outcomes_of_payloads(tables)) == [
        ("3-1790000000000-0-0", 1, {}),
        ("3-1790000000000-0-1", 0, {("invalid", "not_json"): 1}),
        ("3-1790000000000-1-0", 2, {no_type: 2, no_object: 1}),
        ("3-1790000000000-1-1", 1, {}),
    ]
    first, second = payloads.rows(tables.receipts)
    assert first["fingerprint"] == (tables.reports["fingerprint"][0], 0)
    assert all(second["fingerprint"])
    assert second["project_id"] == (1, 1)


def test_filtered_reports_are_told_from_invalid_ones() -> None:
    test_report = payloads.payload({"expect-ct-report": {"test-report": True}})
    ((_, accepted, others),) = outcomes_of_payloads(payloads.process(test_report))
    assert (accepted, others) == (0, {("filtered", "test_report"): 1})


def test_poison_has_a_verdict_too() -> None:
    plan = batch_plan.Plan(poison={f"3-{payloads.NOW_MS}-0-1": "It crashed."})
    found = [
        (accepted, others)
        for _, accepted, others in outcomes_of_payloads(payloads.process(GOOD, GOOD, plan=plan))
    ]
    assert found == [(1, {}), (0, {("invalid", "poison"): 1})]


def test_an_entry_without_payloads_is_a_row_too() -> None:
    tables = pipeline.process(3, [envelope.Entry("1-0", [])], batch_plan.Plan())
    assert [row["accepted"] for row in payloads.rows(tables.receipts)] == [()]


@given(strategies.ENTRIES, strategies.PLANS)
def test_the_verdicts_add_up_to_the_outcomes(entries: list[envelope.Entry], plan: batch_plan.Plan) -> None:
    distinct = list({entry.id: entry for entry in entries}.values())
    tables = pipeline.process(3, distinct, plan)
    every = list(outcomes_of_payloads(tables))
    assert [receipt for receipt, _, _ in every] == [
        envelope.receipt(3, entry.id, index) for entry in distinct for index in range(len(entry.payloads))
    ]
    by_outcome = list(zip(tables.outcomes["outcome"], tables.outcomes["quantity"], strict=True))
    accepted = sum(quantity for outcome, quantity in by_outcome if outcome == "accepted")
    assert sum(count for _, count, _ in every) == accepted
    others = sum(quantity for _, quantity in by_outcome) - accepted
    assert sum(sum(reasons.values()) for _, _, reasons in every) == others
