"""``headrace replay``: captured payloads are stored as if browsers had sent them now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from deploy.projects import published
from deploy.replay import captures, file_replay, reingest, resumption
from storage.ledger import equations
from storage.projects import model, registry
from storage.quarantine import resubmission
from tests.helpers import servers

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.integration

REPORT = {"csp-report": {"document-uri": "https://a.example/", "effective-directive": "script-src"}}


def file_replay_of(bare: servers.Servers, forced: captures.Capture) -> file_replay.FileReplay:
    """Return a replay in this process."""
    sink = reingest.Sink(bare.client, servers.SHARDS, 0.8)
    return file_replay.FileReplay(
        bare.client, sink, forced, 1 << 20, advance=lambda _: None, refuse=lambda _where, _reason: None
    )


def test_a_body_is_stored_and_its_receipt_told(bare: servers.Servers, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(REPORT, indent=2))
    labels = ("--project", "shop", "--environment", "staging", "--release", "2.0")
    done = bare.json("replay", str(path), *labels)
    (receipt,) = done["receipts"]
    assert (done["stored"], done["refused"]) == (1, [])
    assert bare.json("trace", receipt)["state"] == "waiting"
    bare.drain()
    assert bare.rows("SELECT project_id, environment, release, seen FROM reports") == [
        (1, "staging", "2.0", 1)
    ]


def test_lines_are_stored_where_they_say_and_bad_ones_are_named(
    bare: servers.Servers, tmp_path: Path
) -> None:
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
    done = bare.headrace("replay", str(path), str(tmp_path / "absent"))
    assert done.returncode == 1
    assert done.stdout == "2 stored, 4 refused.\n"
    refused = done.stderr.splitlines()
    assert "line 3 was not stored: its body is no JSON object or array" in refused[0]
    assert "line 4 was not stored: it names no project, and neither does --project" in refused[1]
    assert "line 5 was not stored: there is no project 'nobody'" in refused[2]
    assert "absent was not stored: it cannot be read (No such file or directory)" in refused[3]
    bare.drain()
    assert sorted(bare.rows("SELECT environment, details['blanked'] FROM reports")) == [
        ("", "release"),
        ("prod", ""),
    ]


def test_many_lines_are_stored_once_each(bare: servers.Servers, tmp_path: Path) -> None:
    path = tmp_path / "captured.jsonl"
    with path.open("w") as file:
        for number in range(1200):
            file.write(json.dumps({"body": REPORT, "release": str(number % 3)}) + "\n")
    assert bare.json("replay", str(path), "--project", "1")["stored"] == 1200
    bare.drain()
    (line,) = equations.verify(bare.server, bare.client, servers.SHARDS)
    assert line.balanced
    assert (line.acknowledged, line.seen) == (1200, 1200)


def test_an_invalid_label_on_the_command_line_is_one_sentence(bare: servers.Servers, tmp_path: Path) -> None:
    done = bare.headrace("replay", str(tmp_path / "absent"), "--environment", "a/b")
    assert (done.returncode, done.stderr) == (1, "headrace: 'a/b' is no valid environment.\n")


def test_a_project_that_takes_no_reports_gets_none(bare: servers.Servers, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(REPORT))
    source = registry.Registry(bare.server)
    source.set_status("shop", "retired")
    source.publish(bare.client)
    done = bare.headrace("replay", str(path), "--project", "shop")
    assert (done.returncode, done.stdout) == (1, "0 stored, 1 refused.\n")
    assert "was not stored: project 'shop' is retired: it takes no reports" in done.stderr


def file_of_1201_captures(directory: Path) -> Path:
    """Write a file of 1200 reports in three releases, with one body in the middle that is no report."""
    lines = [json.dumps({"body": REPORT, "release": str(number % 3)}) for number in range(1200)]
    lines.insert(600, json.dumps({"body": "nonsense"}))
    path = directory / "captured.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_an_interrupted_replay_goes_on_where_it_was(
    bare: servers.Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of_1201_captures(tmp_path)
    forced = captures.Capture(b"", project="shop")

    def run(steps: int, *, resume: bool = False, again: bool = False) -> None:
        """Replay in this process, which dies after so many steps."""
        took = 0

        def append(*arguments: Any) -> Any:
            nonlocal took
            if took == steps:
                raise KeyboardInterrupt
            took += 1
            return appended(*arguments)

        monkeypatch.setattr(resubmission, "append", append)
        came = resumption.Resumption(bare.client, [path], forced, resume=resume, again=again)
        file_replay_of(bare, forced).store([path], came)

    appended = resubmission.append
    with pytest.raises(KeyboardInterrupt):
        run(1)
    done = bare.headrace("replay", str(path), "--project", "shop")
    assert (done.returncode, done.stdout) == (1, "")
    assert "was interrupted after 500 captures: say --resume" in done.stderr
    with pytest.raises(KeyboardInterrupt):
        run(1, resume=True)
    done = bare.json("replay", str(path), "--project", "shop", "--resume", code=1)
    assert (done["stored"], len(done["refused"])) == (200, 1)
    bare.drain()
    (line,) = equations.verify(bare.server, bare.client, servers.SHARDS)
    assert (line.balanced, line.acknowledged) == (True, 1200)
    assert bare.json("replay", str(path), "--project", "shop", code=1)["stored"] == 1200
    with pytest.raises(KeyboardInterrupt):
        run(2)
    assert bare.json("replay", str(path), "--project", "shop", "--again", code=1)["stored"] == 1200


def test_of_two_replays_of_a_file_at_once_one_ends(bare: servers.Servers, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(REPORT))
    came = resumption.Resumption(bare.client, [path], captures.Capture(b""))
    other = resumption.Resumption(bare.client, [path], captures.Capture(b""))
    snapshot = published.read(bare.client)
    payload = reingest.payload(snapshot.projects[0], captures.Capture(b"{}"))
    sink = reingest.Sink(bare.client, servers.SHARDS, 0.8)
    assert len(sink.store([payload], came.source(snapshot.version, 1))) == 1
    with pytest.raises(resubmission.NotedError, match="Another command stored these"):
        sink.store([payload], other.source(snapshot.version, 1))


def test_a_project_that_is_retired_during_a_replay_gets_nothing_more(
    bare: servers.Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(REPORT))
    appended = resubmission.append

    def append(*arguments: Any) -> Any:
        monkeypatch.setattr(resubmission, "append", appended)
        source = registry.Registry(bare.server)
        source.set_status("shop", "retired")
        source.publish(bare.client)
        return appended(*arguments)

    monkeypatch.setattr(resubmission, "append", append)
    forced = captures.Capture(b"", project="shop")
    came = resumption.Resumption(bare.client, [path], forced)
    with pytest.raises(model.ProjectError, match="Project 1 takes no reports any more"):
        file_replay_of(bare, forced).store([path], came)
