"""Which reports are noise, of which class, by which rule; and what only looks like it and is not."""

from __future__ import annotations

import json
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from storage.projects import project_settings
from tests.helpers import payloads, recorded
from tests.unit.workers.noise.labels import rule_of
from workers import noise
from workers.model import report
from workers.noise import rules, shipped
from workers.reading import decode
from workers.stages import detect, evaluate, state
from workers.text import urls

PAGE = "https://www.example.com/account"


def normalised(item: object) -> report.Report:
    decoded = decode.decode(json.dumps(item).encode())
    assert not isinstance(decoded, report.Rejection)
    (members,) = decoded.items
    detected = detect.detect(members, batch=False)
    assert not isinstance(detected, report.Rejection)
    family, parts = detected
    found = family.normalise(parts)
    assert isinstance(found, report.Report)
    return found


def labelled(
    *, agent: str = payloads.CHROME, wanted: noise.NoiseRules = noise.DEFAULT, **members: Any
) -> str:
    """Return the rule that a CSP report meets, after its class."""
    return rule_of(payloads.legacy(**members), agent=agent, wanted=wanted)


def settings(**given: Any) -> noise.NoiseRules:
    return noise.rules_of(project_settings.ProjectSettings(**given))


@pytest.mark.parametrize(("vector", "body"), recorded.cases(lambda vector: vector["expect"].get("good")))
def test_vector_is_noise_or_not_as_it_says(vector: dict[str, Any], body: bytes) -> None:
    agent = (vector.get("headers") or {}).get("User-Agent", "")
    reports = payloads.process(payloads.payload(body, user_agent=agent)).reports
    expected = vector["expect"].get("noise", False)
    assert [bool(label) for label in reports["noise"]] == [expected] * len(reports["noise"])
    assert bool(reports["noise"]) or vector.get("lenient") or not expected
    assert [bool(rule) for rule in reports["noise_rule"]] == [expected] * len(reports["noise"])


SCHEMES = {
    "extension": "chrome-extension moz-extension safari-extension safari-web-extension webkit-masked-url "
    "ms-browser-extension ms-appx ms-appx-web se-extension",
    "browser-internal": "resource chrome view-source jar chromenull chromeinvoke chromeinvokeimmediate "
    "crwebnull crwebinvoke crwebinvokeimmediate mxjscall mx mxaddon-pkg nativebaiduhd bdvideo opera res none "
    "safari-resource com.lge.browser uc.gre about null",
    "in-app": "gsa webviewprogress webviewprogressproxy wvjbscheme mbinit tmtbff weixin weixinping sinaweibo "
    "android-webview android-webview-video-poster asset",
    "antivirus": "symres sraf",
}
EACH_SCHEME = [(noise_class, scheme) for noise_class, listed in SCHEMES.items() for scheme in listed.split()]


@pytest.mark.parametrize(("noise_class", "scheme"), EACH_SCHEME)
@pytest.mark.parametrize("form", ["{}", "{}://x/y.js", "{}:2:248774", "{}://", " {}"])
def test_schemes_and_bare_words_are_noise(noise_class: str, scheme: str, form: str) -> None:
    value = form.format(scheme)
    assert labelled(blocked_uri=value).split()[0] == noise_class
    assert labelled(blocked_uri=value.upper()).split()[0] == noise_class
    at_source = labelled(blocked_uri="inline", source_file=value).partition(" ")[0]
    empty = scheme in {"about", "null", "none"}  # a frame that was written into the page is about:srcdoc
    assert at_source == ("" if empty else "bug" if scheme == "view-source" else noise_class)


def hosts_of(*ids: str) -> list[str]:
    return [host for rule in ids for host in shipped.by_id()[rule].hosts]


HOSTS = {
    name: [
        (rule.id, host)
        for rule in shipped.rules_in_order()
        for host in rule.hosts
        if rule.noise == name
        and not (rule.paths or rule.only or rule.schemes or rule.directives or rule.embedded)
    ]
    for name in rules.CLASSES
}
MIRRORS = {page for rule in shipped.rules_in_order() for page in rule.pages}


