"""Equal items are judged once, and only equal ones."""

from __future__ import annotations

import json

import msgspec
import pytest

from tests.unit.workers import payloads
from workers import classify, decode, families, judge, outcomes, report
from workers.families import csp


def judged(*items: object, batch: bool = True) -> list[judge.Judged]:
    """Judge undecoded items by one judge."""
    one = judge.Judge()
    decoded = decode.decode(json.dumps(items).encode())
    assert isinstance(decoded, decode.Decoded)
    assert decoded.raw
    return [one.judge_raw(item, batch=batch) for item in decoded.items]


SHARED = [
    (payloads.modern(age=1), payloads.modern(age=2)),
    (payloads.modern(user_agent="a"), payloads.modern(user_agent="b")),
    (payloads.modern(originalPolicy="'nonce-a'"), payloads.modern(originalPolicy="'nonce-b'")),
    (payloads.modern(blockedURL="https://a.example/?a"), payloads.modern(blockedURL="https://a.example/?b")),
    (payloads.modern(url="https://a.example/#a"), payloads.modern(url="https://a.example/#b")),
    (payloads.legacy(referrer="https://a.example/?a"), payloads.legacy(referrer="https://a.example/?b")),
]


@pytest.mark.parametrize(("one", "other"), SHARED)
def test_equal_items_share_their_judgement(one: object, other: object) -> None:
    first, second = judged(one, other, batch="type" in one)
    assert first.judgement is second.judgement


APART = [
    (payloads.modern(lineNumber=1), payloads.modern(lineNumber=True)),
    (payloads.modern(sample="a?b"), payloads.modern(sample="a?c")),
    (payloads.modern(originalPolicy="report-uri /?a"), payloads.modern(originalPolicy="report-uri /?b")),
    (payloads.modern(blockedURL="https://a.example/?"), payloads.modern(blockedURL="https://a.example/")),
    (payloads.modern(age=True), payloads.modern(age=1)),
    (payloads.modern(user_agent=["a"]), payloads.modern(user_agent=["b"])),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_other_items_do_not(one: object, other: object) -> None:
    first, second = judged(one, other)
    assert first.judgement is not second.judgement


def test_the_same_text_is_judged_apart_in_and_out_of_a_batch() -> None:
    one = judge.Judge()
    (item,) = decode.decode(json.dumps(payloads.legacy()).encode()).items
    assert isinstance(one.judge_raw(item, batch=False).judgement, classify.Finding)
    assert isinstance(one.judge_raw(item, batch=True).judgement, report.Rejection)


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
    value = payloads.modern(age=sent)
    assert judged(value)[0].age == age or sent in (2**31, 10**12)
    assert judge.Judge().judge_value(value, batch=True).age in (age, judged(value)[0].age)


@pytest.mark.parametrize(
    ("sent", "user_agent"), [("a\0b", "ab"), ("x" * 999, "x" * 512), (["x"], ""), (None, "")]
)
def test_the_user_agent_is_bounded(sent: object, user_agent: str) -> None:
    value = payloads.modern(user_agent=sent)
    assert judged(value)[0].user_agent == user_agent
    assert judge.Judge().judge_value(value, batch=True).user_agent == user_agent


def test_an_item_keeps_the_members_that_were_taken_out_to_compare_it() -> None:
    (found,) = judged(payloads.modern(age=5))
    assert isinstance(found.judgement, classify.Finding)
    assert json.loads(found.judgement.raw)["age"] == 5
    assert json.loads(found.judgement.raw)["user_agent"] == payloads.CHROME


def test_a_rejected_value_has_no_age() -> None:
    assert judge.Judge().judge_value(1, batch=False)[1:] == (0, "")
    assert judged({"age": 5}, batch=True)[0][1:] == (0, "")


def test_an_item_that_is_no_json_inside_is_invalid() -> None:
    item = {"type": msgspec.Raw(b'"x"'), "body": msgspec.Raw(b'{"a":"\xff"}')}
    rejection = judge.Judge().judge_raw(item, batch=True).judgement
    assert isinstance(rejection, report.Rejection)
    assert rejection.reason is outcomes.Reason.NOT_JSON


def test_a_user_agent_that_is_no_json_is_left_to_the_decoder() -> None:
    item = {"type": msgspec.Raw(b'"x"'), "user_agent": msgspec.Raw(b'"\xff"')}
    assert isinstance(judge.Judge().judge_raw(item, batch=True).judgement, report.Rejection)


def test_a_defect_costs_one_report(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(item: report.Item) -> report.Report:
        raise ZeroDivisionError(item.type)

    broken = msgspec.structs.replace(csp.FAMILY, normalise=fail)
    monkeypatch.setitem(families.BY_TYPE, "csp-violation", broken)
    tables = payloads.process(payloads.payload([payloads.modern(), {"type": "x", "body": {}}]))
    assert payloads.verdicts(tables) == {("accepted", ""): 1, ("invalid", "defect"): 1}
    assert tables.quarantine["error"] == ["ZeroDivisionError: csp-violation"]
