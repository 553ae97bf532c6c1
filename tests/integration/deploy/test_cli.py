"""The commands, on a running system and on none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage.tables import migrate
from tests.helpers import harness, waiting

pytestmark = pytest.mark.integration

REPORT = {"csp-report": {"document-uri": "https://a.example/", "effective-directive": "script-src"}}


def comes_to(status: int, system: harness.System, project: dict[str, Any]) -> None:
    """Wait until a report of this project is answered with this status."""
    waiting.until(
        lambda: system.post(REPORT, project=project).status_code == status, f"a report is answered {status}"
    )


def test_a_new_project_takes_reports_and_a_disabled_one_does_not(system: harness.System) -> None:
    project = system.json("project", "create", "shop")
    assert {"id", "name", "key", "endpoint"} <= project.keys()
    assert project["endpoint"].startswith(system.edge_url)
    comes_to(200, system, project)
    assert system.json("project", "disable", "shop")["status"] == "disabled"
    comes_to(403, system, project)
    assert [p["status"] for p in system.json("project", "list") if p["name"] == "shop"] == ["disabled"]
    assert system.json("project", "show", str(project["id"]))["key"] == project["key"]


def test_two_projects_cannot_share_a_name(system: harness.System) -> None:
    done = system.headrace("project", "create", "default")
    assert (done.returncode, done.stderr) == (1, "headrace: There is a project 'default' already.\n")


def test_projects_are_shown_to_people_too(system: harness.System) -> None:
    assert system.project["key"] in system.headrace("project", "list").stdout
    assert system.project["endpoint"] in system.headrace("project", "show", "default").stdout


def test_headers_name_environment_release_and_base_url(system: harness.System) -> None:
    options = ("--environment", "production", "--release", "1.2", "--base-url", "https://reports.example/")
    headers = {header["name"]: header["value"] for header in system.json("headers", "default", *options)}
    key = system.project["key"]
    url = f"https://reports.example/api/1/security/?sentry_key={key}"
    assert f"{url}&sentry_environment=production&sentry_release=1.2" in headers["Content-Security-Policy"]
    assert headers.keys() >= {"Reporting-Endpoints", "NEL", "Report-To", "Expect-CT"}
    assert "Public-Key-Pins-Report-Only: " in system.headrace("headers", "default").stdout


def test_a_query_prints_objects_or_a_table(system: harness.System) -> None:
    sql = "SELECT 1 AS one, 'x' AS text, toDateTime64('2026-01-02 03:04:05', 3, 'UTC') AS at"
    assert system.query(sql) == [{"one": 1, "text": "x", "at": "2026-01-02T03:04:05Z"}]
    printed = system.headrace("query", sql).stdout
    assert "2026-01-02 03:04:05" in printed


def test_a_disabled_project_can_be_enabled(system: harness.System) -> None:
    project = system.json("project", "create", "back")
    system.json("project", "disable", "back")
    comes_to(403, system, project)
    assert system.json("project", "enable", "back")["status"] == "active"
    comes_to(200, system, project)


def test_a_project_name_is_printable(system: harness.System) -> None:
    done = system.headrace("project", "create", "a\x1b[31m")
    assert (done.returncode, done.stderr) == (
        1,
        "headrace: A project name holds printable characters only.\n",
    )


@pytest.mark.parametrize("url", ["reports.example", "ftp://a.example", "https://a.example/?b"])
def test_headers_refuse_a_base_url_that_is_none(system: harness.System, url: str) -> None:
    done = system.headrace("headers", "default", "--base-url", url)
    assert done.returncode == 2
    assert "http://host[:port][/path]" in done.stderr


def test_an_empty_data_directory_is_refused() -> None:
    done = harness.headrace("status", "--data", "")
    assert done.returncode == 2
    assert "must be a directory" in done.stderr


def test_output_that_cannot_be_written_is_one_sentence(system: harness.System) -> None:
    command = [sys.executable, "-m", "deploy", "query", "SELECT 1", "--data", str(system.directory)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=harness.ROOT, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"headrace: No space left on device.\n")


def test_a_reader_that_went_away_is_no_failure_to_tell(system: harness.System) -> None:
    sql = "SELECT * FROM numbers(100000)"
    command = [sys.executable, "-m", "deploy", "query", sql, "--data", str(system.directory)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=harness.ROOT, stdout=pipe, stderr=pipe) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""


def test_an_edge_whose_port_is_taken_is_one_sentence(system: harness.System) -> None:
    listen = system.edge_url.removeprefix("http://")
    done = harness.headrace("edge", "--data", str(system.directory), HEADRACE_LISTEN=listen)
    *logged, said = done.stderr.splitlines()
    assert (done.returncode, said) == (
        1,
        f"headrace: The edge cannot listen on {listen}: address already in use.",
    )
    assert [json.loads(line)["event"] for line in logged] == ["redis_server"]


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("SELECT nonsense", "Unknown expression identifier"),
        ("SELEC 1", "Syntax error"),
        ("DROP TABLE reports_live", "Not enough privileges"),
        ("INSERT INTO projects (id) VALUES (9)", "Not enough privileges"),
        ("SELECT raw FROM quarantine", "An analyst may not read or do that"),
        ("SELECT * FROM numbers(9) SETTINGS max_rows_to_read = 8", "would read more rows than it may"),
        ("SELECT * FROM numbers(2000000000)", "would read more rows than it may"),
        ("SELECT * FROM numbers(2000000)", "The answer is larger than it may be"),
        (
            "SELECT toString(number) FROM numbers(9999) SETTINGS max_result_bytes = 99",
            "The answer is larger than it may be",
        ),
        ("SELECT * FROM numbers(9) SETTINGS max_bytes_to_read = 8", "would read more bytes than it may"),
        (
            "SELECT sum(sleepEachRow(0.1)) FROM numbers(25) SETTINGS max_execution_time = 1",
            "took longer than it may",
        ),
        (
            "SELECT groupArray(number) FROM numbers(9000000) SETTINGS max_memory_usage = 9000000",
            "needs more memory than it may take",
        ),
        ("SELECT 1 SETTINGS max_execution_time = 61", "may lower this limit and not lift it"),
        ("SELECT 1 SETTINGS max_result_rows = 0", "may lower this limit and not lift it"),
        ("SELECT 1 SETTINGS max_block_size = 7", "An analyst may not change that"),
    ],
)
def test_a_query_that_fails_is_one_sentence(system: harness.System, sql: str, sentence: str) -> None:
    done = system.headrace("query", sql)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.startswith("headrace: ")
    assert done.stderr.count("\n") == 1


def test_status_counts_processes_queue_and_rows(system: harness.System) -> None:
    status = system.json("status")
    running = {process["name"] for process in status["processes"] if process["running"]}
    assert running == {"edge", "worker", "maintenance", "redis", "clickhouse"}
    assert status["queue"]["backlog"] == 0
    assert len(status["queue"]["entries_by_shard"]) == 16
    assert status["queue"]["entries_aside"] == 0
    assert 0 < status["redis"]["memory"] < status["redis"]["maxmemory"]
    assert "projects" in {table["table"] for table in status["clickhouse"]}
    assert "all empty" in system.headrace("status").stdout


def test_verify_says_when_the_queue_is_not_drained(system: harness.System) -> None:
    workers = [psutil.Process(pid) for pid in system.runtime.pids.workers]
    for worker in workers:
        worker.suspend()
    try:
        assert system.post(REPORT).status_code == 200
        done = system.headrace("verify")
        assert done.returncode == 1
        assert "The queue is not drained: 1 payloads are waiting." in done.stdout
        assert "1 waiting in stream" in done.stdout
    finally:
        for worker in workers:
            worker.resume()
    done = system.headrace("verify", "--wait", "100")
    assert done.returncode == 0, done.stdout
    assert system.json("verify")["balanced"] is True


def test_migrate_applies_what_is_missing(clickhouse_server: harness.ClickHouseServer) -> None:
    url = f"{clickhouse_server.url.rpartition('/')[0]}/migrated"
    first = harness.headrace("migrate", "--json", HEADRACE_CLICKHOUSE_URL=url)
    assert json.loads(first.stdout) == [migration.name for migration in migrate.migrations()]
    second = harness.headrace("migrate", HEADRACE_CLICKHOUSE_URL=url)
    assert second.stdout == "The database is up to date.\n"


@pytest.mark.parametrize("command", ["edge", "worker", "maintenance", "migrate", "status", "verify"])
def test_without_a_running_system_it_is_one_sentence(tmp_path: Path, command: str) -> None:
    done = harness.headrace(command, "--data", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith(f"headrace: No headrace up is running on {tmp_path}: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["edge", "worker", "maintenance"])
def test_a_process_without_its_redis_is_one_sentence(command: str) -> None:
    given = {
        "HEADRACE_REDIS_URL": "redis://127.0.0.1:1/0",
        "HEADRACE_CLICKHOUSE_URL": "clickhouse://127.0.0.1:1",
    }
    done = harness.headrace(command, **given)
    assert done.returncode == 1
    assert done.stderr.startswith("headrace: Redis at 127.0.0.1:1 did not answer: ")
    assert done.stderr.count("\n") == 1


def test_a_wrong_setting_refuses_to_start() -> None:
    done = harness.headrace("edge", HEADRACE_SHARDS="0")
    assert (done.returncode, done.stderr) == (
        1,
        "headrace: HEADRACE_SHARDS must be greater than or equal to 1, not '0'.\n",
    )