@pytest.mark.parametrize("noise_class", rules.CLASSES)
def test_hosts_are_noise_exactly_and_below_a_dot(noise_class: str) -> None:
    for rule, host in HOSTS[noise_class]:
        name = host.removeprefix(".")
        expected = f"{noise_class} {rule}"
        assert labelled(blocked_uri=f"https://{name}/x.js") == expected
        assert labelled(blocked_uri=f"http://{name.upper()}:8080") == expected
        assert labelled(blocked_uri="inline", source_file=f"https://{name}./x.js?y") == expected
        assert labelled(blocked_uri=f"wss://a.b.{name}/x") == (expected if host.startswith(".") else "")
        assert labelled(blocked_uri=f"https://not{name}/x.js") == ""
        assert labelled(blocked_uri=f"https://{name}.evil.example/x.js") == ""
        assert labelled(blocked_uri=f"https://cdn.example/{name}/x.js?{name}#{name}") == ""
        if not MIRRORS & {name, host}:
            assert labelled(blocked_uri=f"https://{name}/x.js", document_uri=f"https://{name}/page") == ""


BLOCKED = [
    ("https://www.gstatic.com/images/branding/product/1x/translate_24dp.png", "google-translate-files"),
    ("https://www.gstatic.com/_/translate_http/_/js/k=x/main.js", "google-translate-files"),
    ("https://www.gstatic.com/translate/x.css", "google-translate-files"),
    ("https://www.gstatic.com/images/g_translate_24dp.png", "google-translate-files"),
    ("https://www.gstatic.com/charts/loader.js", ""),
    ("https://www.gstatic.com/translated/x.js", ""),
    ("https://www.gstatic.com/xtranslate/a.js", ""),
    ("https://www.gstatic.com/x?translate", ""),
    ("http://1.1.1.1/bmi/www.example.com/a.png", "image-compression"),
    ("http://1.1.1.1/bmi", ""),
    ("https://s3.amazonaws.com/js-static/a.js", "s3-adware"),
    ("https://s3.amazonaws.com/jscache", "s3-adware"),
    ("https://s3.amazonaws.com/cashe-js/b/c.js", "s3-adware"),
    ("https://s3.amazonaws.com/js-cache/b.js", "s3-adware"),
    ("https://s3.amazonaws.com/js-static-shop/a.js", ""),
    ("https://s3.amazonaws.com/shop/js-static/a.js", ""),
    ("https://infoanalytics.tools/metric/?mid=&wid=52&sid=", "monetizus-hosts"),
    ("https://ever-new.example/optout/get?jsonp=__twb_cb", ""),
    ("https://any.example/netdefender/hui/ndhui.js", ""),
    ("https://shop-a.akamaihd.net/a.js", ""),
    ("https://addons.mozilla.org/x", "firefox-addons"),
    ("addons.mozilla.org", "firefox-addons"),
    ("nikkomsgchannel", "rapport-channel"),
    ("http://10.237.69.146:15871", "websense"),
    ("http://192.168.4.5:15871/cgi-bin/blockpage.cgi", "websense"),
    ("http://10.237.69.146:15872", "local-network"),
    ("http://203.0.113.7:15871/", ""),
    ("https://fonts.gstatic.com/s/roboto/v1/x.woff2", ""),
    ("https://cdn.example/chrome-extension/x.js", ""),
    ("https://about.example.com/", ""),
    ("https://null.example.com/", ""),
    ("data", ""),
    ("blob", ""),
    ("inline", ""),
    ("eval", ""),
    ("", ""),
    ("aboutx", ""),
    ("chrome-extensions", ""),
    ("wss://example.net:35729/livereload", ""),
]


@pytest.mark.parametrize(("blocked", "rule"), BLOCKED)
def test_paths_ports_and_what_only_looks_like_noise(blocked: str, rule: str) -> None:
    assert labelled(blocked_uri=blocked).partition(" ")[2] == rule


LOCAL = [
    "localhost",
    "localhost:3000",
    "app.localhost",
    "127.0.0.1",
    "127.0.0.1:5000",
    "2130706433",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "[::1]:8080",
    "[fe80::1]",
    "[fd00::7]",
    "[::ffff:10.0.0.1]",
]
NOT_LOCAL = ["localhost.example.com", "172.32.0.1", "11.0.0.1", "192.169.0.1", "[2001:db8::1]", "10.example"]


@pytest.mark.parametrize("host", LOCAL)
def test_machines_near_the_visitor_are_noise_unless_the_page_is_on_one(host: str) -> None:
    assert labelled(blocked_uri=f"http://{host}/x") == "local local-network"
    assert labelled(blocked_uri="inline", source_file=f"http://{host}/x.js") == ""
    for page in ("http://localhost:3000/", "http://192.168.7.7/", "https://[::1]/"):
        assert labelled(blocked_uri=f"http://{host}/x", document_uri=page) == ""
        assert labelled(blocked_uri=f"ws://{host}/ws", document_uri=page) == "local live-reload"


