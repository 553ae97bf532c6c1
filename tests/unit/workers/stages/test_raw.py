"""The stored text of a report."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.helpers import thoroughness
from workers.model import report
from workers.stages import raw


def render(item: dict[str, Any]) -> str:
    members = {name: msgspec.json.encode(value) for name, value in item.items()}
    return raw.render(report.Item("", members, members))


CASES = [
    ("document-uri", "https://u:p@a.example/x?token=1#y", "https://a.example/x"),
    ("documentURL", 'https://a.example/?q=it\'s <b> "x"', "https://a.example/"),
    ("referrer", "/reset?token=1", "/reset"),
    ("source-file", "https://a.example/x?y\\z", "https://a.example/x"),
    ("sourceFile", "x\\y?z", "x\\y"),
    ("url", "http://[::1?secret", "http://[::1"),
    ("blocked", "https://a.example/?next=https://b.example/?x", "https://a.example/"),
    ("sample", 'fetch("https://u@a.example/?k=1")', 'fetch("https://a.example/")'),
    ("sample", "fetch('wss://a.example/#k') || a ? b : c", "fetch('wss://a.example/') || a ? b : c"),
    ("sample", "why? because # 1 @ home", "why? because # 1 @ home"),
    (
        "policy",
        "img-src https://a.example 'self' 'nonce-a1'; report-uri /x?y",
        "img-src https://a.example 'self' 'nonce-…'; report-uri /x",
    ),
    ("blocked-uri", 'data:image/png;base64,iVBOR"w0', "data"),
    ("blocked-uri", "moz-extension://11111111-2222/c.js", "moz-extension"),
    ("blocked-uri", "blob:https://a.example/uuid", "blob"),
    ("sample", "a\0b\x08\x0c\x1f\x7f\x85c", "abc"),
    ("sample", "line\nbreak\ttab \\u0000 \\b", "line\nbreak\ttab \\u0000 \\b"),
    ("sample", "пример 例 😀\u2028", "пример 例 😀\u2028"),
    ("request-headers", 'Cookie: sid="SECRET"\n', ""),
    ("app-vendor-id", "00000000-1111", ""),
    ("number", 2**70, 2**70),
    ("list", [None, True, 1.5, "https://a.example/?x"], [None, True, 1.5, "https://a.example/"]),
    ("document-uri", "about:blank", "about:blank"),
    ("blocked-uri", "data:text/html,chromewebdata", "data:text/html,chromewebdata"),
    ("response_headers", {"set-cookie": ["a=b"], "b": 1}, ""),
    ("sessionToken", [1, 2], ""),
    ("anything", {"name": "Cookie", "value": "a=b"}, {"name": "Cookie", "value": ""}),
    ("anything", ["Cookie", "a=b", "Host", "c"], ["Cookie", "", "Host", "c"]),
    ("anything", 4111111111111111, "{card}"),
    ("anything", -4.111111111111111e15, "{card}"),
    (
        "anything",
        {"a": {"b": ["x", {"url": "HTTPS://A.example/?x"}]}},
        {"a": {"b": ["x", {"url": "https://a.example/"}]}},
    ),
    ("source-file", "@SUM(1)", "@SUM(1)"),
]


@pytest.mark.parametrize(("member", "value", "stored"), CASES)
def test_a_member_is_stored_clean(member: str, value: object, stored: object) -> None:
    assert json.loads(render({"before": 1, member: value, "after": "x"})) == {
        "before": 1,
        member: stored,
        "after": "x",
    }


@pytest.mark.parametrize("value", ["x", 1, "https://a.example/?x"])
def test_a_secret_in_the_name_of_a_member_is_masked(value: object) -> None:
    stored = json.loads(render({"9f86d081884c7d659a2feaa0c55ad015": value}))
    assert stored == {"{hex}": "https://a.example/" if value == "https://a.example/?x" else value}


def test_what_is_nested_beyond_reason_is_not_stored() -> None:
    within, beyond = 63, 64
    for depth, stored in ((within, '"x"'), (beyond, '"…"')):
        deep = b"[" * (depth + 1) + b'"x"' + b"]" * (depth + 1)
        item = report.Item("", {"a": deep}, {"a": deep})
        assert (
            raw.render(item)
            == f'{{"a":{"[" * depth}{stored.join(("[", "]")) if depth == within else stored}{"]" * depth}}}'
        )


def test_a_body_may_be_a_pair_of_a_name_and_a_value() -> None:
    body = {"name": b'"token"', "value": b'"a"', "body": b"1"}
    assert (
        raw.render(report.Item("x", body, {"body": b"-"}, "body"))
        == '{"body":{"name":"token","value":"","body":""}}'
    )
    members = {"key": b'"token"', "body": b"-", "value": b"[1]"}
    assert (
        raw.render(report.Item("x", {"a": b"1"}, members, "body"))
        == '{"key":"token","body":{"a":1},"value":""}'
    )


def test_the_body_stays_in_its_place() -> None:
    members = {"a": b"1", "body": b"-", "c": b"2"}
    item = report.Item("x", {"url": b'"https://a.example/?x"', "n": b" 1 "}, members, "body")
    assert raw.render(item) == '{"a":1,"body":{"url":"https://a.example/","n":1},"c":2}'


TEXT = st.text(st.sampled_from("ab:/?#@'\"\\<> \0\x85\n=;é"), max_size=30) | st.sampled_from(
    ["https://u:p@a/?b", "data:x", "://", "x-extension:\\", '"url":"']
)
NAMES = TEXT | st.sampled_from(["url", "blocked-uri", "referrer", "sourceFile", "request-headers"])
JSON = st.dictionaries(
    NAMES, TEXT | st.lists(TEXT, max_size=3) | st.dictionaries(NAMES, TEXT, max_size=3), max_size=4
)


@given(JSON)
def test_the_text_stays_json_without_controls(item: dict[str, Any]) -> None:
    text = render(item)
    assert isinstance(json.loads(text), dict)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in text)
    assert "\\u00" not in text.replace("\\\\", "")


@given(JSON)
@example({"url": "\\\\@\\<@"})
def test_rendering_twice_is_rendering_once(item: dict[str, Any]) -> None:
    once = json.loads(render(item))
    assert json.loads(render(once)) == once


@given(JSON)
@example({"blocked-uri": "https://a.example/?next=://b@c"})
@example({"sample": "data:x"})
@example({"sample": "a?b"})
@example({"number": 12})
@example({"list": "ab-12"})
def test_a_member_is_stored_alike_at_any_depth(item: dict[str, Any]) -> None:
    """What is plain is not looked at twice, and what is nested is walked: both say the same."""
    nested = json.loads(render({"a": item}))["a"]
    assert json.loads(render(item)) == (nested or {})


@pytest.mark.parametrize(
    "piece", ["://", "a://", "a://?", "://@", "?", "\\", '"', '"url":"', "data:", "-", "-extension:"]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """Quadratic time would make this test run for hours."""
    text = piece * thoroughness.size(100_000, quick=5_000)
    render({"url": text, "sample": text})
