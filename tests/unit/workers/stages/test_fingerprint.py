"""Fingerprints: what is one finding and what is another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.projects import project_settings
from tests.helpers import payloads
from workers import scrub
from workers.model import report
from workers.stages import fingerprint
from workers.text import urls

if TYPE_CHECKING:
    from collections.abc import Callable


def of(body: object, **known: Any) -> int:
    made: int = payloads.row(body, **known)["fingerprint"]
    return made


def code(**members: object) -> payloads.Row:
    """Return the report of a blocked eval in a script of the page's own host."""
    evaluated = {
        "effective_directive": "script-src",
        "blocked_uri": "eval",
        "source_file": "https://www.example.com/static/app.3f9a1c.js",
        "script_sample": "alert(1)",
    }
    return payloads.legacy(**(evaluated | members))


SAME = {
    "age": [payloads.modern(age=60_000)],
    "user agent": [payloads.modern(user_agent=payloads.SAFARI)],
    "page": payloads.legacy(document_uri="https://www.example.com/basket?a=1#b"),
    "site": payloads.legacy(document_uri="http://staging.example.com:8080/account"),
    "path of what was blocked": payloads.legacy(blocked_uri="https://tracker.example/other.gif?x"),
    "origin of what was blocked": payloads.legacy(blocked_uri="https://tracker.example"),
    "disposition": payloads.legacy(disposition="report"),
    "policy": payloads.legacy(original_policy="img-src 'self' 'nonce-abc'"),
    "source of a request": payloads.legacy(source_file="https://www.example.com/a.js"),
    "sample of a request": payloads.legacy(script_sample="x"),
    "line": payloads.legacy(line_number=7, column_number=123_456),
    "referrer": payloads.legacy(referrer="https://search.example/"),
    "status": payloads.legacy(status_code=200),
}
OTHER = {
    "kind": [payloads.modern() | {"type": "unheard-of"}],
    "directive": payloads.legacy(effective_directive="font-src"),
    "host of what was blocked": payloads.legacy(blocked_uri="https://other.example/p.gif"),
    "own host": payloads.legacy(blocked_uri="https://www.example.com/p.gif"),
    "scheme": payloads.legacy(blocked_uri="data"),
    "keyword": payloads.legacy(blocked_uri="inline"),
    "unnamed": payloads.legacy(blocked_uri="self"),
}
SAME_CODE = {
    "page": code(document_uri="https://www.example.com/basket"),
    "environment": code(
        document_uri="https://staging.example.com/basket",
        source_file="https://staging.example.com/static/app.3f9a1c.js",
    ),
    "release": code(source_file="https://www.example.com/static/app.99e01d22.js?v=2"),
    "line drift": code(line_number=1, column_number=98_765),
    "numbers in the sample": code(script_sample="alert(27)"),
    "blanks in the sample": code(script_sample="alert(1)\n"),
    "how Firefox cuts the sample": code(script_sample="alert(1)..."),
    "policy": code(original_policy="script-src 'nonce-r4nd0m'"),
}
OTHER_CODE = {
    "sample": code(script_sample="eval(x)"),
    "source": code(source_file="https://www.example.com/static/vendor.js"),
    "host of the source": code(source_file="https://cdn.example/static/app.3f9a1c.js"),
    "an extension": code(source_file="chrome-extension://abcdef/x.js"),
    "no script": code(source_file=None),
    "keyword": code(blocked_uri="inline"),
    "directive": code(effective_directive="script-src-attr"),
}


@pytest.mark.parametrize("body", SAME.values(), ids=SAME)
def test_this_does_not_make_another_finding(body: object) -> None:
    assert of(body) == of(payloads.legacy())


@pytest.mark.parametrize("body", OTHER.values(), ids=OTHER)
def test_this_makes_another_finding(body: object) -> None:
    assert of(body) != of(payloads.legacy())


@pytest.mark.parametrize("body", SAME_CODE.values(), ids=SAME_CODE)
def test_this_does_not_make_another_finding_of_code(body: object) -> None:
    assert of(body) == of(code())


@pytest.mark.parametrize("body", OTHER_CODE.values(), ids=OTHER_CODE)
def test_this_makes_another_finding_of_code(body: object) -> None:
    assert of(body) != of(code())


def test_a_finding_is_the_same_everywhere() -> None:
    known = {"project_id": 2, "environment": "staging", "release": "2.0", "key": "x"}
    assert of(payloads.legacy(), **known) == of(payloads.legacy())


