"""No secret is stored in any column of any table, wherever it stands in a report, however it is spelled."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import payloads, secrets, strategies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from workers import pipeline

SECRET: Final = "Zq7sEcRt"
"""Short, so that nothing in it says that it is one."""


def columns(tables: pipeline.Tables) -> dict[str, Any]:
    """Return all columns of all tables but the one that is there to hold payloads as they came."""
    quarantine = {name: column for name, column in tables.quarantine.items() if name != "raw"}
    return {
        **tables.reports,
        "policies": tables.policies,
        "outcomes": tables.outcomes,
        "receipts": tables.receipts,
        "quarantine": quarantine,
    }


def places(tables: pipeline.Tables, secret: str) -> list[str]:
    """Return what is stored of a secret, in upper or lower case, and the columns it is in."""
    found = []
    for column, values in columns(tables).items():
        text = json.dumps(values, ensure_ascii=False)
        if (at := text.lower().find(secret.lower())) >= 0:
            found.append(f"{column}: …{text[max(0, at - 60) : at + 40]}…")
    return found


def check(bodies: Iterable[Any], secret: str = SECRET) -> None:
    """Process reports, and say of the first that gives its secret away what is stored of it."""
    batch = [payloads.payload(body) for body in bodies]
    tables = payloads.process(*batch)
    assert sum(tables.found.values()) == len(batch)
    if places(tables, secret):
        for payload in batch:
            assert not places(payloads.process(payload), secret), payload.body


def reports(name: str, value: object) -> list[Any]:
    """Return reports of several families with one member more, or another, at several depths."""
    error = {"type": "http.error", "phase": "application"}
    return [
        payloads.legacy()["csp-report"] | {name: value},
        {"csp-report": payloads.legacy()["csp-report"] | {name: value}},
        payloads.legacy() | {name: value},
        [payloads.modern() | {"body": payloads.modern()["body"] | {name: value}}],
        {"csp-report": payloads.legacy()["csp-report"] | {"deep": {"er": [[{name: value}]]}}},
        [{"type": "network-error", "url": "https://a.example/", "body": error | {name: value}}],
        [{"type": "brand-new", "url": "https://a.example/", "body": {name: value}}],
        [{"type": "crash", "url": "https://a.example/", "body": {"crash_report_api": {name: value}}}],
        {"expect-ct-report": payloads.certificate(scts=[{name: value}]) | {name: value}},
    ]


@pytest.mark.parametrize("name", secrets.NAMES)
def test_what_lies_below_a_private_name_is_not_stored(name: str) -> None:
    check(body for below in secrets.BELOW for body in reports(name, below(SECRET)))
    number = random.Random(name).randrange(10**9, 10**10)
    check(
        (body for value in (number, [number], -number, {"a": number}) for body in reports(name, value)),
        str(number),
    )


@pytest.mark.parametrize("pair", range(len(secrets.PAIRS)))
def test_a_value_may_be_the_name_of_another(pair: int) -> None:
    value = secrets.PAIRS[pair](SECRET)
    check(body for stored in (value, [value], {"a": [[value]]}) for body in reports("anything", stored))
    if isinstance(value, dict):
        check([{"type": "brand-new", "url": "https://a.example/", "body": value}])


@pytest.mark.parametrize(
    "name", ["blocked-uri", "document-uri", "source-file", "referrer", "unknown-url", "href", "anything"]
)
def test_of_a_url_as_a_member_no_secret_is_stored(name: str) -> None:
    urls = [
        *secrets.urls(SECRET),
        *(secrets.filled(url, SECRET) for url in secrets.CONTENT + secrets.BARE),
    ]
    check({"csp-report": payloads.legacy()["csp-report"] | {name: url}} for url in urls)
    check([payloads.modern() | {"url": url} for url in urls])


@pytest.mark.parametrize("name", ["script-sample", "message", "original-policy", "anything"])
@pytest.mark.parametrize("quoting", secrets.QUOTING)
def test_of_a_url_within_a_text_no_secret_is_stored(name: str, quoting: str) -> None:
    check(
        {"csp-report": payloads.legacy()["csp-report"] | {name: quoting.format(url)}}
        for url in secrets.urls(SECRET)
    )


@pytest.mark.parametrize("name", ["script-sample", "message", "stack"])
@pytest.mark.parametrize("quoting", ["{}", "Refused '{}' x", 'href="{}"'])
def test_of_content_within_a_text_only_the_scheme_is_stored(name: str, quoting: str) -> None:
    check(
        {
            "csp-report": payloads.legacy()["csp-report"]
            | {name: quoting.replace("{}", secrets.filled(url, SECRET))}
        }
        for url in secrets.CONTENT
    )


@pytest.mark.parametrize("name", secrets.POLICY_NAMES)
def test_nonces_are_stored_nowhere(name: str) -> None:
    texts = [secrets.filled(text, SECRET) for text in secrets.NONCES]
    texts += [f"{secrets.filled(text, 'a1')}, {text}" for text in texts]
    check(body for text in texts for body in reports(name, text))


@pytest.mark.parametrize("text", secrets.TEXTS)
def test_what_a_text_says_is_secret_is_not_stored(text: str) -> None:
    text = secrets.filled(text, SECRET)
    check(body for name in ("message", "sample", "stack", "anything") for body in reports(name, text))


@pytest.mark.parametrize("text", [*secrets.TEXTS, *secrets.URLS, *secrets.CONTENT, *secrets.NONCES])
def test_the_name_of_a_member_may_hold_a_secret(text: str) -> None:
    check(reports(secrets.filled(text, SECRET), 1))


_URLS: Final = st.sampled_from(sorted(secrets.urls(SECRET)))
_TEXTS: Final = (
    st.sampled_from([*secrets.TEXTS, *secrets.NONCES, *secrets.CONTENT]).map(
        lambda text: secrets.filled(text, SECRET)
    )
    | _URLS
    | st.builds(lambda url, quoting: quoting.replace("{}", url), _URLS, st.sampled_from(secrets.QUOTING))
)
CARRIERS: Final = st.one_of(
    st.builds(
        lambda name, below: (name, below(SECRET)),
        st.sampled_from(secrets.NAMES),
        st.sampled_from(secrets.BELOW),
    ),
    st.sampled_from(secrets.PAIRS).map(lambda pair: ("anything", pair(SECRET))),
    st.tuples(strategies.MEMBERS.filter(bool), _TEXTS | _TEXTS.map(lambda text: [text])),
    _TEXTS.map(lambda text: (text, 1)),
)
"""Members that hold a secret, by whatever says that it is one."""


def planted(value: Any, member: tuple[str, Any], at: list[int]) -> Any:
    """Return the report with a member more, or another, somewhere in it: each number chooses a way down."""
    if not isinstance(value, dict):
        return {member[0]: member[1]}
    inner = [name for name, below in value.items() if isinstance(below, dict)]
    if inner and at and at[0] % 3:
        name = inner[at[0] % len(inner)]
        return value | {name: planted(value[name], member, at[1:])}
    return value | {member[0]: member[1]}


ENCODINGS: Final = st.sampled_from(
    [
        lambda text: text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("{", '{"cut":"\\ud83d",', 1).encode(),
        lambda text: text.replace("/", "\\/").encode(),
        lambda text: json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace"),
        lambda text: f"[{text},{text}]".encode() if text[0] != "[" else text.encode(),
    ]
)
"""How a body may be written."""


@strategies.more_examples(4)
@given(
    strategies.REPORTS,
    st.lists(st.tuples(CARRIERS, st.lists(st.integers(0, 11), max_size=3)), min_size=1, max_size=3),
    st.from_regex(r"Zq[0-9][a-z]{3}[0-9]{2}[A-Z]{2}", fullmatch=True),
    ENCODINGS,
)
def test_a_secret_in_any_report_is_stored_nowhere(
    report: Any,
    plants: list[tuple[tuple[str, Any], list[int]]],
    secret: str,
    encoding: Callable[[str], bytes],
) -> None:
    for carrier, way in plants:
        report = planted(report, carrier, way)
    tables = payloads.process(payloads.payload(encoding(json.dumps(report).replace(SECRET, secret))))
    assert not places(tables, secret)


@pytest.mark.parametrize("text", ['token=\\"\\\\', "token=[]", "nonce='{token}'", "'nonce-…'"])
def test_what_holds_no_secret_stays(text: str) -> None:
    assert payloads.row(payloads.modern(sample=text))["sample"] == text


FORM: Final = (
    "document-url=https%3A%2F%2Fa.example%2F%3Fq%3D{}&violated-directive=script-src+%27nonce-{}%27"
    "&password={}"
)


def test_a_form_is_no_way_around() -> None:
    check([FORM.replace("{}", SECRET).encode()])


@pytest.mark.parametrize("depth", [10, 60, 70, 300, 900])
def test_depth_is_no_way_around(depth: int) -> None:
    inner = json.dumps({"sessionToken": [SECRET], "url": f"https://a.example/?{SECRET}"})
    deep = '{"a":[' * depth + inner + "]}" * depth
    check([f'[{{"type":"brand-new","body":{{"b":{deep}}}}}]'.encode()])


def test_of_two_members_of_one_name_none_is_a_way_around() -> None:
    check(
        [
            f'{{"csp-report":{{"document-uri":"https://a.example/","effective-directive":"x","a":1,'
            f'"cookie":"{SECRET}","cookie":"{SECRET}","a":"https://a.example/?{SECRET}","a":2}}}}'.encode()
        ]
    )


@pytest.mark.parametrize(
    "number", ["4111111111111111", "-4111111111111111", "4.111111111111111e15", "4111111111111111.0"]
)
def test_numbers_of_cards_are_masked(number: str) -> None:
    check([f'[{{"type":"x","body":{{"a":[{number}],"b":{number}}}}}]'.encode()], "411111111111111")
