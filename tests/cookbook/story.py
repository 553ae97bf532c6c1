"""What happened in the shop: what broke, what is only reported, an attack, a broken certificate chain."""

from __future__ import annotations

from typing import Final

from tests.cookbook import calendar
from tests.cookbook.happenings import Happening, enforced, network, other, reported, script_hash

_SINCE_82: Final = ("8.2", "8.3", "8.3.1", "8.4")
_STRICT: Final = ("8.3", "8.3.1", "8.4")
_TAGS: Final = ("https://tags.example/t.js", 1, 20_417)
_SKIMMER: Final = ("https://tags.example/t.js", 1, 48_211)
_CHARTS: Final = ("/assets/charts.js", 212, 19)
_ATTACK: Final = (calendar.at(18, 9.3), calendar.at(18, 16))
_BROKEN_CHAIN: Final = (calendar.at(15, 2), calendar.at(15, 11))
_CDN: Final = "https://cdn.shop.example/"
_CHROMIUM: Final = "Chrome/"
_PAY_CHANGED: Final = calendar.at(19, 12)

BLOCKED: Final = (
    Happening(("/", "/product"), 0.35, enforced("img-src", "https://px.adnet.example/p.gif?uid=81", _TAGS)),
    Happening(
        ("/product",), 0.12, enforced("img-src", "http://img.old-cdn.example/9/thumb.jpg", ("#", 88, 1))
    ),
    Happening(
        ("/help",), 0.5, enforced("connect-src", "wss://chat.example/socket", _TAGS), ("8.3", "8.3.1", "8.4")
    ),
    Happening(
        ("/search",),
        0.6,
        enforced("script-src-attr", "inline", ("#", 41, 1), "toggleFilters(this)"),
        ("8.2", "8.3"),
    ),
    Happening(
        ("/account",), 0.5, enforced("script-src", "eval", _CHARTS, "return row.total * 1.19"), _SINCE_82
    ),
    Happening(
        ("/stores",),
        0.6,
        enforced("font-src", "https://fonts.example/a.woff2", ("#", 9, 1)),
        ("8.0", "8.3.1"),
    ),
    Happening(("/product",), 0.5, enforced("worker-src", "blob", ("#", 130, 9)), _SINCE_82, "Version/26.1"),
    Happening(("/account",), 0.1, enforced("frame-ancestors", "#")),
    Happening(
        ("/cart",), 0.9, enforced("style-src-elem", "https://fonts.example/css2", ("#", 12, 1)), ("8.4",)
    ),
)
"""What policies that are enforced blocked, all the time or since a release."""

PAY: Final = Happening(
    ("/checkout",), 1, enforced("script-src-elem", "https://js.pay.example/v3.js", ("#", 57, 1))
)
"""The script of the payment provider, where a policy lacks it."""

ATTACK: Final = (
    Happening(
        ("/checkout",),
        0.9,
        enforced("connect-src", "https://jq-stat.example/c?d=eyJjYXJk", _SKIMMER),
        between=_ATTACK,
    ),
    Happening(
        ("/checkout",),
        0.4,
        enforced("form-action", "https://secure-pay.example/form", _SKIMMER),
        between=_ATTACK,
    ),
)
"""A skimmer in a script of a third party, which the policy kept from sending what it read."""

STRICT: Final = (
    Happening(
        ("/",), 0.7, reported("script-src-elem", "inline", ("#", 23, 17), "window.shop={cur:'EUR'}"), _STRICT
    ),
    Happening(
        ("/cart",), 0.7, reported("script-src-elem", "inline", ("#", 64, 9), "initCart('basket')"), _STRICT
    ),
    Happening(("/account",), 0.6, reported("script-src-elem", "inline", ("#", 19, 9), "hello('#')"), _STRICT),
    Happening(("/search", "/product"), 0.5, reported("style-src-attr", "inline", ("#", 31, 5)), _STRICT),
    Happening(
        ("/search",),
        0.6,
        reported(
            "require-trusted-types-for",
            "trusted-types-sink",
            ("/assets/app.js", 540, 12),
            "Element innerHTML|<li class=hit>",
        ),
        _STRICT,
        _CHROMIUM,
    ),
    Happening(
        ("/account",),
        0.3,
        reported(
            "require-trusted-types-for",
            "trusted-types-sink",
            ("/assets/charts.js", 97, 4),
            "Element insertAdjacentHTML|<td>",
        ),
        _STRICT,
        _CHROMIUM,
    ),
)
"""What the strict policy would block."""