def test_inline_code_has_no_source_but_the_page() -> None:
    bodies = [
        payloads.legacy(effective_directive=directive, blocked_uri="inline", source_file=source)
        for directive, source in (
            ("script-src-elem", "https://www.example.com/account"),
            ("script-src-elem", "https://www.example.com/other?page"),
            ("script-src-elem", None),
            ("script-src", None),
        )
    ]
    assert len({of(body) for body in bodies}) == 1


def test_both_old_names_of_inline_code_are_one() -> None:
    assert of(payloads.legacy(blocked_uri="self")) == of(payloads.legacy(blocked_uri=""))


def refused(sample: str, **members: object) -> payloads.Row:
    """Return the report of a value that Trusted Types kept out of a sink."""
    return code(
        effective_directive="require-trusted-types-for",
        blocked_uri="trusted-types-sink",
        script_sample=sample,
        **members,
    )


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_value_for_a_sink_does_not_make_another_finding(one: str, other: str) -> None:
    assert of(refused(f"Element innerHTML|{one}")) == of(refused(f"Element innerHTML|{other}"))


def test_a_sink_is_one_finding_in_the_spelling_of_each_browser() -> None:
    samples = ("Element innerHTML|<b>", "Element innerHTML <img src=x", "Element.innerHTML <b>")
    assert len({of(refused(sample)) for sample in samples}) == 1


def test_what_one_mends_for_trusted_types_tells_findings_apart() -> None:
    bodies = [
        refused("Element innerHTML|<b>"),
        refused("Element outerHTML|<b>"),
        refused("eval|1"),
        refused("<b>"),
        refused("Element innerHTML|<b>", source_file="https://www.example.com/static/vendor.js"),
        refused("Element innerHTML|<b>", source_file="https://cdn.example/static/app.js"),
        *(
            code(effective_directive="trusted-types", blocked_uri="trusted-types-policy", script_sample=name)
            for name in ("dompurify", "goog#html")
        ),
    ]
    assert len({of(body) for body in bodies}) == len(bodies)


