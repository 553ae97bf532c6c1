"""From a body to its items."""

from __future__ import annotations

import json

import pytest

from storage import lenient
from workers import decode, outcomes, report


def decoded(body: bytes) -> decode.Decoded:
    result = decode.decode(body)
    assert isinstance(result, decode.Decoded)
    return result


def test_the_members_of_plain_items_stay_undecoded() -> None:
    found = decoded(b'[{"type":"a","body":{}},{"type":"b"}]')
    assert found.raw
    assert found.batch
    assert [bytes(item["type"]) for item in found.items] == [b'"a"', b'"b"']


def test_a_lone_object_is_no_batch() -> None:
    found = decoded(b'{"type":"a","body":{}}')
    assert len(found.items) == 1
    assert not found.batch


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b"[null,1]", [None, 1]),
        (b'[{"type":"\\ud83d"}]', [{"type": "\ufffd"}]),
        (b"\xef\xbb\xbf{}", [{}]),
    ],
)
def test_what_the_fast_decoder_refuses_is_decoded_leniently(body: bytes, items: list[object]) -> None:
    found = decoded(body)
    assert not found.raw
    assert found.items == items


@pytest.mark.parametrize(
    ("body", "batch"),
    [(b'[{"a":1},{"type":"x"}]', True), (b'[1,{"type":"x"}]', True), (b'[{"a":1},1]', False), (b"[]", False)],
)
def test_an_array_is_a_batch_when_an_item_has_a_type(body: bytes, *, batch: bool) -> None:
    assert decoded(body).batch is batch


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
        (b"[" * 100_000, outcomes.Reason.NOT_JSON),
        (b"null", outcomes.Reason.NOT_A_REPORT),
        (b'"x"', outcomes.Reason.NOT_A_REPORT),
    ],
)
def test_the_unreadable_is_rejected(body: bytes, reason: outcomes.Reason) -> None:
    rejection = decode.decode(body)
    assert isinstance(rejection, report.Rejection)
    assert rejection.reason is reason


def test_load_decodes_the_members() -> None:
    (item,) = decoded(b'{"a":[1,{"b":null}],"c":"x"}').items
    assert decode.load(item) == {"a": [1, {"b": None}], "c": "x"}


def test_load_finds_what_the_fast_decoder_skipped() -> None:
    (item,) = decoded(b'{"a":"\xff"}').items
    with pytest.raises(lenient.NotJSONError):
        decode.load(item)
