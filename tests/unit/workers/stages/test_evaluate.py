"""Items are evaluated one by one, and none can take the others with it."""

from __future__ import annotations

import json

import msgspec
import pytest

from tests.helpers import payloads
from workers import families
from workers.families import csp
from workers.model import outcomes, report
from workers.reading import decode
from workers.stages import classify, evaluate, state


def evaluated(*items: object) -> evaluate.Evaluation:
    return evaluate.evaluate_payload(json.dumps(items).encode())


def only(item: object) -> classify.Finding:
    ((_, finding),) = evaluated(item).findings
    return finding


def test_items_keep_their_position() -> None:
    found = evaluated(1, payloads.modern(), {"type": "crash"}, "x")
    assert [position for position, _ in found.findings] == [1, 2]
    assert [item for _, item in found.invalid] == [b"1", b'"x"']
    assert sum(found.outcome_counts.values()) == 4


def test_what_is_filtered_is_not_invalid() -> None:
    found = evaluated({"expect-ct-report": {"test-report": True}})
    assert (found.findings, found.invalid, found.whole) == ([], [], None)
    assert found.outcome_counts == {("expect-ct", "filtered", "test_report"): 1}


def test_the_same_item_is_evaluated_apart_in_and_out_of_a_batch() -> None:
    decoded = decode.decode(json.dumps(payloads.legacy()).encode())
    assert not isinstance(decoded, report.Rejection)
    (item,) = decoded.items
    alone, listed = (state.ItemState(item, batch) for batch in (False, True))
    evaluate.evaluate_items([alone, listed])
    assert isinstance(alone.result, classify.Finding)
    assert alone.rejection is None
    assert listed.rejection is listed.result


@pytest.mark.parametrize(
    ("sent", "age"),
    [
        (0, 0),
        (15, 15),
        (2**31, 0),
        (10**12, 0),
        (604_800_001, 604_800_000),
        ("12", 12),
        (7.0, 7),
        (-5, 0),
        (None, 0),
    ],
)
def test_the_age_is_bounded(sent: object, age: int) -> None:
    assert only(payloads.modern(age=sent)).report.age == age


@pytest.mark.parametrize(
    ("sent", "user_agent"), [("a\0b", "ab"), ("x" * 999, "x" * 512), (["x"], ""), (None, "")]
)
def test_the_user_agent_is_bounded(sent: object, user_agent: str) -> None:
    assert only(payloads.modern(user_agent=sent)).report.user_agent == user_agent


def test_an_item_keeps_its_envelope() -> None:
    assert json.loads(only(payloads.modern(age=5)).raw) == payloads.modern(age=5)


@pytest.mark.parametrize("number", ["1" * 5000, "1e999"])
def test_a_number_beyond_all_bounds_nulls_its_field(number: str) -> None:
    body = json.dumps([payloads.modern(lineNumber=7, extra=7)]).replace("7", number)
    ((_, finding),) = evaluate.evaluate_payload(body.encode()).findings
    assert finding.report.line == 0
    assert finding.report.details == {"nulled": "line"}
    assert json.loads(finding.raw)["body"]["extra"] is None


def test_a_defect_costs_one_report(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(item: report.Item) -> report.Report:
        raise ZeroDivisionError(item.type)

    broken = msgspec.structs.replace(csp.FAMILY, normalise=fail)
    monkeypatch.setitem(families.BY_TYPE, "csp-violation", broken)
    tables = payloads.process(payloads.payload([payloads.modern(), {"type": "x", "body": {}}]))
    assert payloads.outcome_counts(tables) == {("accepted", ""): 1, ("invalid", "defect"): 1}
    (error,) = tables.quarantine["error"]
    assert error.startswith("ZeroDivisionError in workers/stages/test_evaluate.py, line ")


@pytest.mark.parametrize("error", [MemoryError(), OSError("disk"), ImportError("gone")], ids=repr)
def test_an_error_of_the_surroundings_costs_no_report(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_item: report.Item) -> report.Report:
        raise error

    monkeypatch.setitem(
        families.BY_TYPE, "csp-violation", msgspec.structs.replace(csp.FAMILY, normalise=fail)
    )
    with pytest.raises(type(error)):
        payloads.process(payloads.payload([payloads.modern()]))


def test_a_payload_without_any_json_is_one_rejection() -> None:
    found = evaluate.evaluate_payload(b"nope")
    assert found.whole
    assert found.whole.reason is outcomes.Reason.NOT_JSON
    assert list(found.outcome_counts.values()) == [1]
