"""What commands print."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from deploy.cli import output

NOON = dt.datetime(2026, 1, 2, 12, 0, 0, 5000, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ([{"seen": 2, "at": NOON}], [{"seen": 2, "at": "2026-01-02T12:00:00.005000Z"}]),
        ({"raw": b"caf\xc3\xa9 \xff"}, {"raw": "café �"}),
        ({"tuple": (1, {"k": b"v"})}, {"tuple": [1, {"k": "v"}]}),
        ({(1, 2): "pair"}, {"(1, 2)": "pair"}),
        (2**64 - 1, 2**64 - 1),
    ],
)
def test_json_holds_whatever_clickhouse_returns(
    capsys: pytest.CaptureFixture[str], value: object, printed: object
) -> None:
    output.json(value)
    assert json.loads(capsys.readouterr().out) == printed


@pytest.mark.parametrize(
    ("sentence", "printed"),
    [("No.", "No."), ("No", "No."), ("It said: refused..", "It said: refused."), ("Why?.", "Why?")],
)
def test_a_complaint_ends_once(capsys: pytest.CaptureFixture[str], sentence: str, printed: str) -> None:
    output.complain(sentence)
    assert capsys.readouterr().err == f"headrace: {printed}\n"


def test_brackets_are_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("title", "at"), [("[red]x[/red]", NOON)])
    printed = capsys.readouterr().out
    assert "[red]x[/red]" in printed
    assert "2026-01-02 12:00:00.005" in printed
