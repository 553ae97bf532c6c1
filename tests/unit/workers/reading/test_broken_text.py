"""Reports whose text is broken, in any place: each is kept, and told from no other but by its text."""

from __future__ import annotations

import gzip
import json
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.body import coding
from storage.text import charsets, lenient
from tests.helpers import payloads, recorded
from workers.explain import explain

BROKEN: Final = (
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xe2\x82",
    b"\xf0\x9f\x98",
    b"\\ud83d",
    b"\\u12",
    b"\x02",
)
PLACE: Final = "@@"
PAGE: Final = "https://shop.example/cart"
LEGACY: Final = {
    "document-uri": PAGE,
    "effective-directive": "script-src-elem",
    "blocked-uri": "inline",
    "disposition": "enforce",
}


def rows(body: bytes, content_type: str = "") -> list[payloads.Row]:
    tables = payloads.process(payloads.payload(body, content_type=content_type))
    payloads.assert_balanced(tables)
    return payloads.rows(tables.reports)


def with_broken(value: object, broken: bytes) -> bytes:
    return json.dumps(value).encode().replace(PLACE.encode(), broken)


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_sample_costs_no_report(broken: bytes) -> None:
    (row,) = rows(with_broken({"csp-report": {**LEGACY, "script-sample": f"var t='{PLACE}"}}, broken))
    assert row["title"] == "Blocked inline script"
    assert row["details"] == {"mended": "sample"}
    assert row["sample"].startswith("var t='\ufffd")


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ("document-uri", "document"),
        ("source-file", "source_file"),
        ("original-policy", "policy"),
        ("referrer", "referrer"),
        ("script-sample", "sample"),
    ],
)
@pytest.mark.parametrize("broken", BROKEN)
def test_the_details_name_the_field(member: str, field: str, broken: bytes) -> None:
    (row,) = rows(with_broken({"csp-report": {**LEGACY, member: f"{PAGE}/{PLACE}"}}, broken))
    assert row["details"]["mended"] == field
    assert row["directive"] == "script-src-elem"


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_name_costs_its_member_alone(broken: bytes) -> None:
    (row,) = rows(with_broken({"csp-report": {**LEGACY, f"{PLACE}x": 1}}, broken))
    assert row["blocked"] == "inline"
    assert row["details"] == {}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_batch_names_the_fields_of_each_report(broken: bytes) -> None:
    body = {"effectiveDirective": "img-src", "blockedURL": "data", "sample": f"a{PLACE}"}
    other = {"id": "x", "message": f"m{PLACE}", "sourceFile": PAGE}
    found = rows(
        with_broken(
            [
                {"type": "csp-violation", "url": PAGE, "body": body},
                {"type": "deprecation", "url": PAGE, "body": other},
                {"type": "intervention", "url": PAGE, "body": {"id": "y", "message": "m"}},
            ],
            broken,
        )
    )
    assert [row["details"].get("mended") for row in found] == ["sample", "message", None]


def test_what_came_replaced_is_not_called_mended() -> None:
    (row,) = rows(json.dumps({"csp-report": {**LEGACY, "script-sample": "caf\ufffd"}}).encode())
    assert row["details"] == {}


def test_a_charset_that_is_declared_mends_all() -> None:
    body = json.dumps({"csp-report": {**LEGACY, "script-sample": "café"}}, ensure_ascii=False).encode(
        "latin-1"
    )
    (declared,) = rows(body, "application/csp-report; charset=ISO-8859-1")
    (undeclared,) = rows(body, "application/csp-report")
    assert (declared["sample"], declared["details"]) == ("café", {})
    assert (undeclared["sample"], undeclared["details"]) == ("caf\ufffd", {"mended": "sample"})
    explained = explain.explain(body, content_type="application/csp-report; charset=ISO-8859-1")
    assert explained.rows[0]["sample"] == "café"
    assert explain.explain(body).rows[0]["details"] == {"mended": "sample"}


@pytest.mark.parametrize(
    "pair", [(b"\xc0\xaf", b"\xff"), (b"\xed\xa0\x80", b"\\ud83d"), (b"\xe2\x82", b"\x02")]
)
def test_other_broken_bytes_are_the_same_finding(pair: tuple[bytes, bytes]) -> None:
    found = {
        row["fingerprint"]
        for broken in pair
        for row in rows(
            with_broken({"csp-report": {**LEGACY, "script-sample": f"track({PLACE}).go()"}}, broken)
        )
    }
    assert len(found) == 1


def _is_taken(body: bytes, charset: str) -> bool:
    try:
        lenient.require_container(body, charset)
    except lenient.NotJSONError:
        return False
    return True


@given(
    one=st.sampled_from(recorded.READABLE),
    broken=st.lists(st.sampled_from(BROKEN) | st.binary(min_size=1, max_size=3), min_size=1, max_size=4),
    at=st.lists(st.floats(0, 1), min_size=4, max_size=4),
    content_type=st.sampled_from(
        ["", "application/json; charset=latin1", "a/b;charset=gbk", "a/b;charset=sjis"]
    ),
)
def test_what_the_edge_takes_is_rows_or_has_a_reason(
    one: recorded.Recorded, broken: list[bytes], at: list[float], content_type: str
) -> None:
    body = one.body[:20_000]
    for piece, where in zip(broken, at, strict=False):
        cut = int(where * len(body))
        body = body[:cut] + piece + body[cut:]
    packed = gzip.compress(body)
    assert coding.inflate(packed, b"gzip", 1 << 20) == body
    tables = payloads.process(payloads.payload(body, content_type=content_type))
    payloads.assert_balanced(tables)
    reasons = set(tables.outcomes["reason"])
    assert "defect" not in reasons
    taken = _is_taken(body, charsets.codec_of(content_type))
    assert taken is not bool(reasons & {"not_json", "not_a_report"})
    for row in payloads.rows(tables.reports):
        payloads.assert_storable(row)
