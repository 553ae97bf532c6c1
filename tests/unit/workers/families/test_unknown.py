"""Reports of no family we read are kept all the same."""

from __future__ import annotations

import json

import pytest

from tests.helpers import payloads

URL = "https://www.example.com/?q"


@pytest.mark.parametrize("body", [{"k": [1, None]}, {}, None])
def test_any_type_is_kept_with_its_text(body: object) -> None:
    sent = {"type": "Brand-New", "age": 10, "url": URL, "user_agent": payloads.CHROME, "body": body}
    row = payloads.row([sent])
    assert (row["kind"], row["directive"], row["title"]) == (
        "unknown",
        "brand-new",
        "Unknown report: brand-new",
    )
    assert row["document"] == "https://www.example.com/"
    assert (row["browser"], row["last_seen"]) == ("Chrome", payloads.NOW_MS - 10)
    assert json.loads(row["raw"]) == sent | {"url": "https://www.example.com/"}
    assert row["details"] == {}


def test_a_bad_envelope_is_noted() -> None:
    assert payloads.row([{"type": "x", "body": {}, "url": {}}])["details"] == {"nulled": "url"}


def test_a_type_that_turns_text_about_does_not_turn_the_title() -> None:
    assert payloads.row([{"type": "a\u202eb", "body": {}}])["title"] == "Unknown report: ab"
