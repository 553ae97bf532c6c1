"""Pages that provoke every other type of report a browser can be made to send from a page.

Some reports no page can provoke, so no table here has them: Expect-CT, Expect-Staple and HPKP, which no
browser sends any more, crashes of other reasons than memory, and parts of NEL that loopback never shows
(HTTP/3, signed exchanges).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.browser import browsers, site, violations
from tests.browser.rows import SeenReport

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOME: Final = {"Reporting-Endpoints": 'default="$endpoint"'}
_SCRIPT: Final = site.Document("1", content_type="text/javascript")


class Provocation(NamedTuple):
    """A page and the reports that it draws.

    Attributes:
        name: for test names.
        documents: the page and what it loads.
        seen: what at least is seen of a visit, by the name of each browser that reports any of it.
    """

    name: str
    documents: site.Documents
    seen: Mapping[str, frozenset[SeenReport]]


def _page(text: str, headers: Mapping[str, str] = {}) -> site.Document:
    return site.Document(f"<!doctype html><title>A page that provokes</title>{text}", {**_HOME, **headers})


_FEATURES: Final = {
    "/": _page(
        """
        <iframe src="$elsewhere/frame" allow="geolocation"></iframe>
        <script>
        navigator.geolocation.getCurrentPosition(() => {}, () => {});
        document.documentElement.requestFullscreen().catch(() => {});
        try { new Profiler({sampleInterval: 10, maxBufferSize: 10}); } catch (refused) { }
        </script>
        """,
        {
            "Permissions-Policy": "geolocation=();report-to=default",
            "Permissions-Policy-Report-Only": "fullscreen=();report-to=default",
            "Feature-Policy": "geolocation 'none'",
            "Document-Policy": "js-profiling=?0;report-to=default",
        },
    )
}

_ADVICE: Final = {
    "/": _page("<script>addEventListener('unload', () => {}); navigator.vibrate(100);</script>"),
}

_EMBEDDING: Final = {
    "/": _page(
        """
        <img src="$elsewhere/pixel.png" alt="">
        <iframe src="/frame"></iframe>
        <script>new Worker("/worker.js");</script>
        """,
        {"Cross-Origin-Embedder-Policy": 'require-corp; report-to="default"'},
    ),
    "/worker.js": _SCRIPT,
}

_OPENERS: Final = {
    "/": _page(
        """
        <script>
        // A browser begins to watch who touches a page at some moment after it has loaded, and says not when.
        addEventListener("message", () => setInterval(() => popup.postMessage("touched", "*"), 100));
        const popup = open("/popup", "_blank");
        </script>
        """,
        {"Cross-Origin-Opener-Policy-Report-Only": 'same-origin; report-to="default"'},
    ),
    "/popup": _page(
        "<script>opener.postMessage('ready', '*');</script>",
        {"Cross-Origin-Opener-Policy-Report-Only": 'same-origin-allow-popups; report-to="default"'},
    ),
}

_INTEGRITY: Final = {
    "/": _page(
        '<script src="/script.js"></script>',
        {
            "Integrity-Policy": "blocked-destinations=(script), endpoints=(default)",
            "Integrity-Policy-Report-Only": "blocked-destinations=(script), endpoints=(default)",
        },
    ),
    "/script.js": _SCRIPT,
}

_HASHES: Final = {
    "/": _page(
        '<script src="/script.js"></script>',
        {"Content-Security-Policy": "script-src 'self' 'report-sha256'; report-to default"},
    ),
    "/script.js": _SCRIPT,
}

_CONNECTIONS: Final = {
    "/": _page(
        '<iframe src="$elsewhere/frame"></iframe>',
        {"Connection-Allowlist-Report-Only": "(response-origin); report-to=default"},
    ),
}

_NETWORK: Final = {
    "/": _page(
        """
        <script>
        for (const path of ["/missing", "/severed", "/loop", "https://gone.site.test:$port/"])
          fetch(path).catch(() => {});
        const left = new AbortController();
        fetch("/silent", {signal: left.signal}).then(() => left.abort());
        </script>
        """,
        {
            "Report-To": json.dumps(
                {
                    "group": "network",
                    "max_age": 3600,
                    "include_subdomains": True,
                    "endpoints": [{"url": "$endpoint"}],
                }
            ),
            "NEL": json.dumps(
                {
                    "report_to": "network",
                    "max_age": 3600,
                    "include_subdomains": True,
                    "success_fraction": 0.5,
                    "failure_fraction": 1.0,
                }
            ),
        },
    ),
    "/missing": site.Document(status=404),
    "/severed": site.Document(answered=False),
    "/silent": site.Document("An answer that stops half-way.", answered=None),
    "/loop": site.Document(headers={"Location": "/loop"}, status=302),
}

_MEMORY: Final = {
    "/": _page(
        """
        <script>
        const held = [];
        setTimeout(() => { for (;;) held.push(Array.from({length: 1e5}, Math.random)); }, 100);
        </script>
        """
    ),
}

_CHROMIUM: Final = browsers.CHROMIUM.name
_FIREFOX: Final = browsers.FIREFOX.name
_INTEGRITY_SEEN: Final = frozenset(
    {
        SeenReport("integrity", "script", "$site/script.js", "enforce"),
        SeenReport("integrity", "script", "$site/script.js", "report"),
    }
)

ALL: Final = (
    Provocation(
        "features",
        _FEATURES,
        {
            _CHROMIUM: frozenset(
                {
                    SeenReport("permissions-policy", "geolocation", "", "enforce"),
                    SeenReport("permissions-policy", "geolocation", "$elsewhere/frame", "enforce"),
                    SeenReport("permissions-policy", "fullscreen", "", "report"),
                    SeenReport("document-policy", "js-profiling", "", "enforce"),
                }
            ),
            _FIREFOX: frozenset({SeenReport("permissions-policy", "geolocation", "", "enforce")}),
        },
    ),
    Provocation(
        "advice",
        _ADVICE,
        {
            _CHROMIUM: frozenset(
                {SeenReport("deprecation", "UnloadHandler"), SeenReport("intervention", "NavigatorVibrate")}
            )
        },
    ),
    Provocation(
        "embedding",
        _EMBEDDING,
        {
            _CHROMIUM: frozenset(
                {
                    SeenReport("coep", "corp", "$elsewhere/pixel.png", "enforce"),
                    SeenReport("coep", "navigation", "$site/frame", "enforce"),
                    SeenReport("coep", "worker initialization", "$site/worker.js", "enforce"),
                }
            )
        },
    ),
    Provocation(
        "openers",
        _OPENERS,
        {
            _CHROMIUM: frozenset(
                {
                    SeenReport("coop", "navigation-to-response", "$site/", "report"),
                    SeenReport("coop", "navigation-from-response", "$site/popup", "report"),
                    SeenReport("coop", "access-from-coop-page-to-openee", "$site/popup", "report"),
                }
            )
        },
    ),
    Provocation("integrity", _INTEGRITY, dict.fromkeys((_CHROMIUM, _FIREFOX), _INTEGRITY_SEEN)),
    Provocation(
        "hashes", _HASHES, {_CHROMIUM: frozenset({SeenReport("csp-hash", "script", "$site/script.js")})}
    ),
    Provocation(
        "connections",
        _CONNECTIONS,
        {_CHROMIUM: frozenset({SeenReport("unknown", "connection-allowlist", "$elsewhere/frame", "report")})},
    ),
    Provocation(
        "network",
        _NETWORK,
        {
            _CHROMIUM: frozenset(
                SeenReport("nel", outcome)
                for outcome in (
                    "ok",
                    "http.error",
                    "http.response.invalid.empty",
                    "dns.name_not_resolved",
                    "abandoned",
                )
            )
        },
    ),
    Provocation("memory", _MEMORY, {_CHROMIUM: frozenset({SeenReport("crash", "oom")})}),
)
VIOLATIONS: Final = Provocation(
    "violations",
    violations.documents(violations.REPORTING_API),
    dict.fromkeys((_CHROMIUM, _FIREFOX), violations.SEEN),
)
"""Violations of a Content-Security-Policy, which a page can provoke too."""
