"""``headrace replay``: captured payloads are stored as if browsers had sent them now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from storage import ledger
from tests.integration.deploy.conftest import SHARDS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.deploy.conftest import Still

pytestmark = pytest.mark.integration

REPORT = {"csp-report": {"document-uri": "https://a.example/", "effective-directive": "script-src"}}


def test_a_body_is_stored_and_its_receipt_told(still: Still, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(REPORT, indent=2))
    labels = ("--project", "shop", "--environment", "staging", "--release", "2.0")
    done = still.json("replay", str(path), *labels)
    (receipt,) = done["receipts"]
    assert (done["stored"], done["refused"]) == (1, [])
    assert still.json("trace", receipt)["state"] == "waiting"
    still.drain()
    assert still.rows("SELECT project_id, environment, release, seen FROM reports") == [
        (1, "staging", "2.0", 1)
    ]


def test_lines_are_stored_where_they_say_and_bad_ones_are_named(still: Still, tmp_path: Path) -> None:
    path = tmp_path / "captured.jsonl"
    path.write_text(
        "\n".join(
            [
                json.dumps({"body": REPORT, "project": "shop", "environment": "prod"}),
                json.dumps({"body": json.dumps(REPORT), "project": 1, "release": "latest"}),
                json.dumps({"body": "nonsense", "project": 1}),
                json.dumps({"body": REPORT}),
                json.dumps({"body": REPORT, "project": "nobody"}),
            ]
        )
    )
    done = still.headrace("replay", str(path), str(tmp_path / "absent"))
    assert done.returncode == 1
    assert done.stdout == "2 stored, 4 refused.\n"
    refused = done.stderr.splitlines()
    assert "line 3 was not stored: its body is no JSON object or array" in refused[0]
    assert "line 4 was not stored: it names no project, and neither does --project" in refused[1]
    assert "line 5 was not stored: there is no project 'nobody'" in refused[2]
    assert "absent was not stored: it cannot be read (No such file or directory)" in refused[3]
    still.drain()
    assert sorted(still.rows("SELECT environment, details['blanked'] FROM reports")) == [
        ("", "release"),
        ("prod", ""),
    ]


def test_many_lines_are_stored_once_each(still: Still, tmp_path: Path) -> None:
    path = tmp_path / "captured.jsonl"
    with path.open("w") as file:
        for number in range(1200):
            file.write(json.dumps({"body": REPORT, "release": str(number % 3)}) + "\n")
    assert still.json("replay", str(path), "--project", "1")["stored"] == 1200
    still.drain()
    (line,) = ledger.verify(still.server, still.client, SHARDS)
    assert line.balanced
    assert (line.acknowledged, line.seen) == (1200, 1200)


def test_an_invalid_label_on_the_command_line_is_one_sentence(still: Still, tmp_path: Path) -> None:
    done = still.headrace("replay", str(tmp_path / "absent"), "--environment", "a/b")
    assert (done.returncode, done.stderr) == (1, "headrace: 'a/b' is no valid environment.\n")
