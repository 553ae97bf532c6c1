"""Reading files of captured payloads."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from deploy.replay import captures

if TYPE_CHECKING:
    from pathlib import Path

MAX_BODY = 200
REPORT = {"csp-report": {"document-uri": "https://a.example/"}}


def read(path: Path, content: str | bytes) -> list[captures.Read]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(captures.read(path, MAX_BODY))


def lines(*values: Any) -> str:
    return "\n".join(json.dumps(value) for value in values) + "\n\n"


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(REPORT),
        json.dumps(REPORT, indent=2),
        json.dumps([{"type": "csp-violation", "body": {}}]),
        json.dumps({"type": "csp-violation", "body": {"documentURL": "https://a.example/"}}),
        "document-url=https://a.example/&violated-directive=img-src",
        '\ufeff{"a": 1}',
    ],
    ids=["one line", "indented", "array", "a report with a body", "form", "byte-order mark"],
)
def test_a_file_is_one_body(tmp_path: Path, body: str) -> None:
    (step,) = read(tmp_path / "one", body)
    assert step.capture == captures.Capture(body.encode())
    assert step.size == len(body.encode())


def test_a_file_of_lines_is_many(tmp_path: Path) -> None:
    about = {"project": 7, "environment": "prod", "release": "1", "user_agent": "UA", "content_type": "a/b"}
    binary = "\ufeff{}".encode("utf-16-le")
    text = lines(
        {"body": json.dumps(REPORT), **about, "note": "ignored"},
        {"body": REPORT},
        {"body_b64": base64.b64encode(binary).decode(), "environment": None},
    )
    first, second, third = read(tmp_path / "lines", text)
    assert first.capture == captures.Capture(json.dumps(REPORT).encode(), "7", "prod", "1", "UA", "a/b")
    assert second.capture == captures.Capture(json.dumps(REPORT).encode())
    assert third.capture == captures.Capture(binary)
    assert third.where.endswith("lines line 3")
    assert sum(step.size for step in (first, second, third)) == len(text.encode()) - 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "it cannot be read"),
        ('{"body_b64": "?"}', "it cannot be read"),
        ('{"body": "{}", "project": []}', "it cannot be read"),
        ('{"type": "nel", "body": {}}', "neither a body nor a body_b64"),
        ('{"project": 1}', "neither a body nor a body_b64"),
        ('{"body": ""}', "its body is empty"),
        ('{"body": "nonsense"}', "its body is no JSON object or array"),
        ('{"body": "12"}', "its body is no JSON object or array"),
        (json.dumps({"body": "[" + " " * MAX_BODY + "]"}), "its body is longer than 200 bytes"),
    ],
)
def test_a_line_that_cannot_be_replayed_takes_no_other_with_it(
    tmp_path: Path, line: str, reason: str
) -> None:
    good = json.dumps({"body": REPORT})
    first, second, third = read(tmp_path / "lines", f"{good}\n{line}\n{good}\n")
    assert first.capture
    assert third.capture
    assert second.capture is None
    assert second.where.endswith("lines line 2")
    assert reason in second.error


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "its body is empty"),
        (b"nonsense", "its body is no JSON object or array"),
        (b"\xff\xfe\xfd", "its body is no JSON object or array"),
        (b"[\n" + b" " * MAX_BODY, "its body is longer than 200 bytes"),
        (b"[" + b" " * MAX_BODY, "its body is longer than 200 bytes"),
    ],
)
def test_a_body_that_the_edge_would_refuse_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (step,) = read(tmp_path / "one", content)
    assert step.capture is None
    assert reason in step.error
