"""What counts as JSON, case by case."""

from __future__ import annotations

import contextlib
import itertools
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.text import lenient

TEXT = '{"csp-report":{"blocked-uri":"https://a.example/"}}'
OBJECT = json.loads(TEXT)

TAKEN = [
    pytest.param(TEXT.encode(), OBJECT, id="plain"),
    pytest.param(b"\xef\xbb\xbf" + TEXT.encode(), OBJECT, id="utf-8 with byte order mark"),
    pytest.param(TEXT.encode("utf-16"), OBJECT, id="utf-16 with byte order mark"),
    pytest.param(TEXT.encode("utf-16-le"), OBJECT, id="utf-16-le"),
    pytest.param(TEXT.encode("utf-16-be"), OBJECT, id="utf-16-be"),
    pytest.param(TEXT.encode("utf-32"), OBJECT, id="utf-32 with byte order mark"),
    pytest.param(b'{"sample":"\\ud83d"}', {"sample": "\ufffd"}, id="lone surrogate in a value"),
    pytest.param(b'["\\ud83d", [1]]', ["\ufffd", [1]], id="lone surrogate in a list"),
    pytest.param(b'{"\\ude00":1}', {"\ufffd": 1}, id="lone surrogate in a key"),
    pytest.param(b'{"sample":"\\ud83d\\ude00"}', {"sample": "\U0001f600"}, id="surrogate pair"),
    pytest.param(
        b'["\\ud83d\\ud83d\\ude00\\ude00"]', ["\ufffd\U0001f600\ufffd"], id="a pair between lone ones"
    ),
    pytest.param(b'["\\\\ud83d","\\ud83d"]', ["\\ud83d", "\ufffd"], id="an escaped backslash is no escape"),
    pytest.param(b'["\\\\\\ud83d"]', ["\\\ufffd"], id="an escape after an escaped backslash"),
    pytest.param(b'["\\uD83Dx","\\u00e4\\uDE00"]', ["\ufffdx", "\xe4\ufffd"], id="capitals"),
    pytest.param(b'["\\ud83d", 1e400]', ["\ufffd", float("inf")], id="a number beyond a float"),
    pytest.param(b'{"a":1,"a":2}', {"a": 2}, id="last duplicate wins"),
    pytest.param(
        b"document-url=https%3A%2F%2Fa.example%2F&violated-directive=img-src",
        {"document-url": "https://a.example/", "violated-directive": "img-src"},
        id="form of 2011",
    ),
]

REFUSED = [
    pytest.param(b"", id="empty"),
    pytest.param(b" ", id="white space"),
    pytest.param(b"\0" * 64, id="zero bytes"),
    pytest.param(b'{"a":NaN}', id="not a number"),
    pytest.param(b'{"a":-Infinity}', id="infinity"),
    pytest.param(b'{"a":1}{"a":2}', id="trailing document"),
    pytest.param(b'{"a":1,}', id="trailing comma"),
    pytest.param(b"/*x*/{}", id="comment"),
    pytest.param(b'[{"age":' + b"9" * 5000 + b"}]", id="integer beyond any bound"),
    pytest.param(b"[" * 100_000, id="deep nesting"),
    pytest.param(("\ufeff" + "[" * 100_000).encode("utf-16-le"), id="deep nesting in utf-16"),
    pytest.param(b'["\\ud8"]x"]', id="a text that goes on after its end"),
    pytest.param(b'["\\ud83d", "\0\0"]', id="zero bytes beside a lone surrogate"),
    pytest.param(b'["\xff\n"]', id="a line break in a text"),
    pytest.param(b'{"a":\xff}', id="no text where a value is due"),
    pytest.param(b'{"a":\\ud83d}', id="an escape outside a text"),
    pytest.param(b"\xff\xfe\xfd", id="no text at all"),
    pytest.param(b"report=[no json", id="a form around what is no json"),
    pytest.param(b"a=1&b=2", id="form without a report"),
    pytest.param("\ufeff".encode("utf-16-le") + b"\x00", id="odd utf-16"),
    pytest.param(b"&".join(b"document-url=1" for _ in range(80)), id="form with too many fields"),
]


@pytest.mark.parametrize(("body", "expected"), TAKEN)
def test_takes(body: bytes, expected: object) -> None:
    assert lenient.loads(body) == expected
    lenient.require_container(body)


@pytest.mark.parametrize("body", REFUSED)
def test_refuses(body: bytes) -> None:
    with pytest.raises(lenient.NotJSONError):
        lenient.loads(body)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, ("\ufeff" + "[" * 100_000).encode("utf-16-le")]
)
def test_what_is_nested_too_deeply_holds_no_report(body: bytes) -> None:
    with pytest.raises(lenient.NotJSONError, match="deeply"):
        lenient.require_container(body)


