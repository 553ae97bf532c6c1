"""The commands, on a running system and on none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psutil
import pytest

from deploy import child
from storage import migrate
from tests import harness

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

REPORT = {"csp-report": {"document-uri": "https://a.example/", "effective-directive": "script-src"}}


def test_a_new_project_takes_reports_and_a_disabled_one_does_not(system: harness.System) -> None:
    project = system.json("project", "create", "shop")
    assert {"id", "name", "key", "endpoint"} <= project.keys()
    assert project["endpoint"].startswith(system.edge_url)
    assert child.wait_until(lambda: system.post(REPORT, project=project).status_code == 200, 2)
    assert system.json("project", "disable", "shop")["status"] == "disabled"
    assert child.wait_until(lambda: system.post(REPORT, project=project).status_code == 403, 2)
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


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("SELECT nonsense", "Unknown expression identifier"),
        ("SELEC 1", "Syntax error"),
        ("DROP TABLE reports", "Not enough privileges"),
        ("INSERT INTO projects (id) VALUES (9)", "Not enough privileges"),
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
        assert "1 waiting in shard" in done.stdout
    finally:
        for worker in workers:
            worker.resume()
    done = system.headrace("verify", "--wait", "30")
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
