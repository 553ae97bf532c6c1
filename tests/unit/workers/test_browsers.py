"""What real browsers sent, recorded by ``python -m tests.browser.record``, becomes the rows it should."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import provocations, record, rows, site
from tests.helpers import payloads, recorded

if TYPE_CHECKING:
    from workers import pipeline

EACH = [
    pytest.param(request, id=f"{request['browser']}-{request['page']}-{number}")
    for number, request in enumerate(recorded.REQUESTS)
]

SITE = site.Site("https://site.test", "https://elsewhere.test", record.SITE_PORT)
VISITS = [
    pytest.param(page, browser, id=f"{browser}-{page.name}")
    for page in (provocations.VIOLATIONS, *provocations.ALL)
    for browser in page.seen
]


def process(*requests: dict[str, Any]) -> pipeline.Tables:
    return payloads.process(
        *(
            payloads.payload(
                request["body"].encode(),
                user_agent=request["user_agent"],
                content_type=request["content_type"],
            )
            for request in requests
        )
    )


@pytest.mark.parametrize("request_", EACH)
def test_every_report_is_accepted_and_whole(request_: dict[str, Any]) -> None:
    tables = process(request_)
    payloads.assert_balanced(tables)
    assert payloads.outcome_counts(tables) == {("accepted", ""): len(json.loads(request_["body"]))}
    for row in payloads.rows(tables.reports):
        assert row["document_host"] in {"site.test", "gone.site.test"}
        assert row["browser"] in {"Chrome", "HeadlessChrome", "Firefox"}
        assert "nulled" not in row["details"]
        assert row["noise"] == ""


@pytest.mark.parametrize(("page", "browser"), VISITS)
def test_every_visit_is_seen_as_it_was(page: provocations.Provocation, browser: str) -> None:
    sent = [line for line in recorded.REQUESTS if (line["page"], line["browser"]) == (page.name, browser)]
    assert record.seen_reports(*sent) >= rows.filled(page.seen[browser], SITE)
