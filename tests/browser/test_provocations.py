"""Every other type of report that a page can provoke reaches analysts from a real browser, over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import browsers, provocations, rows, visits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.helpers import harness

pytestmark = [pytest.mark.browser, visits.OVER_TLS]

ROWS = "SELECT DISTINCT browser, environment, noise FROM reports WHERE release = '{release}'"


VISITS = [
    (browser, page)
    for browser in (browsers.CHROMIUM, browsers.FIREFOX)
    for page in provocations.ALL
    if browser.name in page.seen
]


@pytest.mark.parametrize(("browser", "page"), VISITS, indirect=["browser"], ids=lambda value: value.name)
def test_what_a_page_provokes(
    page: provocations.Provocation,
    browser: browsers.Browser,
    system: harness.System,
    tmp_path: Path,
    note_time: Callable[[float], None],
) -> None:
    release = f"{page.name}@1.0.0+{browser.name}"
    with visits.over_tls(browser, page.documents, system, release, tmp_path) as served:
        expected = rows.filled(page.seen[browser.name], served)
        arrived = rows.await_reports(system, release, expected)
    assert arrived.seen_reports >= expected
    assert {seen_report.kind for seen_report in arrived.seen_reports} == {
        seen_report.kind for seen_report in expected
    }
    for row in system.query(ROWS.format(release=release)):
        assert row.pop("browser") in browser.families
        assert row == {"environment": visits.ENVIRONMENT, "noise": ""}
    assert served.served_at is not None
    note_time(arrived.at - served.served_at)
