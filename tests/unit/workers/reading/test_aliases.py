"""Every name that a report ever had leads to the same row."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import cases, payloads, recorded
from workers import families
from workers.families import unknown
from workers.reading import aliases, decode, fields

CASES: Final = cases.read("named.jsonl")
RESULTS: Final = {case.id: cases.process(case) for case in CASES}
SAME: Final = ("kind", "directive", "blocked", "document", "source_file", "line", "disposition", "title")


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_a_report_is_known_by_each_of_its_names(case: cases.Case) -> None:
    assert cases.wrongs(case, RESULTS) == []


def test_every_alias_is_of_a_family() -> None:
    assert set(aliases.TYPES.values()) <= set(families.BY_TYPE)
    assert {name for name, _, _ in aliases._MARKS} <= set(families.BY_TYPE)


@pytest.mark.parametrize("name", sorted(set(families.BY_TYPE) - {"csp"}))
def test_a_type_is_its_own_alias(name: str) -> None:
    assert aliases.type_of(name) == name
    spelled = {
        name.upper(),
        name.replace("-", "_"),
        name.title().replace("-", ""),
        f"{name}-report",
        f" {name}",
    }
    assert {aliases.type_of(spelling) for spelling in spelled} == {name}


@pytest.mark.parametrize(
    "name", ["", "test", "report", "violation", "csp-foo", "body", "x" * 200, "é", "network"]
)
def test_any_other_type_stays_what_it_is(name: str) -> None:
    assert aliases.type_of(name) == name


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("documentURI", "documenturl"),
        ("document_url", "documenturl"),
        ("Document-Uri", "documenturl"),
        ("é", ""),
    ],
)
def test_spellings_are_folded(name: str, folded: str) -> None:
    assert fields.folded(name) == folded


_TOLD: Final = frozenset(
    {"coep", "coop", "network-error", "csp-hash", "integrity-violation", "csp-violation"}
)
BATCHES: Final = [
    (one.vector, json.loads(one.body))
    for one in recorded.READABLE
    if one.body[:2] == b"[{" and one.vector["valid"] and not one.vector.get("lenient")
]


def rows_of(value: object) -> list[payloads.Row]:
    return payloads.rows(payloads.process(payloads.payload(json.dumps(value).encode())).reports)


def respelled(body: dict[str, Any], spell: Any) -> dict[str, Any]:
    return {spell(name): value for name, value in body.items()}


SPELLINGS: Final = {
    "capitals": str.upper,
    "small": str.lower,
    "underscores": lambda name: "".join(f"_{each.lower()}" if each.isupper() else each for each in name),
    "uri": lambda name: name.replace("URL", "URI"),
    "url": lambda name: name.replace("URL", "Url"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_spelling_of_recorded_members_is_read(spelling: str) -> None:
    tried = 0
    for vector, batch in BATCHES:
        for item in batch:
            if not isinstance(item, dict) or not isinstance(item.get("body"), dict):
                continue
            found = rows_of([item]), rows_of([{**item, "body": respelled(item["body"], SPELLINGS[spelling])}])
            as_sent, respelled_rows = ([[row[column] for column in SAME] for row in rows] for rows in found)
            assert as_sent == respelled_rows, vector["id"]
            tried += len(as_sent)
    assert tried > 20


@pytest.mark.parametrize("kind", sorted(_TOLD))
def test_recorded_items_are_told_without_their_type(kind: str) -> None:
    tried = 0
    for vector, batch in BATCHES:
        if vector["kind"] != kind or any(
            not isinstance(each, dict) or not each.get("body") for each in batch
        ):
            continue
        untyped = [{name: value for name, value in item.items() if name != "type"} for item in batch]
        assert [row["kind"] for row in rows_of(untyped)] == [row["kind"] for row in rows_of(batch)], vector[
            "id"
        ]
        tried += 1
    assert tried


@given(
    st.dictionaries(
        st.sampled_from(sorted({name for family in families.ALL for name in family.names})), st.just(b'"x"')
    ),
    st.booleans(),
)
def test_whatever_members_tell_is_a_type(members: dict[str, bytes], enveloped: bool) -> None:  # noqa: FBT001 - drawn
    name = aliases.told_by(members, enveloped=enveloped)
    assert name == "" or families.BY_TYPE[name] is not unknown.FAMILY


def test_a_list_of_reports_is_bounded_like_an_array() -> None:
    found = decode.decode(json.dumps({"csp": [{"directive": "img-src"}] * 400}).encode())
    assert isinstance(found, decode.DecodedBody)
    assert (len(found.items), found.left_out) == (decode.MAX_ITEMS, 400 - decode.MAX_ITEMS)


@pytest.mark.parametrize(
    "body", [{"reports": 1}, {"reports": []}, {"hpkp": ["x"]}, {"csp": [1, None, [2]]}, {"data": "x"}]
)
def test_a_list_of_something_else_is_no_report(body: dict[str, Any]) -> None:
    tables = payloads.process(payloads.payload(json.dumps(body).encode()))
    payloads.assert_balanced(tables)
    assert tables.reports["kind"] == []


OTHERS: Final[list[dict[str, Any]]] = [
    {"id": "x", "message": "hello"},
    {"id": 3, "message": "hello", "level": "info"},
    {"report": {"id": 1, "message": "m"}},
    {"body": {"id": 1, "message": "m"}},
    {"hash": "abc", "destination": "Paris"},
    {"elapsed_time": 3, "page": "x"},
    {"type": "loading", "phase": "start"},
    {"policy_id": "p", "user": 3},
    {"connection": "wifi", "allowlist": []},
    {"destination": "script", "report_only": True},
    {"visibility_state": "visible"},
    {"type": "navigation", "to": "/cart"},
    {"type": "crash", "game": "x"},
    {"type": "integrity", "value": 3},
    {"nel": {"report_to": "x"}},
    {"csp": {"default-src": ["self"]}},
    {"crash": {"id": 3}},
    {"intervention": {}},
    {"events": [{"type": "click", "x": 1}]},
    {"data": [{"id": "1", "message": "m", "type": "x"}]},
    {"items": [{"id": "1", "message": "m"}, {"id": "2", "message": "m"}]},
]


@pytest.mark.parametrize("body", OTHERS, ids=json.dumps)
def test_what_other_programs_send_is_no_report(body: dict[str, Any]) -> None:
    tables = payloads.process(payloads.payload(json.dumps(body).encode()))
    payloads.assert_balanced(tables)
    assert tables.reports["kind"] == []
    assert set(tables.outcomes["reason"]) == {"unrecognised"}


AROUND: Final = {"age": 1, "url": "https://shop.example/"}
TOLD: Final[list[tuple[dict[str, Any], str]]] = [
    ({**AROUND, "body": {"id": "x", "message": "m"}}, "intervention"),
    ({**AROUND, "body": {"reason": "oom"}}, "crash"),
    ({**AROUND, "body": {"id": "x", "anticipatedRemoval": None, "reason": "oom"}}, "deprecation"),
    ({**AROUND, "body": {"destination": "script", "reportOnly": True, "hash": "x"}}, "integrity"),
    ({**AROUND, "body": {"type": "navigation-to-response", "effectivePolicy": "x", "phase": "x"}}, "coop"),
    ({**AROUND, "body": {"type": "dns.name_not_resolved", "phase": "dns"}}, "nel"),
    ({**AROUND, "body": {"type": "corp", "disposition": "enforce"}}, "coep"),
    ({"id": "x", "message": "m", "sourceFile": "https://shop.example/a.js"}, "intervention"),
    ({"type": "dns.unreachable", "phase": "dns", "protocol": "h2", "method": "GET"}, "nel"),
    ({"type": "corp", "blockedURL": "https://a.example/"}, "coep"),
    (
        {"featureId": "camera", "sourceFile": "https://shop.example/a.js", "disposition": "enforce"},
        "permissions-policy",
    ),
    ({"network-error": {"type": "http.error"}}, "nel"),
    ({"reports": [None, {"type": "crash", "body": {}}]}, "crash"),
    ({"reports": [{"csp-report": {"effective-directive": "img-src", "blocked-uri": "data"}}]}, "csp"),
    ({"queue": ['{"type": "crash", "body": {"reason": "oom"}}']}, "crash"),
]


@pytest.mark.parametrize(("body", "kind"), TOLD, ids=str)
def test_an_item_without_a_type_is_told_by_its_members(body: dict[str, Any], kind: str) -> None:
    assert [row["kind"] for row in rows_of(body)] == [kind]
    assert [row["kind"] for row in rows_of([body])] == [kind] or "body" not in body


def test_long_names_are_read_at_once() -> None:
    long = f"{'report' * 150_000}x"
    bodies: list[dict[str, Any]] = [
        {long: [1]},
        {"reports": [{long: {}, "type": long}]},
        {"type": long, "body": {}},
        {long: {}},
    ]
    for body in bodies:
        payloads.assert_balanced(payloads.process(payloads.payload(json.dumps(body).encode())))
