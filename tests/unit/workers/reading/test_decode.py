"""From a body to its items."""

from __future__ import annotations

import json

import pytest

from storage.text import lenient
from workers.model import outcomes, report
from workers.reading import decode


def decoded(body: bytes) -> decode.DecodedBody:
    result = decode.decode(body)
    assert isinstance(result, decode.DecodedBody)
    return result


def test_the_members_of_an_item_stay_as_they_were_sent() -> None:
    found = decoded(b'[{"type":"a","body":{ "x" : 1.0 } },\n{"type":"b"}]')
    assert found.batch
    assert found.items == [{"type": b'"a"', "body": b'{ "x" : 1.0 }'}, {"type": b'"b"'}]


def test_a_lone_object_is_no_batch() -> None:
    found = decoded(b'{"type":"a","body":{}}')
    assert len(found.items) == 1
    assert not found.batch


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b"[null,1,[]]", [b"null", b"1", b"[]"]),
        (b'{"a":"\xc0\xaf","\xff":1}', [{"a": '"\ufffd\ufffd"'.encode(), "\ufffd": b"1"}]),
        (b'"{\\"a\\":1}"', [{"a": b"1"}]),
        (b"document-url=a%ff", [{"document-url": '"a\ufffd"'.encode()}]),
        (b'[{"type":"\\ud83d"}]', [{"type": '"\ufffd"'.encode()}]),
        (b"\xef\xbb\xbf{}", [{}]),
        ('{"a":"é"}'.encode("utf-16"), [{"a": '"é"'.encode()}]),
    ],
)
def test_whatever_is_json_comes_in_items(body: bytes, items: list[decode.Item]) -> None:
    assert decoded(body).items == items


@pytest.mark.parametrize(
    ("body", "batch"),
    [(b'[{"a":1},{"type":"x"}]', True), (b'[1,{"type":"x"}]', True), (b'[{"a":1},1]', False), (b"[]", False)],
)
def test_an_array_is_a_batch_when_an_item_has_a_type(body: bytes, *, batch: bool) -> None:
    assert decoded(body).batch is batch


@pytest.mark.parametrize(
    ("body", "mended"),
    [(b"{}", False), (b'{"a":"\xff"}', True), (b'[{"a":"\\ud83d"}]', True), (b"\xef\xbb\xbf{}", False)],
)
def test_what_was_mended_is_told(body: bytes, *, mended: bool) -> None:
    assert decoded(body).mended is mended


def test_a_declared_charset_counts_for_what_is_no_utf8() -> None:
    found = decode.decode('{"a":"é"}'.encode("latin-1"), "windows-1252")
    assert isinstance(found, decode.DecodedBody)
    assert found.items == [{"a": '"é"'.encode()}]
    assert not found.mended


@pytest.mark.parametrize("item", [{}, 1])
def test_items_beyond_the_limit_are_left_out(item: object) -> None:
    found = decoded(json.dumps([item] * (decode.MAX_ITEMS + 3)).encode())
    assert len(found.items) == decode.MAX_ITEMS
    assert found.left_out == 3
    assert found.surplus
    assert found.surplus.reason is outcomes.Reason.TOO_MANY


def test_as_many_items_as_the_limit_are_all_read() -> None:
    found = decoded(json.dumps([{}] * decode.MAX_ITEMS).encode())
    assert len(found.items) == decode.MAX_ITEMS
    assert found.surplus is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", outcomes.Reason.NOT_JSON),
        (b"nope", outcomes.Reason.NOT_JSON),
        (b'{"a":\xff}', outcomes.Reason.NOT_JSON),
        (b"[" * 100_000, outcomes.Reason.NOT_JSON),
        (b"null", outcomes.Reason.NOT_A_REPORT),
        (b'"x"', outcomes.Reason.NOT_A_REPORT),
    ],
)
def test_the_unreadable_is_rejected(body: bytes, reason: outcomes.Reason) -> None:
    rejection = decode.decode(body)
    assert isinstance(rejection, report.Rejection)
    assert rejection.reason is reason


@pytest.mark.parametrize("mend", [b"", b"\xef\xbb\xbf"])
def test_a_body_may_nest_as_deep_as_the_bound(mend: bytes) -> None:
    deep = b"[" * (lenient.MAX_DEPTH - 1) + b"]" * (lenient.MAX_DEPTH - 1)
    assert isinstance(decode.decode(mend + b'{"a":' + deep + b"}"), decode.DecodedBody)
    rejection = decode.decode(mend + b'{"a":[' + deep + b"]}")
    assert isinstance(rejection, report.Rejection)
    assert rejection.error == "Not JSON: nested too deeply."


@pytest.mark.parametrize("sent", [b"{}", b'{"a":[1,{"b":null}],"c":"x"}', b"null", b'"x"'])
def test_an_item_is_written_as_it_was_sent(sent: bytes) -> None:
    (item,) = decoded(b"[" + sent + b"]").items
    assert decode.json_of(item) == sent


@pytest.mark.parametrize("sent", [b"1", b"null", b"[]", b'"x"'])
def test_only_an_object_has_members(sent: bytes) -> None:
    assert decode.members(sent) is None