LEVELS = lenient.MAX_DEPTH
SHALLOW = [
    pytest.param(b"[]," * LEVELS, id="side by side"),
    pytest.param(b'"' + b"[" * 2 * LEVELS + b'"', id="in a text"),
    pytest.param(b'"\\\\","\\\\\\"' + b"[{" * LEVELS + b'"', id="in a text beside escapes"),
    pytest.param('"∢'.encode() + b"[" * 2 * LEVELS + b'"', id="in a text of other letters"),
    pytest.param(b"]" * 5000, id="closed more often than opened"),
]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
@pytest.mark.parametrize("beside", SHALLOW)
def test_nesting_has_a_bound_of_ours(beside: bytes, encoding: str) -> None:
    for around, deep in ((LEVELS - 1, False), (LEVELS, True)):
        text = b"[{" * (around // 2) + b"[" * (around % 2) + b"[]," + beside
        body = text.decode().encode(encoding)
        with pytest.raises(lenient.NotJSONError, match="deeply") if deep else contextlib.nullcontext():
            lenient.require_shallow(body)


@pytest.mark.parametrize("most", [1, 63, 64, 65, 200, LEVELS])
@given(seed=st.integers(0, 1 << 32))
def test_the_bound_is_met_to_the_bracket(most: int, seed: int) -> None:
    chance = random.Random(seed)
    opening, size = chance.random(), chance.choice((most, most + 1, chance.randrange(9000)))
    body = bytes(chance.choice(b"[{") if chance.random() < opening else ord("]") for _ in range(size))
    body = b"[" * chance.choice((0, 0, most - 1, most)) + body
    depths = itertools.accumulate(-1 if one == ord("]") else 1 for one in body)
    deep = max(depths, default=0) > most
    with pytest.raises(lenient.NotJSONError, match="deeply") if deep else contextlib.nullcontext():
        lenient.require_shallow(body, most)


@pytest.mark.parametrize("body", [b"[" * LEVELS + b"]" * LEVELS, b'{"":' * LEVELS + b"1" + b"}" * LEVELS])
def test_as_deep_as_the_bound_is_read(body: bytes) -> None:
    lenient.require_container(body)
    assert lenient.loads(body) == json.loads(body)
    assert lenient.count_items(body) == 1
    for read in (lenient.require_container, lenient.loads):
        with pytest.raises(lenient.NotJSONError, match="deeply"):
            read(b"[" + body + b"]")


def test_an_integer_has_as_many_digits_as_the_bound() -> None:
    digits = b"9" * lenient.MAX_DIGITS
    assert lenient.loads(digits) == int(digits)
    with pytest.raises(lenient.NotJSONError, match="Integer value out of range"):
        lenient.loads(b"9" + digits)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"a":1,}', r"JSON is malformed: trailing comma in object \(byte 7\)"),
        (b"[1e999", "Input data was truncated"),
        (b"[1e999," + b" " * 65_536 + b"1]", "Number out of range"),
        (b'{"a":NaN}', r"JSON is malformed: invalid character \(byte 5\)"),
    ],
)
def test_a_refusal_has_the_same_words_in_each_python(body: bytes, why: str) -> None:
    with pytest.raises(lenient.NotJSONError, match=why):
        lenient.loads(body)


@pytest.mark.parametrize("body", [b"null", b"true", b"1", b'"x"'])
def test_a_scalar_holds_no_report(body: bytes) -> None:
    with pytest.raises(lenient.NotJSONError, match="neither an object nor an array"):
        lenient.require_container(body)


@given(st.binary(max_size=200))
def test_never_raises_anything_else(body: bytes) -> None:
    with contextlib.suppress(lenient.NotJSONError):
        lenient.loads(body)


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists))
def test_agrees_with_the_standard_library(value: object) -> None:
    assert lenient.loads(json.dumps(value).encode()) == json.loads(
        json.dumps(value).encode("utf-8", "surrogatepass")
    )


@given(st.text(alphabet=[*'\\u"d8cx', "\ud83d", "\ude00"], max_size=12))
def test_surrogates_are_mended_as_python_would(value: str) -> None:
    sent = json.dumps(value).encode()
    paired = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert "\ud83d" not in lenient.loads(sent)
    assert lenient.loads(sent).count("\ufffd") == paired.count("\ufffd")


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b"[]", 0),
        (b'[{}, 1, "]"]', 3),
        (b'  {"a":[1,2]}', 1),
        (b"\xef\xbb\xbf[{},{}]", 2),
        ("[{}]".encode("utf-16"), 1),
        (b'["\\ud800",2]', 2),
        (b"document-uri=https%3A%2F%2Fa.example", 1),
        (b"[" * 5000 + b"]" * 5000, 1),
    ],
)
def test_items_are_counted(body: bytes, count: int) -> None:
    assert lenient.count_items(body) == count
