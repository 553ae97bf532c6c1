"""What real browsers sent, recorded by ``python -m tests.browser.record``, becomes the rows it should."""

from __future__ import annotations

import json
import pathlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.workers import payloads

if TYPE_CHECKING:
    from workers import pipeline

REQUESTS = [
    json.loads(line)
    for line in (pathlib.Path(__file__).parents[2] / "data" / "browsers.jsonl").read_text().splitlines()
]
EACH = [
    pytest.param(request, id=f"{request['browser']}-{request['page']}-{number}")
    for number, request in enumerate(REQUESTS)
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
    assert payloads.verdicts(tables) == {("accepted", ""): len(json.loads(request_["body"]))}
    for row in payloads.rows(tables.reports):
        assert row["document_host"] in {"site.test", "gone.site.test"}
        assert row["browser"] in {"Chrome", "HeadlessChrome", "Firefox"}
        assert "nulled" not in row["details"]
        assert row["noise"] == ""