UUIDS = ("9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "11111111-2222-3333-4444-aaaaaaaaaaaa")
HOSTS = [
    ("d1234abcd.cloudfront.net", "d9f8e7xyz.cloudfront.net"),
    ("d111111abcdef8.cloudfront.net", "dk7q2w9x1z.cloudfront.net"),
    ("cdn1.example.net", "cdn27.example.net"),
    ("r3---sn-4g5e6nsz.media.example", "r5---sn-25ge7nzk.media.example"),
    (f"{UUIDS[0]}.tracker.example", f"{UUIDS[1]}.tracker.example"),
    ("user42.app.example", "user7.app.example"),
    ("192.168.1.17", "10.0.0.1"),
    ("ab12cd34ef.shop.co.uk", "12ab34cd56.shop.co.uk"),
]
OTHER_HOSTS = [
    ("static.example.net", "img.example.net"),
    ("73a5b0806e464be8bd4e694c744624f0.example", "020dfefc4ac745dab7594f2f771c1ded.example"),
    ("shop24.co.uk", "shop12.co.uk"),
    ("shop24.example", "shop12.example"),
    ("192.0.2.1", "192.0.2.27"),
    ("[2001:db8::1]", "[2001:db8::2]"),
    ("localhost", "printer"),
]


@pytest.mark.parametrize(("one", "other"), HOSTS)
def test_rotating_subdomains_do_not_count(one: str, other: str) -> None:
    bodies = [payloads.legacy(blocked_uri=f"https://{host}/x") for host in (one, other)]
    assert of(bodies[0]) == of(bodies[1])


@pytest.mark.parametrize(("one", "other"), OTHER_HOSTS)
def test_names_of_hosts_count(one: str, other: str) -> None:
    bodies = [payloads.legacy(blocked_uri=f"https://{host}/x") for host in (one, other)]
    assert of(bodies[0]) != of(bodies[1])


FILES = [
    ("/static/app.3f9a1c.js", "/static/app.99e01d.js"),
    ("/static/app.3f2a1b9c.js", "/static/app.deadbeef.js"),
    ("/main-5f2ab.chunk.css", "/main-0c9d1.chunk.css"),
    ("/assets/index-DiwrgTda.js", "/assets/index-B_x9-k2a.js"),
    ("/chunk.12.js", "/chunk.7.js"),
    ("/2.4f5d.chunk.js", "/17.0a9b.chunk.js"),
    (f"/chunks/{UUIDS[0]}.js", f"/chunks/{UUIDS[1]}.js"),
    ("/v1.2.3/x.js", "/v1.10/x.js"),
    ("/users/42/photos.js", "/users/7/photos.js"),
    ("/t/eyJhbGci0iJI1/x.js", "/t/abc12defgh34/x.js"),
    ("/t/{token}/x.js", "/t/{uuid}/x.js"),
    ("/users/jane/x.js", "/users/bob/x.js"),
    ("/en/x.js", "/pt-BR/x.js"),
    ("/messages.de.js", "/messages.fr.js"),
    ("/assets/chunk-QWERTYUI.js", "/assets/chunk-ZXCVBNMA.js"),
]
OTHER_FILES = [("/jquery.js", "/react.js"), ("/a/b.js", "/a/c.js"), ("/v1/a.js", "/w1/a.js")]


@pytest.mark.parametrize(("one", "other"), FILES)
def test_variable_parts_of_a_file_name_do_not_count(one: str, other: str) -> None:
    bodies = [code(source_file=f"https://cdn.example{path}") for path in (one, other)]
    assert of(bodies[0]) == of(bodies[1])


@pytest.mark.parametrize(("one", "other"), OTHER_FILES)
def test_the_words_of_a_file_name_count(one: str, other: str) -> None:
    bodies = [code(source_file=f"https://cdn.example{path}") for path in (one, other)]
    assert of(bodies[0]) != of(bodies[1])


def test_other_kinds_have_a_source_and_some_a_file() -> None:
    def some(kind: str, **known: Any) -> int:
        return fingerprint.fingerprint(report.Report(kind=kind, **known))

    script = urls.clean("https://cdn.example/app.3f9a1c.js")
    other = urls.clean("https://cdn.example/vendor.js")
    assert some("deprecation", source_file=script) != some("deprecation", source_file=other)
    assert some("coep", blocked=script) == some("coep", blocked=other)
    assert some("integrity", blocked=script) != some("integrity", blocked=other)
    assert some("nel", directive="dns.failed", hostname="a.example") != some(
        "nel", directive="dns.failed", hostname="b.example"
    )


def test_the_fingerprint_is_stored_so_it_never_changes() -> None:
    """Rows of one finding are found by it for ever: what changes one of these needs a new version."""
    assert fingerprint.VERSION == 2
    found = {
        "image": report.Report(
            kind="csp", directive="img-src", blocked=urls.clean("https://d1234abcd.cloudfront.net/p.gif")
        ),
        "eval": report.Report(
            kind="csp",
            directive="script-src",
            blocked=urls.clean("eval"),
            source_file=urls.clean("https://cdn.example/app.3f9a1c.js"),
            sample="alert(1)",
        ),
        "nel": report.Report(kind="nel", directive="tcp.timed_out", hostname="www.example.com"),
    }
    assert {name: fingerprint.fingerprint(one) for name, one in found.items()} == SECOND_VERSION


SECOND_VERSION = {
    "image": 6059937401852545852,
    "eval": 5323077920788108448,
    "nel": 13076495785137602293,
}

HASHES = st.text("0123456789abcdef", min_size=8, max_size=32)
NONCES = st.text("ABCDEFabcdef0123456789+/=", min_size=8, max_size=32)
QUERIES = st.text("abc=&%123/?", max_size=20)
AGENTS = st.sampled_from([payloads.CHROME, payloads.FIREFOX, payloads.SAFARI, "curl/8.5.0", ""])
BLOCKED = st.sampled_from(
    ["inline", "eval", "https://tracker.example/p", "https://d1234abcd.cloudfront.net/x"]
)
SAMPLES = st.sampled_from(
    ["", "alert(1)", "window.dataLayer = []", "mail(jane.doe@example.com)", "4111 1111 1111 1111"]
)


@given(st.data(), BLOCKED, SAMPLES)
def test_what_drifts_does_not_make_another_finding(data: st.DataObject, blocked: str, sample: str) -> None:
    def seen() -> int:
        query = data.draw(QUERIES)
        item = payloads.modern(
            age=data.draw(st.integers(0, 900_000)),
            user_agent=data.draw(AGENTS),
            url=f"https://www.example.com/account?{query}",
            blockedURL=f"{blocked}?{query}" if "/" in blocked else blocked,
            effectiveDirective="script-src",
            sourceFile=f"https://cdn.example/static/app.{data.draw(HASHES)}.js?{query}",
            lineNumber=data.draw(st.integers(0, 2)),
            columnNumber=data.draw(st.integers(0, 10**6)),
            originalPolicy=f"script-src 'nonce-{data.draw(NONCES)}'",
            sample=sample,
        )
        return of([item])

    assert seen() == seen()


WHO = st.fixed_dictionaries(
    {
        "name": st.text("abcdefghijklmnopqrstuvwxyzABC ", min_size=1, max_size=30),
        "id": st.integers(0, 10**9),
        "uuid": st.uuids(),
        "language": st.sampled_from(["de", "en-US", "fr", "pt_BR", "zh"]),
    }
)
PERSONAL = {
    "value for a sink": lambda who: refused(f"Element innerHTML|<li>{who['name']}, {who['id']}"),
    "name in code": lambda who: payloads.legacy(
        effective_directive="script-src-elem",
        blocked_uri="inline",
        script_sample=f"start({{'id':{who['id']},'name':'{who['name']}'}});run()"[:40],
    ),
    "handler": lambda who: payloads.legacy(
        effective_directive="script-src-attr",
        blocked_uri="inline",
        script_sample=f"open('/u/{who['name']}', {who['id']})"[:40],
    ),
    "tenant": lambda who: payloads.legacy(blocked_uri=f"https://user{who['id']}.app.example/"),
    "own network": lambda who: payloads.legacy(blocked_uri=f"http://192.168.1.{who['id'] % 256}/x"),
    "path of a script": lambda who: code(
        source_file=f"https://cdn.example/users/{who['name']}/{who['language']}/{who['id']}/{who['uuid']}/a.js"
    ),
    "hash": lambda who: {
        "type": "csp-hash",
        "url": "https://shop.example/",
        "body": {"subresource_url": f"https://shop.example/u/{who['uuid']}/a.js", "destination": "script"},
    },
    "network error": lambda who: {
        "type": "network-error",
        "url": f"https://user{who['id']}.app.example/{who['name']}?q={who['uuid']}",
        "body": {"type": "tcp.reset", "url": f"https://user{who['id']}.app.example/{who['uuid']}"},
    },
    "deprecation": lambda who: {
        "type": "deprecation",
        "url": "https://shop.example/",
        "body": {"id": "WebSQL", "message": f"Used by {who['name']}", "sourceFile": f"blob:{who['uuid']}"},
    },
    "intervention": lambda who: {
        "type": "intervention",
        "url": "https://shop.example/",
        "body": {"id": f"HeavyAd {who['id'] + 100}", "message": who["name"]},
    },
    "type": lambda who: {"type": f"job-{who['uuid']}", "url": "https://shop.example/", "body": {}},
    "crash": lambda who: {
        "type": "crash",
        "url": "https://shop.example/",
        "body": {
            "reason": "oom",
            "stack": f"at f (https://cdn.example/users/{who['uuid']}/a.js:1:{who['id']})",
        },
    },
    "opener": lambda who: {
        "type": "coop",
        "url": "https://shop.example/",
        "body": {
            "type": "access-to-opener",
            "property": who["name"],
            "openerURL": f"https://x.example/{who['id']}",
        },
    },
    "permission": lambda who: {
        "type": "permissions-policy-violation",
        "url": "https://shop.example/",
        "body": {
            "policyId": "camera",
            "message": who["name"],
            "sourceFile": f"https://a.example/{who['id']}.js",
        },
    },
}
"""Reports that hold what differs from visitor to visitor, one for each place in which it may stand."""


@pytest.mark.parametrize("personal", PERSONAL.values(), ids=PERSONAL)
@given(WHO, WHO)
def test_who_it_met_does_not_make_another_finding(
    personal: Callable[[dict[str, Any]], payloads.Row], one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert of(personal(one)) == of(personal(other))


def test_an_own_network_is_told_apart_for_pages_within_it() -> None:
    bodies = [
        payloads.legacy(document_uri="http://192.168.1.2/", blocked_uri=f"http://192.168.1.{number}/x")
        for number in (3, 4)
    ]
    assert of(bodies[0]) != of(bodies[1])


NOTHING_SCRUBBED = scrub.rules_of(
    project_settings.ProjectSettings(scrub_off=("cards", "emails", "tokens", "uuids"))
)
SEGMENTS = st.lists(
    st.sampled_from(["static", "app.js", "jane.doe@example.com", "4111111111111111", "{token}", "{uuid}"])
    | HASHES
    | st.uuids().map(str)
    | st.text("abcXYZ019-_.~%@{}", max_size=40),
    max_size=4,
).map(lambda parts: "/" + "/".join(parts))


@given(SEGMENTS, SEGMENTS, st.text(max_size=60) | SAMPLES)
def test_scrubbing_changes_no_fingerprint(blocked: str, source: str, sample: str) -> None:
    for kind, what in (("csp", "inline"), ("integrity", f"https://cdn.example{blocked}")):
        found = report.Report(
            kind=kind,
            directive="script-src",
            blocked=urls.clean(what),
            document=urls.clean("https://www.example.com/"),
            source_file=urls.clean(f"https://www.example.com{source}"),
            sample=sample,
        )
        scrubbed = scrub.apply(found, scrub.DEFAULT)
        assert fingerprint.fingerprint(scrubbed) == fingerprint.fingerprint(found, NOTHING_SCRUBBED)