OTHER: Final = (
    Happening(
        (),
        0.06,
        other(
            "deprecation",
            id="UnloadHandler",
            message="Unload event listeners are deprecated and will be removed.",
            sourceFile=_TAGS[0],
            lineNumber=1,
            columnNumber=903,
        ),
        browsers=_CHROMIUM,
    ),
    Happening(
        ("/product",),
        0.1,
        other(
            "deprecation",
            id="PrefixedVideoEnterFullscreen",
            message="HTMLVideoElement.webkitEnterFullscreen() is deprecated.",
            sourceFile="/assets/viewer.js",
            lineNumber=77,
            columnNumber=5,
        ),
        browsers=_CHROMIUM,
    ),
    Happening(
        ("/help",),
        0.2,
        other(
            "intervention",
            id="NavigatorVibrate",
            message="Blocked call to navigator.vibrate because user hasn't tapped on the frame.",
            sourceFile="/assets/app.js",
            lineNumber=12,
            columnNumber=7,
        ),
        browsers="Android",
    ),
    Happening(
        ("/product",),
        0.3,
        other("crash", crash_report_api={}, is_top_level=True, reason="oom", visibility_state="visible"),
        _SINCE_82,
        "Android",
    ),
    Happening(
        ("/search",),
        0.03,
        other("crash", is_top_level=True, reason="unresponsive", visibility_state="visible"),
        browsers=_CHROMIUM,
    ),
    Happening(
        ("/stores",),
        0.3,
        other(
            "permissions-policy-violation",
            disposition="enforce",
            message="Permissions policy violation: Geolocation access has been blocked.",
            policyId="geolocation",
            sourceFile="/assets/stores.js",
            lineNumber=31,
            columnNumber=4,
        ),
        browsers=_CHROMIUM,
    ),
    Happening(
        ("/checkout",),
        0.1,
        other(
            "permissions-policy-violation",
            disposition="report",
            message="Permissions policy violation: payment is not allowed in this document.",
            policyId="payment",
            sourceFile="https://js.pay.example/v3.js",
            lineNumber=1,
            columnNumber=777,
        ),
        browsers=_CHROMIUM,
    ),
    Happening(
        ("/",),
        0.05,
        other(
            "document-policy-violation",
            disposition="report",
            message="Document policy violation: js-profiling is not allowed in this document.",
            policyId="js-profiling",
            sourceFile=_TAGS[0],
            lineNumber=1,
            columnNumber=3311,
        ),
        browsers=_CHROMIUM,
    ),
    Happening(
        ("/product",),
        0.15,
        other(
            "coep",
            blockedURL="https://cdn.partner.example/badge.png",
            destination="image",
            disposition="reporting",
            type="corp",
        ),
        _SINCE_82,
        _CHROMIUM,
    ),
    Happening(
        ("/checkout",),
        0.2,
        other(
            "coop",
            disposition="reporting",
            effectivePolicy="same-origin",
            initialPopupURL="/pay/popup",
            openeeURL="/pay/popup",
            property="postMessage",
            sourceFile="/assets/checkout.js",
            lineNumber=210,
            columnNumber=8,
            type="access-from-coop-page-to-openee",
        ),
        _SINCE_82,
        _CHROMIUM,
    ),
    Happening(
        ("/account",),
        0.15,
        other(
            "coop",
            disposition="reporting",
            effectivePolicy="same-origin",
            previousResponseURL="https://id.example/login",
            referrer="",
            type="navigation-to-response",
        ),
        _SINCE_82,
        _CHROMIUM,
    ),
    Happening(
        ("/", "/search"),
        0.12,
        other(
            "integrity-violation",
            blockedURL="https://cdn.shop.example/menu.js",
            destination="script",
            documentURL="#",
            reportOnly=True,
        ),
        _STRICT,
    ),
    Happening(
        ("/help",),
        0.3,
        other(
            "integrity-violation",
            blockedURL="https://chat.example/widget.css",
            destination="style",
            documentURL="#",
            reportOnly=True,
        ),
        _STRICT,
    ),
    Happening(
        ("/checkout",),
        0.5,
        script_hash("/assets/checkout.js", "checkout"),
        browsers=_CHROMIUM,
    ),
    Happening(
        ("/checkout",),
        0.5,
        script_hash("https://js.pay.example/v3.js", "3.1.0"),
        _SINCE_82,
        _CHROMIUM,
        (0, _PAY_CHANGED),
    ),
    Happening(
        ("/checkout",),
        0.5,
        script_hash("https://js.pay.example/v3.js", "3.1.1"),
        _SINCE_82,
        _CHROMIUM,
        (_PAY_CHANGED, 1e12),
    ),
    Happening(
        ("/help",),
        0.2,
        other("connection-allowlist", connection="https://chat.example/", disposition="report"),
        _STRICT,
        _CHROMIUM,
    ),
    Happening(
        ("/",),
        0.02,
        other("performance-observer", entries=[{"name": "lcp", "startTime": 1200}]),
        _STRICT,
        "Edg/",
    ),
)
"""What the other types of the Reporting API told."""

NETWORK: Final = (
    Happening(
        (), 0.06, network(_CDN + "assets/app.js", "ok", fraction=0.01, status_code=200), browsers=_CHROMIUM
    ),
    Happening(
        (), 0.04, network(_CDN + "assets/app.js", "ok", "h3", 0.01, status_code=200), browsers=_CHROMIUM
    ),
    Happening(
        (),
        0.01,
        network(_CDN + "assets/app.css", "ok", "http/1.1", 0.01, status_code=200),
        browsers=_CHROMIUM,
    ),
    Happening((), 0.012, network(_CDN + "assets/app.js", "h3.protocol.error", "h3"), browsers=_CHROMIUM),
    Happening((), 0.01, network(_CDN + "assets/app.js", "tcp.timed_out", ""), browsers=_CHROMIUM),
    Happening((), 0.004, network(_CDN, "dns.name_not_resolved", "", server_ip=""), browsers=_CHROMIUM),
    Happening(
        ("/product",), 0.06, network(_CDN + "img/404.webp", "http.error", status_code=404), browsers=_CHROMIUM
    ),
    Happening((), 0.03, network(calendar.PRODUCTION + "/search", "abandoned"), browsers=_CHROMIUM),
    Happening(
        (), 0.8, network(_CDN, "tls.cert.authority_invalid"), browsers=_CHROMIUM, between=_BROKEN_CHAIN
    ),
)
"""How requests of the pages went, and the hours in which the CDN served half a certificate chain."""

KASPERSKY: Final = enforced("script-src-elem", "https://gc.kis.v2.scr.kaspersky-labs.com/E3E8934C/main.js")
"""What an anti-virus program writes into pages."""
TRANSLATED: Final = enforced("img-src", "https://translate.google.com/gen204", ("#", 1, 1))
"""What the translation of a page loads."""
