"""Families told by shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workers.families import csp, expect_ct, expect_staple, hpkp, unknown
from workers.model import outcomes, report
from workers.reading import decode
from workers.stages import detect


def item_of(value: object) -> decode.Item:
    sent = json.dumps(value).encode()
    members = decode.members(sent)
    return sent if members is None else members


def detected(item: decode.Item, *, batch: bool) -> report.Item:
    found = detect.detect(item, batch=batch)
    assert not isinstance(found, report.Rejection)
    return found[1]


ALONE = [
    ({"csp-report": {"a": 1}}, csp.KIND),
    ({"csp-report": {}, "type": "csp-violation", "url": "x"}, csp.KIND),
    ({"csp-report": {}, "expect-ct-report": {}}, csp.KIND),
    ({"expect-ct-report": {}}, expect_ct.KIND),
    ({"hostname": "a", "scts": []}, expect_ct.KIND),
    ({"known-pins": []}, hpkp.KIND),
    ({"hostname": "a", "response-status": "MISSING", "known-pins": []}, hpkp.KIND),
    ({"hpkp-report": {}}, hpkp.KIND),
    ({"expect-staple-report": {}}, expect_staple.KIND),
    ({"hostname": "a", "response-status": "MISSING"}, expect_staple.KIND),
    ({"hostname": "a", "response_status": "MISSING"}, expect_staple.KIND),
    ({"hostname": "a", "responseStatus": "MISSING"}, expect_staple.KIND),
    ({"expect_ct_report": {}}, expect_ct.KIND),
    ({"cspReport": {}}, csp.KIND),
    ({"type": "csp-violation", "body": {}}, csp.KIND),
    ({"type": " CSP-Violation ", "body": {}}, csp.KIND),
    ({"type": "brand-new", "body": None}, unknown.KIND),
    ({"document-uri": "x"}, csp.KIND),
    ({"document-url": "x"}, csp.KIND),
    ({"blockedURI": "x", "type": "securitypolicyviolation"}, csp.KIND),
    ({"effectiveDirective": "x"}, csp.KIND),
    ({"csp-report": '{"a": 1}'}, csp.KIND),
    ({"type": "csp", "report": {}}, csp.KIND),
    ({"event": {"blockedURI": "x"}, "page": "x"}, csp.KIND),
    ({"hpkp": {"hostname": "x"}}, hpkp.KIND),
]


@pytest.mark.parametrize(("value", "kind"), ALONE)
def test_a_lone_object_is_told_by_its_members(value: dict[str, Any], kind: str) -> None:
    found = detect.detect(item_of(value), batch=False)
    assert not isinstance(found, report.Rejection)
    assert found[0].kind == kind


REJECTED: list[tuple[Any, bool, outcomes.Reason, str]] = [
    (None, False, outcomes.Reason.NOT_AN_OBJECT, ""),
    ([], True, outcomes.Reason.NOT_AN_OBJECT, ""),
    ({}, False, outcomes.Reason.UNRECOGNISED, ""),
    ({"a": 1}, False, outcomes.Reason.UNRECOGNISED, ""),
    ({"type": "crash"}, False, outcomes.Reason.UNRECOGNISED, ""),
    ({"type": 1, "body": {}}, False, outcomes.Reason.UNRECOGNISED, ""),
    ({"response-status": "MISSING"}, False, outcomes.Reason.UNRECOGNISED, ""),
    ({"csp-report": 0}, False, outcomes.Reason.NOT_AN_OBJECT, csp.KIND),
    ({"csp-report": "{no json"}, False, outcomes.Reason.NOT_AN_OBJECT, csp.KIND),
    ({"csp-report": None}, False, outcomes.Reason.NOT_AN_OBJECT, csp.KIND),
    ({"type": "csp-violation", "body": []}, True, outcomes.Reason.NOT_AN_OBJECT, csp.KIND),
    ({"type": "x", "body": "y"}, True, outcomes.Reason.NOT_AN_OBJECT, unknown.KIND),
    ({}, True, outcomes.Reason.NO_TYPE, ""),
    ({"type": " ", "body": {}}, True, outcomes.Reason.NO_TYPE, ""),
    ({"type": "  ", "body": {}}, False, outcomes.Reason.NO_TYPE, ""),
    ({"type": ["csp-violation"], "body": {}}, True, outcomes.Reason.NO_TYPE, ""),
    ({"csp-report": {}}, True, outcomes.Reason.NO_TYPE, ""),
]


@pytest.mark.parametrize(("value", "batch", "reason", "kind"), REJECTED)
def test_the_shapeless_is_rejected(value: object, batch: bool, reason: outcomes.Reason, kind: str) -> None:  # noqa: FBT001 - a column of the table
    rejection = detect.detect(item_of(value), batch=batch)
    assert isinstance(rejection, report.Rejection)
    assert (rejection.reason, rejection.kind) == (reason, kind)
    assert rejection.error


def test_the_item_comes_in_its_parts() -> None:
    value = {"type": "Csp-Violation", "body": {"a": 1}, "url": "u"}
    item = detected(item_of(value), batch=True)
    members = item_of(value)
    assert isinstance(members, dict)
    assert item == report.Item("csp-violation", {"a": b"1"}, members, "body")


def test_a_wrapper_beside_the_type_holds_the_body_in_an_array_too() -> None:
    value = {"type": "csp-violation", "csp-report": {"a": 1}, "url": "u"}
    assert detect.detect(item_of(value), batch=True) == detect.detect(item_of(value), batch=False)


def test_a_missing_body_is_an_empty_one() -> None:
    item = detected({"type": b'"crash"'}, batch=True)
    assert item.body == {}
    assert item.wrapper == ""


def test_a_long_type_is_cut() -> None:
    item = detected(item_of({"type": "x" * 1000}), batch=True)
    assert item.type == "x" * 128
