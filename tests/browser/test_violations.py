"""A page violates its policy in a real browser; analysts see each violation, however it was reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.browser import rows, site, violations, visits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.browser.browsers import Browser
    from tests.helpers import harness

pytestmark = pytest.mark.browser

ROWS = """
    SELECT kind, environment, release, directive, blocked, disposition, document_host, browser, noise
    FROM reports WHERE release = '{release}'
"""


def expected_rows(release: str, page: site.Site, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that must be there, in the order in which they were found."""
    order = [rows.SeenReport(*(row[name] for name in rows.SeenReport._fields)) for row in found]
    return [
        {
            "environment": visits.ENVIRONMENT,
            "release": release,
            **seen_report._asdict(),
            "document_host": urlsplit(page.page).hostname,
            "noise": "",
        }
        for seen_report in sorted(rows.filled(violations.SEEN, page), key=order.index)
    ]


def check(system: harness.System, browser: Browser, release: str, page: site.Site) -> float:
    """Wait for the rows of a visit, compare each column, and return the seconds that it took."""
    expected = rows.filled(violations.SEEN, page)
    arrived = rows.await_reports(system, release, expected)
    assert arrived.seen_reports == expected
    found = system.query(ROWS.format(release=release))
    assert {row.pop("browser") for row in found} <= browser.families
    assert found == expected_rows(release, page, found)
    assert page.served_at is not None
    return arrived.at - page.served_at


def test_report_uri(
    browser: Browser, system: harness.System, tmp_path: Path, note_time: Callable[[float], None]
) -> None:
    release = f"shop@4.2.0+{browser.name}"
    documents = violations.documents(violations.LEGACY)
    with (
        site.served(documents, visits.endpoint(system, release)) as page,
        browser.visiting(page.page, tmp_path),
    ):
        note_time(check(system, browser, release, page))


@visits.OVER_TLS
def test_reporting_api(
    browser: Browser, system: harness.System, tmp_path: Path, note_time: Callable[[float], None]
) -> None:
    release = f"shop@5.0.0+{browser.name}"
    documents = violations.documents(violations.REPORTING_API)
    with visits.over_tls(browser, documents, system, release, tmp_path) as page:
        note_time(check(system, browser, release, page))
