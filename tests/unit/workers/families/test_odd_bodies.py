"""What JSON allows, what senders make of it, and what hostile ones would: no body raises, in any family."""

from __future__ import annotations

import codecs
import json

import pytest

from tests.helpers import payloads

PAGE = "https://www.example.com/account"
MEMBER = "<member>"
"""Where a member of the body is put in."""


def certificate(mark: str) -> str:
    return f'{{"hostname":"www.example.com",{mark},{MEMBER}}}'


def typed(name: str, members: str = MEMBER) -> str:
    return f'[{{"age":15,"type":"{name}","url":"{PAGE}","body":{{{members}}}}}]'


BODIES = {
    "report-uri": f'{{"csp-report":{{"document-uri":"{PAGE}","effective-directive":"img-src",{MEMBER}}}}}',
    "csp-violation": typed("csp-violation", f'"effectiveDirective":"img-src",{MEMBER}'),
    "expect-ct": certificate('"scts":[]'),
    "expect-staple": certificate('"response-status":"MISSING"'),
    "hpkp": certificate('"known-pins":[]'),
} | {
    name: typed(name)
    for name in (
        "network-error",
        "csp-hash",
        "integrity-violation",
        "permissions-policy-violation",
        "document-policy-violation",
        "coep",
        "coop",
        "deprecation",
        "intervention",
        "crash",
        "connection-allowlist",
        "brand-new",
    )
}

DEPTH = 500
DEEP_OBJECT = '{"a":' * DEPTH + "1" + "}" * DEPTH
TAKEN = {
    "a lone high surrogate": r'"message":"a\ud83d"',
    "a lone low surrogate": r'"message":"\ude00a"',
    "an escaped pair": r'"message":"\ud83d\ude00"',
    "an escaped NUL": r'"message":"a\u0000b"',
    "C1 controls": '"message":"a\x85b\x9f"',
    "a direction override": '"message":"a\u202eb"',
    "an integer beyond 64 bits": '"lineNumber":18446744073709551616',
    "an integer of 5000 digits": f'"lineNumber":{"9" * 5000}',
    "a number beyond a float": '"lineNumber":1e400',
    "a number next to nothing": '"lineNumber":1e-400',
    "minus nothing": '"lineNumber":-0.0',
    "a member twice": '"message":"first","message":"last"',
    "a member without a name": '"":1',
    "names of prototypes": '"__proto__":{"x":1},"constructor":{"prototype":{}}',
    "a long name": f'"{"n" * 5000}":1',
    "many members": ",".join(f'"k{number}":{number}' for number in range(5000)),
    "deep arrays": f'"message":{"[" * DEPTH}{"]" * DEPTH}',
    "deep objects": f'"message":{DEEP_OBJECT}',
    "white space": '\n\t "message" \r\n :\t"m"\n',
}
REFUSED = {
    "NaN": '"lineNumber":NaN',
    "Infinity": '"lineNumber":-Infinity',
    "a hexadecimal number": '"lineNumber":0x10',
    "a leading zero": '"lineNumber":010',
    "a raw line break": '"message":"a\nb"',
    "a trailing comma": '"message":"m",',
    "a comment": '"message":"m"/**/',
    "arrays without end": f'"message":{"[" * 100_000}',
}
ENCODINGS = {
    "a byte-order mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16 with its mark": lambda text: text.encode("utf-16"),
    "UTF-16-LE": lambda text: text.encode("utf-16-le"),
    "UTF-16-BE": lambda text: text.encode("utf-16-be"),
    "UTF-32 with its mark": lambda text: text.encode("utf-32"),
}


def body_of(name: str, member: str) -> bytes:
    return BODIES[name].replace(MEMBER, member).encode()


@pytest.mark.parametrize("member", TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("name", BODIES)
def test_what_is_odd_is_taken(name: str, member: str) -> None:
    body = body_of(name, member)
    tables = payloads.process(payloads.payload(body))
    payloads.assert_balanced(tables)
    assert payloads.outcome_counts(tables) == {("accepted", ""): 1}
    (row,) = payloads.rows(tables.reports)
    assert row["line"] == 0
    assert row["title"].isprintable()
    json.dumps(row, ensure_ascii=False).encode()


@pytest.mark.parametrize("member", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("name", BODIES)
def test_what_is_no_json_is_refused(name: str, member: str) -> None:
    tables = payloads.process(payloads.payload(body_of(name, member)))
    assert payloads.outcome_counts(tables) == {("invalid", "not_json"): 1}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("name", BODIES)
def test_every_unicode_encoding_is_read(name: str, encode: object) -> None:
    text = BODIES[name].replace(MEMBER, '"message":"grüß 😀"')
    plain = payloads.row(text.encode())
    assert payloads.row(encode(text)) == plain  # type: ignore[operator]


@pytest.mark.parametrize("name", ["intervention", "deprecation"])
def test_of_a_member_sent_twice_the_last_one_counts(name: str) -> None:
    row = payloads.row(body_of(name, TAKEN["a member twice"]))
    assert row["details"]["message"] == "last"


@pytest.mark.parametrize(
    ("member", "message"),
    [("a lone high surrogate", "a\ufffd"), ("an escaped pair", "😀"), ("an escaped NUL", "ab")],
)
def test_what_becomes_of_odd_text(member: str, message: str) -> None:
    row = payloads.row(body_of("intervention", TAKEN[member]))
    assert row["details"]["message"] == message