@pytest.mark.parametrize("host", NOT_LOCAL)
def test_other_machines_are_not(host: str) -> None:
    assert labelled(blocked_uri=f"http://{host}/x") == ""


def test_a_bare_localhost_is_local() -> None:
    assert labelled(blocked_uri="localhost") == "local local-network"
    assert labelled(blocked_uri="localhost:3000") == "local local-network"
    assert labelled(blocked_uri="127.0.0.1") == "local local-network"
    assert labelled(blocked_uri="192.168.0.1:8080") == "local local-network"
    assert labelled(blocked_uri="8.8.8.8") == ""


SAMPLES = [
    (";(function installGlobalHook(window) {\n", "devtools-hook"),
    (";(function installHook(window) {", "devtools-hook"),
    ("(function reinstallHook(window) {", ""),
    ("function installHooks(window) {", ""),
    ("var lastpass_iter=5000; var lastpass_f;", "lastpass-script"),
    ("var lastpass_iteration=1", ""),
    ("window.AG_onLoad = function(func) {", "adguard-script"),
    ("window.klTabId_kis = 'firefox.tab.1", "kaspersky-script"),
    ("var FuckAdBlock = function () {", "anti-adblock"),
    ("var BlockAdBlock = function () {", "anti-adblock"),
    ("(function(){function _PostRPC() {", "post-rpc"),
    ("(function (a,x,m,I){var c={safeWindow:{}", "safe-window"),
    ("var c={unsafeWindow:{}", ""),
    ("\n    // This signals the axe-core test s", "accessibility-audit"),
    (".tota11y-dark-color-scheme{background-co", "accessibility-audit"),
    ("(function(vimiumOnClickAttributeName) {\n", "vimium"),
    (".vimvixen-hint {\n  background-color: yel", "vimium"),
    ("@media print {#ghostery-purple-box {disp", "ghostery"),
    ("body#dummybodyid .diigolet,body#dummybod", "diigo"),
    ("#s3gt_translate_tooltip_mini { display: ", "s3-translator"),
    (".cip-genpw-icon.cip-icon-key-small {back", "keepass"),
    (".autocardanywhere-popup {background-colo", "autocard-anywhere"),
    ("//alert('jQuery.Wondershare_WSVCU_Plugin", "wondershare"),
    ("dummyRuleForDigg{}", "digg"),
    ("background-image: url(moz-extension://9c", "moz-extension-script"),
    ("onclick attribute on DIV element", ""),
    ("alert(document.cookie)", ""),
    ("lastpass_iter;alert(document.cookie)", ""),
]


