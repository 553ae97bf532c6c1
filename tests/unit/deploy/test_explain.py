"""``headrace explain`` without any running system."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from typer import testing

from deploy import cli

if TYPE_CHECKING:
    from pathlib import Path

REPORT = {
    "csp-report": {
        "document-uri": "https://www.example.com/account?session=1",
        "effective-directive": "script-src-elem",
        "blocked-uri": "inline",
        "script-sample": "\x1b[31m",
        "original-policy": "script-src " + "https://cdn.example " * 40,
    }
}
BODY = json.dumps(REPORT)
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/148.0.0.0 Safari/537.36"
RUNNER = testing.CliRunner(env={"COLUMNS": "200"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "body.json"
    path.write_text(BODY)
    return path


def printed(*arguments: object, code: int = 0, sent: str | None = None) -> str:
    done = RUNNER.invoke(cli.app, ["explain", *map(str, arguments)], input=sent)
    assert done.exit_code == code, done.output
    return done.stdout


def parsed(*arguments: object, code: int = 0, sent: str | None = None) -> Any:
    return json.loads(printed("--json", *arguments, code=code, sent=sent))


def test_each_stage_is_shown_to_people(file: Path) -> None:
    shown = printed(file, "--user-agent", CHROME)
    for stage in ("decode", "detect", "normalise", "impossible", "scrub", "noise", "classify", "collapse"):
        assert f"  {stage} " in shown
    assert "report 0  accepted  Blocked inline script" in shown
    assert (
        "document-uri: https://www.example.com/account?session=1 → https://www.example.com/account (" in shown
    )
    assert "Chrome 148 on Windows, by the user agent of the request." in shown
    assert "accepted: 1, rows: 1." in shown


def test_nothing_of_a_report_controls_the_terminal_or_fills_it(file: Path) -> None:
    shown = printed(file)
    assert "\x1b" not in shown
    assert shown.count("https://cdn.example") < 40
    assert "…" in shown


def test_each_stage_is_there_for_programs(file: Path) -> None:
    explained = parsed(file)
    assert explained["where"] == str(file)
    (report,) = explained["reports"]
    assert (report["outcome"], report["title"]) == ("accepted", "Blocked inline script")
    assert [stage["stage"] for stage in report["stages"]][:2] == ["detect", "normalise"]
    assert explained["rows"][0]["document"] == "https://www.example.com/account"


def test_the_payload_may_come_from_standard_input() -> None:
    assert parsed("-", sent=BODY)["where"] == "standard input"


def test_each_line_of_captures_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "captures.jsonl"
    path.write_text(
        "".join(json.dumps({"body": REPORT, "user_agent": agent}) + "\n" for agent in (CHROME, ""))
    )
    first, second = parsed(path)
    assert (first["rows"][0]["browser"], second["rows"][0]["browser"]) == ("Chrome", "")
    assert (first["where"], second["where"]) == (f"{path} line 1", f"{path} line 2")


@pytest.mark.parametrize("body", ["", "no JSON", "7"])
def test_what_the_edge_would_refuse_is_told(body: str) -> None:
    assert "refused" in parsed("-", sent=body, code=1)
    done = RUNNER.invoke(cli.app, ["explain", "-"], input=body)
    assert done.exit_code == 1
    assert "the edge does not take it: its body is" in done.stderr


def test_an_invalid_report_is_explained_like_any_other() -> None:
    shown = printed("-", sent="[7]")
    assert "report 0  invalid  not_an_object" in shown


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["headrace", "explain", str(tmp_path / "missing")])
    with pytest.raises(SystemExit, match="1"):
        cli.main()
