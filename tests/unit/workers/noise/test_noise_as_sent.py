"""Noise that only the report as it was sent tells: by its query, its source file, its page and its policy."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.projects import project_settings
from tests.helpers import payloads
from tests.unit.workers.noise.labels import rule_of
from workers import noise
from workers.model import report
from workers.noise import rules, shipped
from workers.stages import evaluate, state

SHOP: Final = "https://www.shop.example/cart"
PASSIVE: Final = ("img-src", "media-src", "font-src")


def alone(**conditions: Any) -> noise.NoiseRules:
    """Return the noise rules of a project that has one rule with these conditions."""
    return noise.only(rules.Rule(id="mine", noise="injected", origin="a test", **conditions))


def label(wanted: noise.NoiseRules = noise.DEFAULT, agent: str = payloads.CHROME, **members: Any) -> str:
    """Return the rule that a report of a page of a shop meets."""
    given = {"document_uri": SHOP, **members}
    return rule_of(payloads.legacy(**given), agent=agent, wanted=wanted).partition(" ")[2]


def rows(**members: Any) -> dict[str, Any]:
    return payloads.row(payloads.legacy(document_uri=SHOP, **members))


QUERIES: Final = [
    ("https://new.example/metric/?mid=&wid=5&sid=&tid=7&rid=FINISHED&custom1=shop.example&t=1", True),
    ("https://new.example/metric/?rid=&wid=#x", True),
    ("https://new.example/metric/deep?wid=1&rid=2", True),
    ("https://new.example/metric/?wid=1", False),
    ("https://new.example/metric/?wids=1&rid=2", False),
    ("https://new.example/metric/#?wid=1&rid=2", False),
    ("https://new.example/metrics/?wid=1&rid=2", False),
    ("https://new.example/a/metric/?wid=1&rid=2", False),
    ("https://new.example/metric/", False),
    (f"{SHOP}/metric/?wid=1&rid=2", False),
    ("https://www.shop.example/metric/?wid=1&rid=2", False),
    ("https://new.example/metric/?wid=1&rid=2&x=" + "x" * 5000, False),
]


@pytest.mark.parametrize(("url", "is_noise"), QUERIES)
def test_members_of_a_query_tell_noise_and_are_not_stored(url: str, is_noise: bool) -> None:  # noqa: FBT001 - a column
    assert label(blocked_uri=url) == ("monetizus-anywhere" if is_noise else "")
    assert "wid" not in json.dumps(rows(blocked_uri=url), default=str)


@pytest.mark.parametrize("directive", ["script-src-elem", "connect-src", "frame-src", "form-action"])
def test_a_query_excuses_nothing_that_runs_or_is_sent(directive: str) -> None:
    url = "https://evil.example/metric/?wid=1&rid=2"
    assert label(blocked_uri=url, effective_directive=directive) == ""


def test_a_query_may_narrow_a_host() -> None:
    wanted = alone(hosts=("ads.example",), queries=("a", "b"))
    assert label(wanted, blocked_uri="https://ads.example/?b=1&a") == "mine"
    assert label(wanted, blocked_uri="https://ads.example/?b=1") == ""
    assert label(wanted, blocked_uri="inline", source_file="https://ads.example/?b=1&a") == ""


CARRIERS: Final = [
    ("http://198.51.100.8/bmi/www.shop.example/a.png", True),
    ("http://198.51.100.8/bmi/shop.example/a.png", True),
    ("http://198.51.100.8:8080/bmi/img.shop.example:80/a.png", True),
    ("http://[2001:db8::1]/bmi/x/Shop.Example/a.png", True),
    ("http://198.51.100.8/bmi/example/a.png", False),
    ("http://198.51.100.8/bmi/noshop.example/a.png", False),
    ("http://198.51.100.8/bmi/shop.example.evil.example/a.png", False),
    ("http://198.51.100.8/bmi/a.png", False),
    ("http://198.51.100.8/img/shop.example/a.png", False),
    ("http://carrier.example/bmi/shop.example/a.png", False),
]


@pytest.mark.parametrize(("url", "is_noise"), CARRIERS)
def test_an_address_with_the_pages_host_in_its_path_is_a_carriers(url: str, is_noise: bool) -> None:  # noqa: FBT001
    assert label(blocked_uri=url) == ("image-compression-anywhere" if is_noise else "")
    assert label(blocked_uri=url, effective_directive="script-src-elem") == ""


def test_a_page_below_the_host_in_the_path_is_of_the_same_site() -> None:
    url = "http://198.51.100.8/bmi/shop.example/a.png"
    assert label(blocked_uri=url, document_uri="https://m.shop.example/") == "image-compression-anywhere"
    assert label(blocked_uri=url, document_uri="about:srcdoc") == ""
    assert label(blocked_uri=url, document_uri="http://198.51.100.8/") == ""


def test_loose_rules_drop_nothing_unasked() -> None:
    found = payloads.legacy(document_uri=SHOP, blocked_uri=QUERIES[0][0])
    for dropped, kept in ((("injected",), 1), (("monetizus-anywhere",), 0)):
        wanted = noise.rules_of(project_settings.ProjectSettings(noise_drop=dropped))
        body = json.dumps(found).encode()
        evaluated = evaluate.evaluate_payload(body, state.EvaluationRules(noise=wanted))
        assert len(evaluated.findings) == kept


MIRRORS: Final = (
    "https://www-shop-example.translate.goog/cart",
    "https://webcache.googleusercontent.com/search",
    "https://web.archive.org/web/2026/https://www.shop.example/",
    "https://shop-example.cdn.ampproject.org/c/s/shop.example/",
    "https://12ft.io/",
)


@pytest.mark.parametrize("page", MIRRORS)
def test_whatever_a_mirror_of_the_page_reports_is_noise(page: str) -> None:
    reports: tuple[dict[str, Any], ...] = (
        {"blocked_uri": "https://www.shop.example/app.js", "effective_directive": "script-src-elem"},
        {"blocked_uri": page, "effective_directive": "script-src-elem"},
        {"blocked_uri": "inline", "effective_directive": "script-src-elem", "source_file": page},
        {"blocked_uri": "https://evil.example/x.js", "effective_directive": "script-src-elem"},
    )
    for members in reports:
        assert label(document_uri=page, **members) != ""
    deprecated = {"id": "x", "message": "y"}
    assert rule_of([{"type": "deprecation", "url": page, "body": deprecated}]) != ""


@pytest.mark.parametrize("page", ["https://nottranslate.goog/", "https://translate.goog.shop.example/"])
def test_what_only_looks_like_a_mirror_is_none(page: str) -> None:
    assert label(document_uri=page) == ""


def test_a_project_that_owns_its_pages_has_no_mirrors_but_its_own_rules() -> None:
    found = payloads.legacy(document_uri=MIRRORS[0])
    given: dict[str, Any] = {"allowed_origins": ("https://*.translate.goog",), "noise_off": ()}
    assert rule_of(found, wanted=noise.rules_of(project_settings.ProjectSettings(**given))) == ""
    own = given | {"noise_rules": ("copies translation page=.translate.goog",)}
    wanted = noise.rules_of(project_settings.ProjectSettings(**own))
    assert rule_of(found, wanted=wanted) == "translation copies"


WORDS: Final = [
    ("http://uc.gre/plugin/adp/list?v=12", "uc-browser"),
    ("https://UC.GRE./x", "uc-browser"),
    ("wss://nikkomsgchannel/e?00", "rapport-channel"),
    ("https://webviewprogressproxy/complete", "webview-progress"),
    ("https://com.lge.browser/", "lg-browser"),
    *((f"https://{word}/a.png", "") for word in ("about", "null", "none", "asset", "resource", "res", "mx")),
    *((f"https://{word}/a.png", "") for word in ("weixin", "view-source", "self", "inline")),
    ("https://uc.gre.example/", ""),
    ("https://x.uc.gre/", ""),
]


@pytest.mark.parametrize(("url", "rule"), WORDS)
def test_a_bare_word_may_be_the_host_of_a_url(url: str, rule: str) -> None:
    assert label(blocked_uri=url) == rule
    assert label(blocked_uri=url, document_uri=url) == ""


def test_a_projects_own_word_is_no_host_of_its_own_page() -> None:
    wanted = noise.rules_of(project_settings.ProjectSettings(noise_rules=("w injected scheme=our.helper",)))
    assert label(wanted, blocked_uri="https://our.helper/x") == "w"
    assert label(wanted, blocked_uri="https://our.helper/x", document_uri="https://our.helper/") == ""


SOURCES: Final = [
    ("user-script", "user-script"),
    ("user-script:12:3", "user-script"),
    ("webkit-masked-url://hidden/", "webkit-masked-url"),
    ("sandbox eval code", "sandbox-eval"),
    (" Sandbox eval code:1", "sandbox-eval"),
    ("chrome-extension://abcd/userscript.html?name=x", "chrome-extension"),
    ("<anonymous>", ""),
    ("undefined", ""),
    ("debugger eval code:3", "firefox-console"),
    ("pptr:evaluate;at%20file.js:1:2", "automation"),
    ("__puppeteer_evaluation_script__:1", "automation"),
    ("pptr.js", ""),
    ("a sandbox eval code", ""),
    (f"{SHOP}/user-script.js", ""),
    ("sandbox eval code" + "x" * 5000, ""),
]


@pytest.mark.parametrize(("source", "rule"), SOURCES)
def test_a_source_file_tells_a_user_script(source: str, rule: str) -> None:
    for blocked in ("inline", "eval"):
        assert label(blocked_uri=blocked, source_file=source, effective_directive="script-src") == rule
    for blocked in ("https://evil.example/x.js", "https", "evil.example"):
        assert label(blocked_uri=blocked, source_file=source, effective_directive="script-src") == ""


def test_beginnings_narrow_other_conditions() -> None:
    at_host = alone(hosts=("cdn.example",), source_starts=("Sandbox of mine",))
    assert label(at_host, blocked_uri="https://cdn.example/x", source_file="sandbox of mine 3") == "mine"
    assert label(at_host, blocked_uri="https://cdn.example/x") == ""
    with_code = alone(sample_starts=("beginOf",), source_starts=("sandbox of mine",))
    members: dict[str, Any] = {
        "blocked_uri": "inline",
        "source_file": "sandbox of mine",
        "script_sample": "beginOfMine()",
    }
    assert label(with_code, **members) == "mine"
    assert label(with_code, **members | {"script_sample": "x beginOf"}) == ""
    assert label(with_code, **members | {"source_file": None}) == ""


def test_code_may_begin_in_the_middle_of_an_identifier() -> None:
    wanted = alone(sample_starts=("window.script15",))
    inline: dict[str, Any] = {"blocked_uri": "inline", "effective_directive": "script-src"}
    assert label(wanted, **inline, script_sample="window.script1561245 = 1") == "mine"
    assert label(wanted, **inline, script_sample="a=window.script15") == ""
    assert label(wanted, **inline, script_sample="window.script15", source_file=SHOP) == ""


def test_other_kinds_are_matched_as_sent_too() -> None:
    body = {"id": "x", "message": "y", "sourceFile": "sandbox eval code"}
    assert rule_of([{"type": "intervention", "url": SHOP, "body": body}]) == "extension sandbox-eval"


def test_kinds_and_versions_narrow_a_rule() -> None:
    wanted = alone(hosts=("cdn.example",), kinds=("coep",))
    assert label(wanted, blocked_uri="https://cdn.example/x") == ""
    body = {"type": "corp", "destination": "image", "blockedURL": "https://cdn.example/x"}
    assert rule_of([{"type": "coep", "url": SHOP, "body": body}], wanted=wanted) == "injected mine"


def unproven(*statuses: str) -> dict[str, Any]:
    scts = [{"version": 1, "status": status, "source": "embedded"} for status in statuses]
    return {"expect-ct-report": payloads.certificate(scts=scts)}


CERTIFICATES: Final = [
    (61, ("unknown",), True),
    (64, ("unknown", "unknown"), True),
    (65, ("unknown",), False),
    (106, ("unknown",), False),
    (64, (), False),
    (64, ("unknown", "valid"), False),
    (64, ("invalid",), False),
]


@pytest.mark.parametrize(("version", "statuses", "is_noise"), CERTIFICATES)
def test_a_browser_that_knows_none_of_the_logs_reports_wrongly(
    version: int,
    statuses: tuple[str, ...],
    is_noise: bool,  # noqa: FBT001 - a column of the table
) -> None:
    agent = payloads.CHROME.replace("Chrome/148", f"Chrome/{version}")
    assert rule_of(unproven(*statuses), agent=agent) == ("bug expect-ct-old-logs" if is_noise else "")
    assert rule_of(unproven(*statuses), agent="") == ""


def test_since_asks_for_a_version_that_is_told() -> None:
    rule = rules.Rule(id="new", noise="bug", origin="a test", since={"chrome": 120}, before={"chrome": 130})
    wanted = noise.only(rule)
    for version, is_met in ((119, False), (120, True), (129, True), (130, False)):
        agent = payloads.CHROME.replace("Chrome/148", f"Chrome/{version}")
        assert noise.agent_matches_of(agent, wanted) == (("new",) if is_met else ())
    assert noise.agent_matches_of(payloads.FIREFOX, wanted) == ()


@pytest.mark.parametrize("directive", ["base-uri", "form-action"])
@pytest.mark.parametrize("blocked", ["about", "about:blank"])
def test_an_empty_page_that_browsers_truly_block_is_a_finding(directive: str, blocked: str) -> None:
    assert label(blocked_uri=blocked, effective_directive=directive) == ""
    assert label(blocked_uri=blocked, effective_directive="frame-src") == "about"


PAGES: Final = ("chrome-extension", "moz-extension", "safari-web-extension")


@pytest.mark.parametrize("scheme", PAGES)
@pytest.mark.parametrize("form", ["{}", "{}://abcdefgh/popup.html"])
@pytest.mark.parametrize("agent", [payloads.CHROME, payloads.FIREFOX])
def test_an_extension_reports_about_itself_to_its_author(scheme: str, form: str, agent: str) -> None:
    page = form.format(scheme)
    script = form.format(scheme).replace("html", "js")
    for blocked in (
        *("https://api.ext.example/x", "inline", "eval", script, "http://127.0.0.1:8080/", "data"),
        *("https://cdn.joinhoney.com/x", "https://api.grammarly.com/", "https://a.superfish.com/x"),
    ):
        for source in (script, None):
            members: dict[str, Any] = {
                "blocked_uri": blocked,
                "source_file": source,
                "script_sample": "var lastpass_iter=",
            }
            assert label(agent=agent, document_uri=page, **members) == "", members


def test_what_another_extension_does_there_is_noise() -> None:
    page = "chrome-extension://aaaa/popup.html"
    assert label(document_uri=page, blocked_uri="chrome-extension://bbbb/x.js") == "chrome-extension"
    assert label(document_uri=page, blocked_uri="chrome-extension://AAAA/x.js") == ""
    assert label(document_uri=page, blocked_uri="chrome-extension") == ""
    assert label(document_uri=page, blocked_uri="moz-extension://bbbb/x.js") == "moz-extension"


@pytest.mark.parametrize("host", ["intranet", "wiki.local", "shop.test", "a.b.internal", "nas.home.arpa"])
def test_a_page_on_a_local_network_reports_what_is_local(host: str) -> None:
    for blocked in ("http://192.168.1.10/x", "http://localhost:5173/@vite/client"):
        assert label(document_uri=f"https://{host}/", blocked_uri=blocked) == ""
    assert label(document_uri=f"https://{host}.example/", blocked_uri="http://10.1.2.3/") == "local-network"


def test_an_app_and_a_file_are_on_the_visitors_machine() -> None:
    for page in ("file:///home/ann/x.html", "capacitor://localhost/", "tauri://localhost/"):
        assert label(document_uri=page, blocked_uri="http://127.0.0.1:8080/x") == ""
        assert label(document_uri=page, blocked_uri="chrome-extension") == "chrome-extension"
    assert label(document_uri="tauri://localhost/", blocked_uri="asset://x") == ""
    assert label(document_uri="about:srcdoc", blocked_uri="asset://x") == "app-asset"
    assert label(document_uri="about:srcdoc", blocked_uri="http://127.0.0.1:8080/x") == "local-network"


OWN: Final = (
    "default-src https: 'self' data:; connect-src https: 'self'; img-src https: data:; font-src 'none'"
)
ADDED: Final = " https://gc.kis.v2.scr.kaspersky-labs.com wss://gc.kis.v2.scr.kaspersky-labs.com:443/x"
REWRITTEN: Final = OWN.replace("'self';", f"'self'{ADDED};").replace("'none'", ADDED.strip())


def test_a_policy_is_stored_as_the_site_sent_it() -> None:
    members: dict[str, Any] = {"blocked_uri": "https://a.example/x.png", "effective_directive": "img-src"}
    own = rows(**members, original_policy=OWN)
    rewritten = rows(**members, original_policy=REWRITTEN)
    assert rewritten["policy"] == own["policy"]
    assert rewritten["fingerprint"] == own["fingerprint"]
    assert rewritten["details"] == {**own["details"], "rewritten": "kaspersky"}
    assert "kaspersky-labs" in rewritten["raw"]
    assert (own["noise"], rewritten["noise"]) == ("", "")


def test_what_software_adds_is_noise_and_what_it_does_not_add_stays() -> None:
    blocked = "https://gc.kis.v2.scr.kaspersky-labs.com/main.js"
    assert label(blocked_uri=blocked, original_policy=REWRITTEN) == "kaspersky"
    for policy in (
        "img-src https://kaspersky-labs.com.shop.example",
        "img-src 'self'; report-uri https://gc.kis.v2.scr.kaspersky-labs.com/r",
        "img-src 'self'; report-to https://gc.kis.v2.scr.kaspersky-labs.com",
        "img-src 'self'; Report-URI https://gc.kis.v2.scr.kaspersky-labs.com/r",
        "sandbox https://gc.kis.v2.scr.kaspersky-labs.com",
        "",
    ):
        assert noise.own_policy(policy) is None


@pytest.mark.parametrize(
    ("page", "is_own"), [("admin.zscaler.net", True), ("zscaler.net", True), ("www.example.com", False)]
)
def test_a_policy_of_the_maker_names_own_hosts(page: str, is_own: bool) -> None:  # noqa: FBT001 - a column
    own = noise.own_policy("img-src 'self' https://*.zscaler.net", page)
    assert (own is None) == is_own


def test_a_policy_that_had_nothing_added_costs_nothing() -> None:
    unchanged = rows(original_policy="img-src 'self' 'nonce-abc' %zz")
    assert "rewritten" not in unchanged["details"]


@given(st.text(alphabet="abc ;*:'/.-kaspersky", max_size=80))
def test_a_policy_of_the_site_has_nothing_to_take_out(text: str) -> None:
    policy = f"{text}; script-src a.example https://gc.kis.v2.scr.kaspersky-labs.com {text}"
    own = noise.own_policy(policy)
    assert own is not None
    assert noise.own_policy(own.text) is None
    assert "gc.kis" not in own.text


URLS: Final = st.sampled_from(
    [
        *(f"https://{host.removeprefix('.')}/x" for rule in shipped.rules_in_order() for host in rule.hosts),
        *("http://uc.gre/x", "http://198.51.100.8/bmi/198.51.100.8/x", "http://127.0.0.1/x"),
    ]
)


@given(url=URLS, directive=st.sampled_from([*PASSIVE, "script-src", "connect-src", "frame-src"]))
def test_what_is_blocked_on_the_pages_own_host_is_no_noise(url: str, directive: str) -> None:
    found = report.Report(kind="csp")
    assert noise.signs_of(found) is noise.NO_SIGNS
    assert label(document_uri=url, blocked_uri=url, effective_directive=directive) in {
        "",
        *(rule.id for rule in shipped.rules_in_order() if rule.pages or rule.own_host),
    }