@pytest.mark.parametrize(("sample", "rule"), SAMPLES)
def test_code_of_extensions_is_noise_by_whole_words(sample: str, rule: str) -> None:
    inline: dict[str, Any] = {
        "blocked_uri": "inline",
        "effective_directive": "script-src-elem",
        "script_sample": sample,
    }
    assert labelled(**inline).partition(" ")[2] == rule
    assert labelled(**inline, source_file=PAGE) == ""
    assert labelled(**inline | {"effective_directive": "script-src-attr"}) == ""
    assert labelled(**inline | {"blocked_uri": "https://cdn.example/x.js"}) == ""


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"
NO_REASON = "img-src 'self' https:"
BUGS: list[tuple[int, dict[str, object], str]] = [
    (42, {"blocked_uri": "self", "effective_directive": "script-src"}, "firefox-self"),
    (43, {"blocked_uri": "self", "effective_directive": "script-src"}, ""),
    (42, {"blocked_uri": "self", "effective_directive": "style-src"}, ""),
    (48, {"blocked_uri": "about:blank", "effective_directive": "base-uri"}, "firefox-base-uri"),
    (49, {"blocked_uri": "about:blank", "effective_directive": "base-uri"}, ""),
    (99, {"blocked_uri": "inline", "source_file": "view-source"}, "firefox-view-source"),
    (99, {"blocked_uri": "view-source"}, "firefox-internal"),
    (
        99,
        {"blocked_uri": "", "script_sample": ";undefined", "effective_directive": "script-src"},
        "firefox-undefined",
    ),
    (99, {"blocked_uri": "inline", "script_sample": ";undefined", "effective_directive": "script-src"}, ""),
    (99, {"blocked_uri": "", "script_sample": ";undefined", "effective_directive": "script-src-elem"}, ""),
    (99, {"blocked_uri": "https://api.example/x", "source_file": "moz-extension"}, "moz-extension"),
    (99, {"blocked_uri": "https://api.example/x", "source_file": "resource"}, "firefox-internal"),
    (99, {"blocked_uri": "https://api.example/x", "source_file": "chrome-extension"}, ""),
    (99, {"blocked_uri": "https://api.example/x", "source_file": "https://a.superfish.com/x.js"}, ""),
    (
        99,
        {
            "blocked_uri": "eval",
            "effective_directive": "script-src",
            "original_policy": "script-src 'unsafe-eval'",
        },
        "eval-allowed",
    ),
    (
        99,
        {"blocked_uri": "eval", "effective_directive": "script-src", "original_policy": "script-src 'self'"},
        "",
    ),
    (99, {"blocked_uri": "https://www.example.com/a.png", "original_policy": NO_REASON}, "rewritten-policy"),
    (
        99,
        {"blocked_uri": "https://www.example.com/a.png", "original_policy": "img-src *"},
        "rewritten-policy",
    ),
    (
        99,
        {"blocked_uri": "https://www.example.com/a.png", "original_policy": "script-src 'nonce-abc' *"},
        "rewritten-policy",
    ),
    (
        99,
        {"blocked_uri": "https://www.example.com/a.png", "original_policy": "img-src 'nonce-abc' *"},
        "rewritten-policy",
    ),
    (99, {"blocked_uri": "https://www.example.com/a.png", "original_policy": "img-src https://*"}, ""),
    (99, {"blocked_uri": "https://www.example.com/a.png", "original_policy": "img-src 'self'"}, ""),
    (99, {"blocked_uri": "https://other.example/a.png", "original_policy": NO_REASON}, ""),
    (
        99,
        {
            "blocked_uri": PAGE,
            "effective_directive": "frame-ancestors",
            "original_policy": "frame-ancestors *",
        },
        "",
    ),
]


@pytest.mark.parametrize(("version", "members", "rule"), BUGS)
def test_defects_of_browsers_and_of_policies(version: int, members: dict[str, Any], rule: str) -> None:
    assert labelled(agent=FIREFOX.format(version), **members).partition(" ")[2] == rule


OWN = "https://www.example.com/load?to=http://evil.example/x"
"""A URL of the page's own host that redirects wherever an outsider likes."""
REDIRECTED = [
    # A page on http loads from http too, and what runs or sends is never led elsewhere without need.
    ("http", "script-src-elem", "script-src https:"),
    ("http", "img-src", "img-src https:"),
    ("http", "img-src", "img-src 'self' http://*"),
    ("https", "img-src", "img-src https://*"),
    *(
        (scheme, directive, f"{directive} {sources}")
        for scheme in ("http", "https")
        for sources in ("https:", "http: https:", "*", "'self' https:")
        for directive in (
            *("script-src-elem", "script-src", "worker-src", "connect-src", "frame-src", "child-src"),
            *("form-action", "object-src", "manifest-src", "style-src-elem"),
        )
    ),
]


@pytest.mark.parametrize(("scheme", "directive", "policy"), REDIRECTED)
def test_what_an_outsider_can_lead_elsewhere_is_no_noise(scheme: str, directive: str, policy: str) -> None:
    found = payloads.legacy(
        document_uri=f"{scheme}://www.example.com/",
        effective_directive=directive,
        blocked_uri=OWN,
        original_policy=policy,
    )
    assert rule_of(found) == ""


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("directive", ["script-src-elem", "frame-src", "form-action", "img-src"])
def test_what_nothing_forbids_is_noise_of_a_proxy(scheme: str, directive: str) -> None:
    found = payloads.legacy(
        document_uri=f"{scheme}://www.example.com/",
        effective_directive=directive,
        blocked_uri=OWN,
        original_policy="style-src 'self'",
    )
    assert rule_of(found) == "proxy rewritten-policy"


def test_an_ancestor_is_never_the_pages_own_host() -> None:
    found = normalised(payloads.legacy(blocked_uri=PAGE, effective_directive="frame-ancestors"))
    assert noise.label(found, impossible=True) == noise.NONE


