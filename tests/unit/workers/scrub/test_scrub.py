"""Scrubbing: a corpus of what must go and what must stay, and properties that hold for any text."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage.projects import project_settings
from storage.queue import envelope
from tests.helpers import paths, payloads, recorded, strategies, thoroughness
from workers import pipeline, scrub
from workers.model import batch_plan, report
from workers.scrub import masks, names
from workers.stages import raw
from workers.text import urls

CORPUS = [json.loads(line) for line in (paths.DATA / "scrub.jsonl").read_text("utf-8").splitlines()]
OFF = scrub.rules_of(project_settings.ProjectSettings(scrub_off=("emails", "cards", "tokens", "uuids")))

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV"
UUID = "550e8400-e29b-41d4-a716-446655440000"
CARD = "4111111111111111"
SECRETS = {
    "mail": "jane.doe@mail.example",
    "jwt": JWT,
    "uuid": UUID,
    "card": CARD,
    "hex": "9f86d081884c7d659a2feaa0c55ad015",
    "base64": "k3J9x0Q2m5n8P1r4T7v6aZ3kQ9xB7y",
}


def scrubbed(what: str, value: str, rules: scrub.ScrubRules = scrub.DEFAULT) -> str:
    if what == "url":
        return scrub.apply(report.Report(kind="csp", blocked=urls.clean(value)), rules).blocked.text
    if what == "policy":
        return scrub.apply(report.Report(kind="csp", policy=value), rules).policy
    return scrub.apply(report.Report(kind="csp", sample=value), rules).sample


def rendered(item: dict[str, Any], rules: scrub.ScrubRules = scrub.DEFAULT) -> dict[str, Any]:
    members = {name: msgspec.json.encode(value) for name, value in item.items()}
    stored: dict[str, Any] = json.loads(raw.render(report.Item("", members, members), rules))
    return stored


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: f"{case['what']} {case['value']}"[:60])
def test_the_corpus(case: dict[str, str]) -> None:
    assert scrubbed(case["what"], case["value"]) == case["stored"]


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: f"{case['what']} {case['value']}"[:60])
def test_raw_holds_no_more_than_the_columns(case: dict[str, str]) -> None:
    name = {"url": "blockedURL", "text": "sample", "policy": "originalPolicy"}[case["what"]]
    stored = rendered({name: case["value"]})[name]
    assert stored.lower() == case["stored"].lower() or stored == case["stored"].removesuffix("/")


PIECES = [
    *SECRETS.values(),
    *(case["value"] for case in CORPUS),
    *(
        "@",
        "%40",
        "eyJ",
        "-",
        "_",
        ".",
        "/",
        "?",
        "#",
        "=",
        "://",
        "https://",
        " ",
        "'",
        "4111",
        " 1111",
        "%20",
    ),
    *(
        "sha256-",
        "-----BEGIN CERTIFICATE-----",
        "moz-extension://",
        "token=",
        "Bearer ",
        "a1B2",
        "deadbeef",
        "é",
    ),
    *("{", "}", "{mail}", "{token}", "a.bb", "@x.de"),
]
TEXTS = st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
KINDS: list[Any] = sorted(masks.KINDS)
RULES = st.sets(st.sampled_from(KINDS)).map(
    lambda off: scrub.rules_of(project_settings.ProjectSettings(scrub_off=tuple(off)))
)
NAMES = st.sampled_from(["message", "original-policy", "known-pins", "hash", "server_ip", "x"])


@strategies.more_examples(5)
@given(NAMES, TEXTS, RULES)
@example("x", "a@b.cc.x@y.zz", scrub.DEFAULT)
@example("x", "https://a/4111 1111 1111 1111?x=1", scrub.DEFAULT)
@example("x", "://4111?x 1111 1111 1111", scrub.DEFAULT)
@example("x", "aB3dE6aB3dE6aB3dE6aB-9f86d081884c7d65-slug", scrub.DEFAULT)
def test_scrubbing_is_idempotent_and_never_lengthens(name: str, value: str, rules: scrub.ScrubRules) -> None:
    once = scrub.member(name, value, rules)
    assert scrub.member(name, once, rules) == once
    assert len(once) <= len(value)


@strategies.more_examples(3)
@given(TEXTS, st.sampled_from(["https://a.example/", "", "wss://u:p@b.example:8443/"]), RULES)
def test_a_report_is_scrubbed_once_and_for_all(value: str, origin: str, rules: scrub.ScrubRules) -> None:
    url = urls.clean(origin + value)
    found = report.Report(
        kind="x", directive=value, blocked=url, sample=value, policy=value, details={"a": value, "ip": value}
    )
    once = scrub.apply(found, rules)
    assert scrub.apply(once, rules) == once
    assert "ip" not in once.details
    assert len(once.blocked.text) <= len(url.text)
    assert once.blocked.host == url.host


DIGEST_CUT_OFF = (
    "https://u@a.example/x; report-uri /csp?k=1 https://s.example/?sentry_key=0123456789abcdef; x sha256-"
)
"""A name that says digests as it was sent, and a policy as it is stored."""


@strategies.more_examples(3)
@given(st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS, max_size=2) | st.integers(), max_size=3), RULES)
@example({DIGEST_CUT_OFF: "?0"}, scrub.DEFAULT)
@example({"x": {DIGEST_CUT_OFF: "?0"}}, scrub.DEFAULT)
def test_raw_is_scrubbed_once_and_for_all(item: dict[str, Any], rules: scrub.ScrubRules) -> None:
    once = rendered(item, rules)
    assert rendered(once, rules) == once


@pytest.mark.parametrize("kind", sorted(SECRETS))
@pytest.mark.parametrize("edge", [" ", "/", "'", '"', "=", "(", "\n", ";", ",", "?", "#", "é "])
def test_a_secret_is_found_wherever_it_stands(kind: str, edge: str) -> None:
    assert SECRETS[kind] not in scrub.member("x", f"a{edge}{SECRETS[kind]}{edge}b", scrub.DEFAULT)


@given(st.binary(min_size=24, max_size=64).map(lambda sent: sent.hex()))
def test_hex_is_found(token: str) -> None:
    assert scrubbed("text", f"x={token};") in {
        "x={hex};",
        "x={card};",
        f"x={token};" if token.isdigit() else "",
    }


def test_random_tokens_are_nearly_always_found() -> None:
    rng = random.Random(1)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    missed = {
        length: sum(
            (token := "".join(rng.choices(alphabet, k=length)))
            in scrub.member("x", f"({token})", scrub.DEFAULT)
            for _ in range(2000)
        )
        / 2000
        for length in (22, 32, 43)
    }
    assert missed[22] < 0.1
    assert missed[32] < 0.04
    assert missed[43] < 0.02


@given(st.integers(10**12, 10**17 - 1))
def test_every_card_number_is_found(number: int) -> None:
    (digit,) = (digit for digit in range(10) if masks.is_card(f"9{number}{digit}"))
    assert scrubbed("text", f"x=9{number}{digit};") == "x={card};"


@pytest.mark.parametrize(
    ("number", "is_card"),
    [
        ("4111111111111111", True),
        ("378282246310005", True),
        ("4222222222222", True),
        ("6759649826438453", True),
        ("4111111111111112", False),
        ("411111111111", False),
        ("1700000000004", False),
        ("0" * 20, False),
    ],
)
def test_card_numbers(number: str, is_card: bool) -> None:  # noqa: FBT001 - the expectation of a table
    assert masks.is_card(number) is is_card


def test_what_a_project_keeps_stays() -> None:
    text = " ".join(SECRETS.values())
    assert scrubbed("text", text, OFF) == text
    assert scrubbed("url", f"https://a.example/{UUID}?x", OFF) == f"https://a.example/{UUID}"
    assert scrubbed("url", JWT[:20], OFF) == JWT[:20].lower()
    uuids = scrub.rules_of(project_settings.ProjectSettings(scrub_off=("uuids",)))
    assert scrubbed("text", f"{UUID} {CARD}", uuids) == f"{UUID} {{card}}"
    assert scrub.rules_of(project_settings.ProjectSettings()) is scrub.DEFAULT


def test_digests_stay_where_they_are_due() -> None:
    pin = "d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM="
    pem = "-----BEGIN CERTIFICATE-----\nMIIBXjCCAQOgAwIBAgIIQH4H3JM2aB3dE6gH\n-----END CERTIFICATE-----\n"
    assert scrub.member("known_pins", pin, scrub.DEFAULT) == pin
    assert scrub.member("served_leaf_sha256", "ab12" * 16, scrub.DEFAULT) == "ab12" * 16
    assert scrub.member("message", pem, scrub.DEFAULT) == pem
    assert scrub.member("message", "ab12" * 16, scrub.DEFAULT) == "{hex}"
    assert scrub.member("known-pins", f"{JWT} a@b.cc", scrub.DEFAULT) == "{jwt} {mail}"


PRIVATE = [
    "server_ip",
    "serverIP",
    "client_ip",
    "ip",
    "X-Forwarded-For",
    "remote_addr",
    "cookie",
    "Set-Cookie",
    "password",
    "access_token",
]


@pytest.mark.parametrize("name", PRIVATE)
def test_private_members_are_never_stored(name: str) -> None:
    found = report.Report(kind="x", details={name: "192.0.2.1", "phase": "dns"})
    assert scrub.apply(found, OFF).details == {"phase": "dns"}
    assert rendered({"a": {name: "192.0.2.1", "b": 1}}, OFF) == {"a": {name: "", "b": 1}}


@pytest.mark.parametrize(
    "name", ["script", "descriptor", "type", "destination", "elapsed_time", "ip_version", "recipe"]
)
def test_other_members_are_stored(name: str) -> None:
    assert names.what_is(name) is not names.What.PRIVATE


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of everything in a JSON value that is neither an object nor an array."""
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in leaves(inner, (*path, name))]
    if isinstance(value, list):
        return [leaf for index, inner in enumerate(value) for leaf in leaves(inner, (*path, index))]
    return [path]


