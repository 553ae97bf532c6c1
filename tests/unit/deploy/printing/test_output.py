"""What commands print."""

from __future__ import annotations

import datetime as dt
import io
import json

import pytest
import rich.cells
import rich.console

from deploy.printing import output

NOON = dt.datetime(2026, 1, 2, 12, 0, 0, 5000, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ([{"seen": 2, "at": NOON}], [{"seen": 2, "at": "2026-01-02T12:00:00.005000Z"}]),
        ({"raw": b"caf\xc3\xa9 \xff"}, {"raw": "café �"}),
        ({"tuple": (1, {"k": b"v"})}, {"tuple": [1, {"k": "v"}]}),
        ({(1, 2): "pair"}, {"(1, 2)": "pair"}),
        (2**64 - 1, 2**64 - 1),
        ({"reach": 2**127 + 1}, {"reach": str(2**127 + 1)}),
        ([-(2**63), -(2**63) - 1, True, None], [-(2**63), str(-(2**63) - 1), True, None]),
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


HOSTILE = "a\x1b]0;x\x07b\x9b31m\u202ec\u2028d\ne\x7f"


def test_senders_do_not_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.table((HOSTILE,), [(HOSTILE,)])
    output.copyable(f"{HOSTILE}\n")
    output.complain(HOSTILE)
    output.json({HOSTILE: HOSTILE})
    output.tab_separated([HOSTILE], [(HOSTILE,)])
    captured = capsys.readouterr()
    printed = captured.out + captured.err
    assert [char for char in printed if not char.isprintable() and char != "\n"] == []
    assert r"a\x1b]0;x\x07b\x9b31m\u202ec\u2028d\ne\x7f" in printed


def test_json_is_escaped_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    output.json([HOSTILE, "\U000e0001"])
    printed = capsys.readouterr().out
    assert json.loads(printed) == [HOSTILE, "\U000e0001"]
    assert r"\u202e" in printed


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("a\tb\nc\\d\0", r"a\tb\nc\\d\0"),
        ("\x1b\u202e", r"\x1B\xE2\x80\xAE"),
        ("caf\u00e9 \u2713", "caf\u00e9 \u2713"),
        (None, r"\N"),
        (2**128 - 1, str(2**128 - 1)),
        (True, "true"),
        (1.5, "1.5"),
        (NOON, "2026-01-02 12:00:00.005"),
        ({"k": "v\n"}, r'{"k":"v\\n"}'),
    ],
)
def test_off_a_terminal_rows_are_tab_separated(
    capsys: pytest.CaptureFixture[str], value: object, printed: str
) -> None:
    output.rows(("one", "two"), [(value, "x")])
    assert capsys.readouterr().out == f"one\ttwo\n{printed}\tx\n"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Give what a terminal of 40 columns shows."""
    shown = io.StringIO()
    console = rich.console.Console(
        file=shown, force_terminal=True, width=40, no_color=True, color_system=None
    )
    monkeypatch.setattr(output, "console", console)
    return shown


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("short", ["title   seen", "short      1"]),
        ("x" * 50, ["title                             seen", f"{'x' * 30}…      1"]),
        ("漢" * 50, ["title                             seen", f"{'漢' * 15}…      1"]),
    ],
)
def test_on_a_terminal_long_cells_are_cut_before_the_layout_is(
    terminal: io.StringIO, title: str, lines: list[str]
) -> None:
    output.rows(("title", "seen"), [(title, 1)])
    printed = [line.strip() for line in terminal.getvalue().splitlines()]
    assert set(lines) <= set(printed), printed
    assert max(rich.cells.cell_len(line) for line in terminal.getvalue().splitlines()) <= 40


def test_on_a_terminal_rows_stand_upright_where_no_table_fits(terminal: io.StringIO) -> None:
    names = [f"name{number}" for number in range(5)]
    output.rows(names, [["x" * 50] * 5])
    assert ["row 1", *(f"{name}  {'x' * 50}" for name in names)] == terminal.getvalue().split("\n")[:6]


def test_on_a_terminal_a_single_column_is_shown_whole(terminal: io.StringIO) -> None:
    output.rows(("raw",), [("x" * 100,)])
    assert terminal.getvalue().count("x") == 100


def test_on_a_terminal_numbers_and_times_are_never_cut(terminal: io.StringIO) -> None:
    output.rows(("title", "seen", "at"), [("x" * 50, 2**64 - 1, NOON.date()), ("y", None, NOON.date())])
    assert str(2**64 - 1) in terminal.getvalue()
    output.rows(("title", "seen", "at"), [("x" * 50, 2**64 - 1, NOON)])
    assert "2026-01-02 12:00:00.005" in terminal.getvalue()


def test_csv_keeps_numbers_and_makes_text_of_formulas(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("title", "seen", "change", "known", "reach", "at", "documents")
    output.comma_separated(names, [('=1+"a",', 12, -1.5, True, None, NOON, ["=a"])])
    assert capsys.readouterr().out == (
        f'{",".join(names)}\r\n"\'=1+""a"",",12,-1.5,true,,2026-01-02 12:00:00.005,"[""=a""]"\r\n'
    )


def test_on_a_terminal_a_number_that_is_unknown_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("finding", "reach"), [("a", 12), ("b", None), ("c", 2**128 - 1)])
    *_, first, second, third, _ = map(str.rstrip, capsys.readouterr().out.splitlines())
    assert [line.split() for line in (first, second, third)] == [
        ["a", "12"],
        ["b", "NULL"],
        ["c", str(2**128 - 1)],
    ]
    assert len(first) == len(second) == len(third)