AGENTS = [
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "googlebot"),
    (f"{payloads.CHROME} (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot"),
    ("Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", "yandexbot"),
    (
        "Mozilla/5.0 (compatible; Baiduspider-render/2.0; +http://www.baidu.com/search/spider.html)",
        "baiduspider",
    ),
    ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "preview-crawler"),
    (f"{payloads.CHROME} Chrome-Lighthouse", "lighthouse"),
    ("Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)", "seo-crawler"),
    ("Mozilla/5.0 AppleWebKit/537.36; compatible; GPTBot/1.2; +https://openai.com/gptbot", "ai-crawler"),
    ("Mozilla/5.0 (compatible; NeverHeardOf/1; +https://never.example/)", "crawler"),
    ("Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 Chrome/99.0 Mobile Safari/537.36", ""),
    ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/148.0.0.0 Safari/537.36", ""),
    (payloads.SAFARI, ""),
    ("x" * 600 + " Googlebot/2.1", ""),
    ("", ""),
]


@pytest.mark.parametrize(("agent", "rule"), AGENTS)
def test_crawlers_are_noise_whatever_they_report(agent: str, rule: str) -> None:
    expected = f"crawler {rule}" if rule else ""
    assert labelled(agent=agent) == expected
    assert rule_of(payloads.modern(user_agent=agent), agent="" if agent else payloads.CHROME) == expected
    error = {"type": "crash", "url": PAGE, "user_agent": agent, "body": {}}
    assert rule_of(error) == expected


def test_a_reports_own_user_agent_comes_before_the_requests() -> None:
    assert rule_of(payloads.modern(user_agent=payloads.CHROME), agent="Googlebot/2.1") == ""


def test_user_agents_have_few_agent_matches() -> None:
    assert {noise.agent_matches_of(agent) for agent in (payloads.CHROME, payloads.SAFARI)} == {()}
    truthful = tuple(
        rule.id for rule in shipped.rules_in_order() if "firefox" in (*rule.truthful, *rule.agents)
    )
    assert {noise.agent_matches_of(agent) for agent in (payloads.FIREFOX, FIREFOX.format(60))} == {truthful}


SOURCE = {"sourceFile": "chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh/x.js"}
BLOCKED_URL = {"blockedURL": "moz-extension://11111111-2222-3333-4444-555555555555/x.js"}
OTHER_KINDS: list[tuple[str, dict[str, object], str]] = [
    ("deprecation", {"id": "x", "message": "y", **SOURCE}, "chrome-extension"),
    ("intervention", {"id": "x", "message": "y", **SOURCE}, "chrome-extension"),
    ("permissions-policy-violation", {"policyId": "usb", **SOURCE}, "chrome-extension"),
    ("document-policy-violation", {"policyId": "unsized-media", **SOURCE}, "chrome-extension"),
    ("coop", {"type": "access-from-coop-page-to-opener", "property": "x", **SOURCE}, "chrome-extension"),
    ("coep", {"type": "corp", "destination": "image", **BLOCKED_URL}, "moz-extension"),
    ("integrity-violation", {"destination": "script", **BLOCKED_URL}, "moz-extension"),
    ("deprecation", {"id": "x", "message": "y", "sourceFile": f"{PAGE}/a.js"}, ""),
    ("deprecation", {"id": "x", "message": "y"}, ""),
]


@pytest.mark.parametrize(("kind", "body", "rule"), OTHER_KINDS)
def test_reports_of_other_kinds_are_noise_by_the_same_rules(
    kind: str, body: dict[str, object], rule: str
) -> None:
    assert rule_of([{"type": kind, "url": PAGE, "body": body}]).partition(" ")[2] == rule


def test_the_most_specific_rule_names_a_report() -> None:
    both: dict[str, Any] = {"blocked_uri": "inline", "script_sample": "(function installHook(window) {"}
    assert labelled(**both, agent="Googlebot/2.1") == "extension devtools-hook"
    assert labelled(**both, agent="Googlebot/2.1", wanted=settings(noise_off=("extension",))) == (
        "crawler googlebot"
    )
    assert labelled(**both, wanted=settings(noise_off=("devtools-hook",))) == ""


@pytest.mark.parametrize("dropped", ["extension", "moz-extension"])
def test_a_project_may_drop_a_class_or_a_rule(dropped: str) -> None:
    wanted = state.EvaluationRules(noise=settings(noise_drop=(dropped,)))
    body = json.dumps(payloads.legacy(blocked_uri="moz-extension")).encode()
    evaluated = evaluate.evaluate_payload(body, wanted)
    assert (evaluated.findings, evaluated.invalid) == ([], [])
    assert evaluated.outcome_counts == {("csp", "filtered", "moz-extension"): 1}