def planted(value: Any, path: tuple[Any, ...], secret: str) -> Any:
    """Return the value with a secret at this place: after what stood there, if that was a text."""
    if not path:
        return (
            f"{value} {secret}"
            if isinstance(value, str) and "://" not in value
            else f"{value or ''}/{secret}"
        )
    step, *rest = path
    changed = value.copy()
    changed[step] = planted(value[step], tuple(rest), secret)
    return changed


DIGESTS = {"hex", "base64"}


def shapes() -> list[Any]:
    """Return one report of each shape that the vectors know."""
    found: dict[tuple[str, ...], Any] = {}
    for vector in recorded.VECTORS:
        try:
            value = json.loads(vector.get("body") or "")
        except (ValueError, RecursionError):
            continue
        if isinstance(value, (dict, list)) and len(vector["body"]) < 4096:
            found.setdefault((vector["kind"], *sorted({str(path) for path in leaves(value)})), value)
    return list(found.values())


@pytest.mark.parametrize("kind", sorted(SECRETS))
def test_a_secret_in_any_field_of_any_report_is_stored_nowhere(kind: str) -> None:
    secret = SECRETS[kind]
    batch = []
    for shape in shapes():
        for path in leaves(shape):
            digests = any(
                isinstance(step, str) and names.what_is(step) is names.What.DIGESTS for step in path
            )
            if not (digests and kind in DIGESTS):
                batch.append(payloads.payload(planted(shape, path, secret)))
    assert len(batch) > 500
    tables = pipeline.process(3, [envelope.Entry(f"{payloads.NOW_MS}-0", batch)], batch_plan.Plan())
    for columns in (tables.reports, tables.policies):
        stored = msgspec.json.encode(columns).decode()
        assert secret not in stored, stored[max(0, stored.index(secret) - 300) :][:400]
        assert secret.lower() not in stored.lower(), stored[stored.lower().index(secret.lower()) - 300 :][
            :400
        ]


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "1", "0-", "@", "a@", "a@b.", "a@b.cc", "eyJ", "eyJ.", "A1b2", "://", "://@", "/", "'/"),
        *("'/?", "?a=", "4111 ", "4111 1111 1111 1111 ", "%40", "a%40a.", "sha256-", "token=a", "é"),
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """Quadratic time would be far beyond what a test may take."""
    size = thoroughness.size(1 << 18, quick=1 << 14)
    text = (piece * size)[:size]
    scrub.member("x", f"@{text}=", scrub.DEFAULT)
    scrub.member("original-policy", text, scrub.DEFAULT)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ('{"clientIp":"1.2.3.4 or so","x":1}', '{"clientIp":"{token}","x":1}'),
        ('{"otp":123456,"x":1}', '{"otp":…,"x":1}'),
        ('{"auth":[1,{"x":"y"}],"x":1}', '{"auth":{token},"x":1}'),
        ('{"auth":[1,{"x":"y"', '{"auth":{token}'),
        ('{"auth":"ab', '{"auth":"…'),
        ('{"clientIp":null,"x":"y"}', '{"clientIp":null,"x":"y"}'),
        ("{'pass':function(){return 1}}", "{'pass':function(){return 1}}"),
        ("{'user':{name:1}}", "{'user':{name:1}}"),
    ],
)
def test_members_of_json_in_a_text_are_private_by_their_names(sent: str, stored: str) -> None:
    assert scrub.member("message", sent, scrub.DEFAULT) == stored
    assert scrub.member("message", stored, scrub.DEFAULT) == stored


def test_nothing_is_stored_below_a_name_of_absurd_length() -> None:
    assert scrub.member("a" * 4096, "x", scrub.DEFAULT) == "x"
    assert scrub.member("a" * 4097, "x", scrub.DEFAULT) == ""


def test_an_address_in_a_policy_is_no_scheme() -> None:
    policy = "img-src http://[fe80::1]:80 a.example:80"
    assert scrub.member("policy", policy, scrub.DEFAULT) == policy


def test_what_only_holds_the_letters_of_a_private_word_is_stored() -> None:
    assert scrub.member("timeInterval", "x", scrub.DEFAULT) == "x"
    assert scrub.member("device.imei", "x", scrub.DEFAULT) == ""
