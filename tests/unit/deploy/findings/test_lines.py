"""Lines of new reports: one each, cut for narrow terminals, and never more than they say."""

from __future__ import annotations

import datetime as dt
from typing import Any

import hypothesis
import msgspec
import pytest
import rich.cells
from hypothesis import strategies as st

from deploy.findings import following, lines
from storage.text import characters

NOON = dt.datetime(2026, 11, 27, 12, 34, 56, tzinfo=dt.UTC)


def reports(**changes: Any) -> following.NewReports:
    columns = dict.fromkeys(following.NewReports.__struct_fields__, "")
    given = {
        **columns,
        **dict.fromkeys(("key", "line", "column", "impossible"), 0),
        **dict.fromkeys(("window_start", "first_seen", "last_seen"), NOON),
        "fingerprint": 0xABCDEF,
        "title": "Blocked image from tracker.example",
        "document": "https://shop.example/",
        "seen": 1,
        "late": False,
    }
    return following.NewReports(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "12:34:56  00000000  Blocked image from tracker.example  https://shop.example/"),
        ({"seen": 3}, "12:34:56  00000000  x3  Blocked image from tracker.example  https://shop.example/"),
        (
            {
                "document": "",
                "hostname": "a.example",
                "noise": "extension",
                "environment": "prod",
                "release": "1",
            },
            "12:34:56  00000000  Blocked image from tracker.example  a.example  extension  prod/1",
        ),
        (
            {"title": "x", "impossible": 1, "browser": "Chrome", "browser_version": "148"},
            "12:34:56  00000000  x  https://shop.example/  impossible  Chrome 148",
        ),
        (
            {"last_seen": NOON - dt.timedelta(days=1), "title": "a\nb"},
            r"2026-11-26 12:34  00000000  a\nb  https://shop.example/",
        ),
        ({"late": True, "title": "x"}, "2026-11-27  00000000  x  https://shop.example/"),
    ],
)
def test_a_line_tells_when_what_and_where(changes: dict[str, Any], line: str) -> None:
    assert lines.line(reports(**changes), None, NOON.date()) == line


@hypothesis.given(st.text(), st.text(), st.integers(1, 200))
def test_a_line_fits_every_terminal(title: str, document: str, width: int) -> None:
    line = lines.line(reports(title=title, document=document, browser="Chrome"), width, NOON.date())
    assert rich.cells.cell_len(line) <= width
    assert not characters.holds_hidden(line)


def test_programs_get_everything_but_the_key() -> None:
    told = lines.details(reports())
    assert set(told) == {*following.NewReports.__struct_fields__, "id"} - {"key"}
    assert told["id"] == "0000000000abcdef"
    row = dict(zip(lines.CSV, lines.csv_row(reports()), strict=True))
    assert row["id"] == "0x0000000000abcdef"
    assert set(row) <= set(told)
    assert msgspec.json.encode(told)