def test_what_is_off_is_not_dropped_either() -> None:
    wanted = settings(noise_off=("moz-extension",), noise_drop=("extension",))
    assert labelled(blocked_uri="moz-extension", wanted=wanted) == ""


def test_a_projects_own_rules_come_first() -> None:
    wanted = settings(noise_rules=("mine injected scheme=moz-extension", "chat proxy host=.chat.example"))
    assert labelled(blocked_uri="moz-extension", wanted=wanted) == "injected mine"
    assert labelled(blocked_uri="https://a.chat.example/x", wanted=wanted) == "proxy chat"
    assert labelled(blocked_uri="chrome-extension", wanted=wanted) == "extension chrome-extension"
    assert labelled(blocked_uri="https://a.chat.example/x") == ""


def test_an_own_rule_may_be_about_a_scheme_or_a_path_of_a_host() -> None:
    wanted = settings(noise_rules=("old injected scheme=foo", "deep injected host=b.example path=/a/*/c/"))
    assert labelled(blocked_uri="foo://files.example/x", wanted=wanted) == "injected old"
    assert labelled(blocked_uri="https://b.example/a/b/c/d", wanted=wanted) == "injected deep"
    assert labelled(blocked_uri="https://b.example/a/b/cd", wanted=wanted) == ""
    assert labelled(blocked_uri="https://any.example/a/b/c/d", wanted=wanted) == ""
    assert labelled(source_file="https://b.example/a/b/c/d", wanted=wanted) == ""
    assert labelled(blocked_uri="inline", source_file="https://b.example/a/b/c/d", wanted=wanted) == (
        "injected deep"
    )


def test_an_own_rule_about_a_path_of_all_hosts_is_left_out() -> None:
    wanted = settings(noise_rules=("deep injected path=/a/", "mine injected scheme=foo"))
    assert labelled(blocked_uri="https://any.example/a/b", wanted=wanted) == ""
    assert labelled(blocked_uri="foo", wanted=wanted) == "injected mine"


def test_a_sample_of_an_own_rule_may_narrow_a_place() -> None:
    wanted = settings(noise_rules=("mine injected host=b.example sample=widget",))
    placed = {"blocked_uri": "eval", "source_file": "https://b.example/x.js"}
    assert labelled(**placed, script_sample="widget()", wanted=wanted) == "injected mine"
    assert labelled(**placed, script_sample="other()", wanted=wanted) == ""


def test_a_project_may_call_its_own_host_noise() -> None:
    wanted = settings(noise_rules=("flaky injected host=www.example.com path=/flaky.png",))
    assert labelled(blocked_uri="https://www.example.com/flaky.png", wanted=wanted) == "injected flaky"


def test_a_rule_that_cannot_be_read_stops_nothing() -> None:
    wanted = settings(noise_rules=("nonsense", "mine injected scheme=foo"))
    assert labelled(blocked_uri="foo", wanted=wanted) == "injected mine"


def test_one_rule_can_be_asked_alone() -> None:
    alone = noise.only(shipped.by_id()["superfish"])
    assert labelled(blocked_uri="https://a.superfish.com/", wanted=alone) == "injected superfish"
    assert labelled(blocked_uri="moz-extension", wanted=alone) == ""


@hypothesis.given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=80))
def test_no_text_makes_it_fail(blocked: str, source: str, sample: str) -> None:
    found = report.Report(
        kind="csp", blocked=urls.clean(blocked), source_file=urls.clean(source), sample=sample
    )
    label = noise.label(found, noise.agent_matches_of(blocked), impossible=True)
    assert (label.noise in rules.CLASSES) == bool(label.rule)


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("https://www.example.com/static/wallet.js", ""),
        ("https://www.example.com/static/wallet.mjs?v=2", ""),
        ("https://www.example.com/account", "extension walletlink"),
        ("https://cdn.example/wallet.js", "extension walletlink"),
        (None, "extension walletlink"),
    ],
)
def test_what_a_script_of_the_site_asks_for_is_no_noise(source: str | None, rule: str) -> None:
    wallet = "wss://www.walletlink.org/rpc"
    body = payloads.legacy(effective_directive="connect-src", blocked_uri=wallet, source_file=source)
    assert rule_of(body) == rule
