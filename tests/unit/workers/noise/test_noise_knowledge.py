"""The rules file as a whole: each rule labels what it is there for, and none stands in another's way."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import Final

import pytest

from tests.helpers import paths, payloads
from tests.unit.workers.noise import examples
from tests.unit.workers.noise.labels import rule_of
from workers.noise import rules, shipped

PAGE: Final = (paths.DOCS / "query" / "noise.md").read_text("utf-8")
BY_CLASS: Final = [
    pytest.param([rule for rule in shipped.rules_in_order() if rule.noise == name], id=name)
    for name in rules.CLASSES
]
EMBEDDED: Final = [pytest.param(rule, id=rule.id) for rule in shipped.rules_in_order() if rule.embedded]


def bare(host: str) -> str:
    return host.removeprefix(".")


@pytest.mark.parametrize("listed", BY_CLASS)
def test_a_rule_labels_all_that_it_names(listed: list[rules.Rule]) -> None:
    for rule in listed:
        reports = list(examples.of(rule)) if not rule.kinds and not rule.details else []
        assert reports or rule.kinds or rule.details, rule.id
        for item, agent in reports:
            assert rule_of(item, agent=agent) == f"{rule.noise} {rule.id}", item


def test_no_host_stands_in_two_rules_of_the_same_conditions() -> None:
    named = Counter(
        (host, rule.paths, rule.ports, rule.schemes, rule.directives, rule.queries)
        for rule in shipped.rules_in_order()
        for host in (*rule.hosts, *rule.networks, *(f"page {page}" for page in rule.pages))
    )
    assert [what for what, times in named.items() if times > 1] == []


def test_no_host_is_below_another_of_its_rule() -> None:
    for rule in shipped.rules_in_order():
        for one, other in itertools.permutations(rule.hosts, 2):
            assert not (other.startswith(".") and f".{bare(one)}".endswith(other)), (rule.id, one)


@pytest.mark.parametrize("listed", BY_CLASS)
def test_hosts_are_in_order(listed: list[rules.Rule]) -> None:
    for rule in listed:
        for hosts in (rule.hosts, rule.pages, rule.policies):
            assert list(hosts) == sorted(hosts, key=bare)


def test_no_rule_is_younger_than_the_file() -> None:
    year, month, day = map(int, shipped.file().version.split(".")[:3])
    for rule in shipped.rules_in_order():
        assert rule.date is not None
        assert (rule.date.year, rule.date.month, rule.date.day) <= (year, month, day), rule.id


def test_the_page_tells_how_many_rules_a_class_has() -> None:
    told = dict(re.findall(r"^\| `([a-z-]+)` \| ([0-9]+) \|", PAGE, re.MULTILINE))
    counted = Counter(rule.noise for rule in shipped.rules_in_order())
    assert told == {name: str(counted[name]) for name in rules.CLASSES}


def test_the_page_names_only_rules_that_exist() -> None:
    table = PAGE.partition("## Classes")[2].partition("##")[0]
    named = {
        name for row in table.splitlines() if row.startswith("| `") for name in re.findall(r"`([^`]+)`", row)
    }
    assert named <= {*rules.CLASSES, *shipped.by_id()}


FONT: Final = "font-src"
SCRIPT: Final = "script-src-elem"
SEEN: Final = [
    (FONT, "https://lf-flow-web-cdn.doubao.com/obj/flow-doubao/ext/KaTeX_Main-Regular.woff2", "extension"),
    (FONT, "https://r2cdn.perplexity.ai/fonts/FKGroteskNeue.woff2", "extension"),
    (FONT, "https://migaku-public-data.migaku.com/fonts/chiron-hei-hk-webfont-2.6.7/cw_0.woff2", "extension"),
    (FONT, "https://static.shopback.com/fonts/ShopBackSans-Bold.woff2", "extension"),
    ("style-src-elem", "https://www.6ppn.com/ext/assets/style.CMoYtLrp.css", "extension"),
    ("media-src", "http://tts.baidu.com/text2audio?lan=en&text=hello", "extension"),
    ("frame-src", "https://h5player.anzz.site", "extension"),
    ("frame-src", "https://gw-12.iss.netstar-inc.com", "proxy"),
    ("frame-src", "https://filter.techloq.com", "proxy"),
    ("frame-src", "https://static.deledao.com", "proxy"),
    ("frame-src", "https://gateway.zscloud.net", "proxy"),
    ("connect-src", "https://api.securly.com/v1/track", "proxy"),
    (SCRIPT, "http://1.2.3.4/bmi-int-js/bmi.js", "proxy"),
    ("frame-src", "https://pwm-image.trendmicro.com", "antivirus"),
    (SCRIPT, "https://local.adguard.org/?ts=1&type=content-script", "antivirus"),
    (SCRIPT, "https://gc.kis.v2.scr.kaspersky-labs.com/FD126C42/main.js", "antivirus"),
    (SCRIPT, "https://dhfs.heytapimage.com/2026/02/25/a.js", "browser-internal"),
    ("connect-src", "http://gj.track.uc.cn/collect", "browser-internal"),
    ("frame-src", "bytedance://dispatch_message/", "in-app"),
    ("frame-src", "https://__bridge_loaded__", "in-app"),
    (SCRIPT, "https://infird.com/cdn/4f2.js", "injected"),
    ("img-src", "https://cardinaldata.net/metric/", "injected"),
    (SCRIPT, "https://partnersteady.men/code/?pid=1", "injected"),
    (SCRIPT, "https://data1.recettes.net/assets/js/jquery.js", "injected"),
    (SCRIPT, "https://asrvvv-a.akamaihd.net/get", "injected"),
    ("media-src", "https://d2x1jgnvxlnz25.cloudfront.net", "injected"),
    (SCRIPT, "https://secure.surfbuyermac.com/servicejs/", "injected"),
    (SCRIPT, "https://sub.m12.dnsqa.me/QualityCheck/ga.js", "injected"),
]
"""What public lists and trackers say was blocked on sites that have nothing to do with it."""
SITES_USE: Final = [
    (SCRIPT, "https://assets.pinterest.com/js/pinit.js"),
    (SCRIPT, "https://widgets.amung.us/small.js"),
    (SCRIPT, "https://widgets.getpocket.com/v1/j/btn.js"),
    (SCRIPT, "https://static.evernote.com/noteit.js"),
    (SCRIPT, "https://www.instapaper.com/javascript/embed2.js"),
    (SCRIPT, "https://www.evernote.com/widget/a.js"),
    (SCRIPT, "https://hypothes.is/embed.js"),
    (SCRIPT, "https://js.grammarly.com/grammarly-editor-sdk"),
    ("connect-src", "https://gnar.grammarly.com/"),
    (SCRIPT, "https://cdn.scite.ai/badge/scite-badge-latest.min.js"),
    ("img-src", "https://graph.keepa.com/pricehistory.png"),
    (FONT, "https://at.alicdn.com/t/c/font_1011144_jmo4009ffif.woff2"),
    (FONT, "https://fonts.gstatic.com/s/roboto/v1/x.woff2"),
    ("style-src-elem", "https://fonts.googleapis.com/css2"),
    ("style-src-elem", "https://use.typekit.net/izn6gyh.css"),
    (FONT, "https://cdnjs.cloudflare.com/ajax/libs/font-awesome/6.7.2/webfonts/fa-solid-900.woff2"),
    (SCRIPT, "https://www.googletagmanager.com/gtm.js"),
    (SCRIPT, "https://connect.facebook.net/en_US/fbevents.js"),
    (SCRIPT, "https://www.youtube.com/iframe_api"),
    (SCRIPT, "https://lf-flow-web-cdn.doubao.com/obj/flow-doubao/app.js"),
    ("connect-src", "https://api.languagetool.org/v2/check"),
    ("connect-src", "https://api.deepl.com/v2/translate"),
    ("img-src", "https://images.simplycodes.com/tracker.gif"),
    ("img-src", "https://content.kaspersky-labs.com/fm/site-editor/a.webp"),
    (SCRIPT, "https://other-a.akamaihd.net/a.js"),
    (SCRIPT, "https://d111111abcdef8.cloudfront.net/a.js"),
    ("frame-src", "https://netstar-inc.com.evil.example"),
    ("frame-src", "https://xdiv.show"),
    (SCRIPT, "https://translate.yandex.net/website-widget/v1/widget.js?widgetId=ytWidget"),
    (SCRIPT, "https://www.microsofttranslator.com/ajax/v3/WidgetV3.ashx?siteData=x"),
]
"""What sites put into their pages themselves, or what only looks like a known host."""


@pytest.mark.parametrize(("directive", "blocked", "noise_class"), SEEN)
def test_what_software_loads_is_noise(directive: str, blocked: str, noise_class: str) -> None:
    report = payloads.legacy(effective_directive=directive, blocked_uri=blocked)
    assert rule_of(report).split()[:1] == [noise_class]


@pytest.mark.parametrize(("directive", "blocked"), SITES_USE)
def test_what_sites_use_themselves_is_none(directive: str, blocked: str) -> None:
    assert rule_of(payloads.legacy(effective_directive=directive, blocked_uri=blocked)) == ""


@pytest.mark.parametrize(
    ("page", "blocked"),
    [
        ("www.perplexity.ai", "https://r2cdn.perplexity.ai/fonts/a.woff2"),
        ("getpocket.com", "https://text.getpocket.com/v3"),
        ("shop.honey.io", "https://cdn.honey.io/a.js"),
        ("grammarly.com", "https://assets.grammarly.com/a.png"),
        ("100.64.0.9", "http://10.1.1.1/a.png"),
    ],
)
def test_what_the_maker_loads_on_own_pages_is_a_finding(page: str, blocked: str) -> None:
    report = payloads.legacy(
        document_uri=f"https://{page}/", effective_directive="font-src", blocked_uri=blocked
    )
    assert rule_of(report) == ""
    elsewhere = payloads.legacy(effective_directive="font-src", blocked_uri=blocked)
    assert rule_of(elsewhere) != ""


@pytest.mark.parametrize("page", ["mine.cloudfront.net", "mine-a.akamaihd.net"])
def test_neighbours_on_rented_names_have_other_owners(page: str) -> None:
    report = payloads.legacy(
        document_uri=f"https://{page}/", blocked_uri="https://d144fqpiyasmrr.cloudfront.net/a.png"
    )
    assert rule_of(report) == "injected cloudfront-adware"


@pytest.mark.parametrize("rule", EMBEDDED)
@pytest.mark.parametrize("source", ["chrome-extension", "moz-extension", "user-script", None, examples.PAGE])
def test_what_sites_use_too_is_noise_of_an_extension(rule: rules.Rule, source: str | None) -> None:
    path = rule.paths[0] if rule.paths else "/a.png"
    report = payloads.legacy(
        effective_directive=rule.directives[0] if rule.directives else "img-src",
        blocked_uri=f"https://{bare(rule.hosts[0])}{path}",
        source_file=source,
    )
    is_extension = source not in {None, examples.PAGE}
    assert (rule_of(report) == f"{rule.noise} {rule.id}") == is_extension


OF_SITES: Final = [
    ("connect-src", "wss://www.walletlink.org/rpc"),
    ("connect-src", "https://api.monica.im/v1"),
    ("connect-src", "http://127.0.0.1:9222/sign"),
    ("img-src", "https://assets.grammarly.com/logo.png"),
]


@pytest.mark.parametrize(("directive", "blocked"), OF_SITES)
def test_what_a_file_of_the_site_loads_is_the_sites(directive: str, blocked: str) -> None:
    def labelled(source: str | None) -> str:
        report = payloads.legacy(effective_directive=directive, blocked_uri=blocked, source_file=source)
        return rule_of(report)

    assert labelled(None) != ""
    assert labelled(examples.PAGE) != ""
    assert labelled(f"{examples.PAGE.rpartition('/')[0]}/static/app.js?v=1") == ""
    assert labelled("https://other.example/static/app.js") != ""


def test_what_a_file_of_the_site_loads_of_an_extension_is_noise() -> None:
    file = f"{examples.PAGE.rpartition('/')[0]}/static/app.js"
    assert rule_of(payloads.legacy(blocked_uri="chrome-extension://abc/x.js", source_file=file)) != ""
