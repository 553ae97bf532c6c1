"""A page that violates its own Content-Security-Policy in every common way, and what must be seen of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.browser import site
from tests.browser.rows import SeenReport

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENFORCED: Final = "default-src 'self'; script-src 'self' 'report-sample'"
_WATCHED: Final = "frame-src 'none'"
"""The Report-Only policy; the page's frame of its own violates it."""

_PAGE: Final = """<!doctype html><html><head><title>A page that violates its policy</title>
<link rel="icon" href="/icon.png">
<style>h1 { color: red }</style>
<script>window.injected = true</script>
<script src="/violate.js" data-elsewhere="$elsewhere"></script>
</head><body>
<h1 style="color: green" onclick="alert(1)">Hello</h1>
<img src="$elsewhere/pixel.png" alt="">
<iframe src="/frame.html"></iframe>
</body></html>"""

_SCRIPT: Final = """
try { eval("1 + 1"); } catch (refused) { console.log(refused.name); }
fetch(document.currentScript.dataset.elsewhere + "/beacon").catch(() => {});
if (location.search === "?leave") {
  window.addEventListener("load", () => setTimeout(() => location.assign("about:blank"), 500));
}
"""

LEGACY: Final = {
    "Content-Security-Policy": f"{_ENFORCED}; report-uri $endpoint",
    "Content-Security-Policy-Report-Only": f"{_WATCHED}; report-uri $endpoint",
}
"""Headers that send the reports one by one, by ``report-uri``."""

REPORTING_API: Final = {
    "Reporting-Endpoints": 'violations="$endpoint"',
    "Content-Security-Policy": f"{_ENFORCED}; report-to violations",
    "Content-Security-Policy-Report-Only": f"{_WATCHED}; report-to violations",
}
"""Headers that send the reports in batches, by the Reporting API."""

SEEN: Final = frozenset(
    {
        SeenReport("csp", "script-src-elem", "inline", "enforce"),
        SeenReport("csp", "script-src-attr", "inline", "enforce"),
        SeenReport("csp", "script-src", "eval", "enforce"),
        SeenReport("csp", "style-src-elem", "inline", "enforce"),
        SeenReport("csp", "style-src-attr", "inline", "enforce"),
        SeenReport("csp", "img-src", "$elsewhere/pixel.png", "enforce"),
        SeenReport("csp", "connect-src", "$elsewhere/beacon", "enforce"),
        SeenReport("csp", "frame-src", "$site/frame.html", "report"),
    }
)
"""Reports of one visit that every browser sends, beside others of its own."""


def documents(headers: Mapping[str, str]) -> site.Documents:
    """Return the page under these headers, and what it loads."""
    return {
        "/": site.Document(_PAGE, headers),
        "/violate.js": site.Document(_SCRIPT, content_type="text/javascript"),
    }
