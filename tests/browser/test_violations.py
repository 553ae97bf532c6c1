"""A page violates its policy in a real browser; analysts see each violation, however it was reported."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.browser import rows, site, tls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests import harness
    from tests.browser.browsers import Browser

pytestmark = pytest.mark.browser

ENVIRONMENT = "production"
ROWS = """
    SELECT kind, environment, release, directive, blocked, disposition, document_host, browser, noise
    FROM reports WHERE release = '{release}'
"""


def endpoint(system: harness.System, release: str, base: str = "") -> str:
    """Return the endpoint as a site would write it into its header."""
    own = system.project["endpoint"]
    url = base + urlsplit(own).path + "?" + urlsplit(own).query if base else own
    return url + "&" + urlencode({"sentry_environment": ENVIRONMENT, "sentry_release": release})


def expected_rows(release: str, page: site.Site, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that must be there, in the order in which they were found."""
    order = [site.Violation(row["directive"], row["blocked"], row["disposition"]) for row in found]
    return [
        {
            "kind": "csp",
            "environment": ENVIRONMENT,
            "release": release,
            **violation._asdict(),
            "document_host": urlsplit(page.page).hostname,
            "noise": "",
        }
        for violation in sorted(page.violations(), key=order.index)
    ]


def check(system: harness.System, browser: Browser, release: str, page: site.Site) -> float:
    """Wait for the rows of a visit, compare each column, and return the seconds that it took."""
    sighting = rows.await_violations(system, release, page.violations())
    assert sighting.violations == page.violations()
    found = system.query(ROWS.format(release=release))
    assert {row.pop("browser") for row in found} <= browser.families
    assert found == expected_rows(release, page, found)
    assert page.served_at is not None
    return sighting.at - page.served_at


def test_report_uri(
    browser: Browser, system: harness.System, tmp_path: Path, note_time: Callable[[float], None]
) -> None:
    release = f"shop@4.2.0+{browser.name}"
    headers = site.legacy_headers(endpoint(system, release))
    with site.served(headers) as page, browser.visiting(page.page, tmp_path):
        note_time(check(system, browser, release, page))


@pytest.mark.skipif(not shutil.which("certutil"), reason="certutil (libnss3-tools) is not installed")
def test_reporting_api(
    browser: Browser, system: harness.System, tmp_path: Path, note_time: Callable[[float], None]
) -> None:
    release = f"shop@5.0.0+{browser.name}"
    identity = tls.issue(tmp_path)
    browser.trust(identity.authority, tmp_path)
    port = urlsplit(system.edge_url).port
    with (
        tls.terminated(identity.context, port) as front,
        site.served(
            site.reporting_api_headers(endpoint(system, release, f"https://{tls.REPORTS}:{front}")),
            host=tls.SITE,
            tls=identity.context,
        ) as page,
        browser.visiting(f"{page.page}?leave", tmp_path),
    ):
        note_time(check(system, browser, release, page))
