"""``headrace up`` from outside: it starts, heals, stops, and starts again on what it had."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from deploy.directory import runtime
from deploy.network import ports
from tests.helpers import harness, waiting

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

REPORT = {
    "csp-report": {
        "document-uri": "https://shop.example/cart",
        "effective-directive": "img-src",
        "violated-directive": "img-src https:",
        "blocked-uri": "http://tracker.example/pixel.gif",
        "original-policy": "img-src https:",
    }
}
SEEN = "SELECT sum(seen) AS seen FROM reports"


def alive(pids: list[int]) -> list[int]:
    """Those that still run; one that has ended may wait for init to take note of it."""
    found = {process.pid: process.info["status"] for process in psutil.process_iter(["status"])}
    return [pid for pid in pids if found.get(pid, psutil.STATUS_ZOMBIE) != psutil.STATUS_ZOMBIE]


def family(system: harness.System) -> list[int]:
    """Every process of a system, also those that runtime.json does not name."""
    children = psutil.Process(system.process.pid).children(recursive=True)
    return [system.process.pid, *(process.pid for process in children)]


def test_a_report_becomes_a_row_and_the_ledger_balances(system: harness.System) -> None:
    answer = system.post(REPORT, environment="production", release="1.2")
    assert answer.status_code == 200
    system.wait_drained()
    rows = system.query("SELECT environment, release, directive, blocked_host FROM reports")
    expected = {"environment": "production", "release": "1.2", "directive": "img-src"}
    assert {**expected, "blocked_host": "tracker.example"} in rows
    assert system.headrace("verify").returncode == 0


def test_runtime_json_names_what_runs_and_nobody_else_may_read_it(system: harness.System) -> None:
    current = system.runtime
    assert httpx.get(f"{current.edge_url}/readyz", timeout=waiting.PATIENCE_S).status_code == 200
    assert httpx.get(current.clickhouse_http_url, params={"query": "SELECT 1"}).text == "1\n"
    assert len(current.pids.edge) >= 2
    assert set(current.pids.all()) <= set(family(system))
    assert (system.directory / runtime.FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with harness.system(tmp_path) as system:
        system.post(REPORT)
        processes = family(system)
        assert system.stop(number) == 0
        assert alive(processes) == []
        assert runtime.read(system.directory) is None


def test_the_next_run_continues_on_the_same_data(tmp_path: Path) -> None:
    with harness.system(tmp_path) as system:
        system.post(REPORT)
        project = system.project["key"]
    with harness.system(tmp_path) as system:
        system.post(REPORT)
        system.wait_drained()
        assert system.project["key"] == project
        assert system.query(SEEN) == [{"seen": 2}]
        assert system.headrace("verify").returncode == 0


def test_a_killed_up_takes_everything_with_it_and_loses_nothing(tmp_path: Path) -> None:
    with harness.system(tmp_path) as system:
        assert system.post(REPORT).status_code == 200
        processes = family(system)
        system.process.kill()
        system.process.wait()
        waiting.until(lambda: alive(processes) == [], "all of it has ended")
    with harness.system(tmp_path) as system:
        # The lease of a drainer that was killed runs out first.
        system.wait_drained()
        assert system.query(SEEN) == [{"seen": 1}]
        assert system.headrace("verify").returncode == 0


@pytest.mark.parametrize("kind", ["edge", "workers", "maintenance", "redis", "clickhouse"])
def test_what_dies_is_started_again(system: harness.System, kind: str) -> None:
    before = _pids(system, kind)
    psutil.Process(before[0]).kill()
    waiting.until(lambda: _pids(system, kind) and before[0] not in _pids(system, kind), f"{kind} is back")
    waiting.until(lambda: _accepts(system), "reports are taken")
    system.wait_drained()
    assert system.headrace("verify", "--wait", "100").returncode == 0


def test_a_dead_gunicorn_worker_is_replaced_and_recorded(system: harness.System) -> None:
    victim = system.runtime.pids.edge[-1]
    psutil.Process(victim).kill()
    waiting.until(
        lambda: victim not in system.runtime.pids.edge and len(system.runtime.pids.edge) > 1,
        "another worker is recorded",
    )
    waiting.until(lambda: _accepts(system), "reports are taken")


def test_a_second_up_on_the_same_directory_refuses(system: harness.System) -> None:
    done = system.headrace("up")
    assert done.returncode == 1
    assert done.stderr == f"headrace: Another headrace up is running on {system.directory}.\n"


@pytest.mark.parametrize(
    "option", ["--listen", "--redis-port", "--clickhouse-port", "--clickhouse-http-port"]
)
def test_a_taken_port_is_one_sentence(tmp_path: Path, redis_server: harness.RedisServer, option: str) -> None:
    port = redis_server.url.rpartition(":")[2].partition("/")[0]
    value = f"127.0.0.1:{port}" if option == "--listen" else port
    listen = () if option == "--listen" else ("--listen", "127.0.0.1:0")
    done = harness.headrace("up", "--data", str(tmp_path / "data"), *listen, option, value)
    assert done.returncode == 1
    assert done.stderr.endswith(f"cannot listen on 127.0.0.1:{port}: address already in use.\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "other"),
    [("--redis-port", "ClickHouse"), ("--clickhouse-http-port", "ClickHouse"), ("--listen", "the edge")],
)
def test_ports_that_collide_are_one_sentence(tmp_path: Path, option: str, other: str) -> None:
    port = str(ports.free_port())
    value = f"0.0.0.0:{port}" if option == "--listen" else port
    data = tmp_path / "data"
    done = harness.headrace("up", "--data", str(data), "--clickhouse-port", port, option, value)
    assert done.returncode == 1
    assert done.stderr.startswith(f"headrace: Port {port} cannot be both for ")
    assert other in done.stderr
    assert not data.exists()


def test_folders_of_the_working_directory_are_not_our_packages(tmp_path: Path) -> None:
    for name in ("deploy", "ingest", "storage", "workers", "chdb", "redis"):
        (tmp_path / "cwd" / name).mkdir(parents=True)
        (tmp_path / "cwd" / name / "__init__.py").write_text("raise SystemExit('imported')")
    with harness.system(tmp_path, cwd=tmp_path / "cwd") as system:
        assert system.post(REPORT).status_code == 200
        system.wait_drained()
        assert system.query(SEEN) == [{"seen": 1}]


def test_with_every_project_disabled_it_says_so(tmp_path: Path) -> None:
    with harness.system(tmp_path) as system:
        system.json("project", "disable", "default")
    printed = len(system.output())
    with harness.system(tmp_path) as system:
        # Read once it shows what comes after.
        waiting.until(lambda: "See what arrived" in system.output()[printed:], "it has introduced itself")
        shown = system.output()[printed:]
        assert "project enable" in shown
        assert "sentry_key" not in shown


def test_the_data_directory_is_its_owners(system: harness.System) -> None:
    for directory in (system.directory, system.directory / "redis", system.directory / "clickhouse"):
        assert directory.stat().st_mode & 0o077 == 0
    assert (system.directory / "logs" / "clickhouse-server" / "errors.log").exists()


def test_who_may_query_cannot_read_the_files_of_the_system(system: harness.System) -> None:
    files = [path for path in system.directory.glob("redis/**/*") if path.is_file()]
    assert files
    for path in (*files, system.directory / runtime.FILE, *system.directory.glob("logs/*.log")):
        done = system.headrace("query", f"SELECT file('{path}')")
        assert done.returncode == 1
        assert "The function file is refused" in done.stderr
        answer = httpx.get(system.runtime.clickhouse_http_url, params={"query": f"SELECT file('{path}')"})
        assert "The function file is refused" in answer.text


def test_told_ports_are_used(tmp_path: Path) -> None:
    redis_port, native, http = (ports.free_port() for _ in range(3))
    options = ("--redis-port", str(redis_port), "--clickhouse-port", str(native))
    with harness.system(tmp_path, *options, "--clickhouse-http-port", str(http)) as system:
        current = system.runtime
        assert current.redis_url == f"redis://127.0.0.1:{redis_port}/0"
        assert f"@127.0.0.1:{native}/" in current.clickhouse_url
        assert f"@127.0.0.1:{http}/" in current.clickhouse_http_url


def test_it_uses_the_servers_that_the_settings_name(
    tmp_path: Path, redis_server: harness.RedisServer, clickhouse_server: harness.ClickHouseServer
) -> None:
    database = f"{clickhouse_server.url.rpartition('/')[0]}/external"
    redis_server.client().flushall()
    given: Any = {"HEADRACE_REDIS_URL": redis_server.url, "HEADRACE_CLICKHOUSE_URL": database}
    with harness.system(tmp_path, **given) as system:
        assert system.post(REPORT).status_code == 200
        system.wait_drained()
        assert system.runtime.pids.redis == system.runtime.pids.clickhouse == 0
        assert system.query(SEEN) == [{"seen": 1}]
        refused = system.headrace("query", "DROP TABLE reports_live")
        assert "readonly" in refused.stderr
        assert system.headrace("query", "SELECT 1 SETTINGS readonly = 0").returncode == 1
        assert system.headrace("query", "CREATE TEMPORARY TABLE t (a UInt8)").returncode == 1


@pytest.mark.parametrize(
    ("variable", "value", "who"),
    [
        ("HEADRACE_REDIS_URL", "redis://127.0.0.1:{port}/0", "Redis"),
        ("HEADRACE_CLICKHOUSE_URL", "clickhouse://a:b@127.0.0.1:{port}/c", "ClickHouse"),
    ],
)
def test_an_unreachable_server_is_one_sentence(tmp_path: Path, variable: str, value: str, who: str) -> None:
    port = ports.free_port()
    arguments = ("up", "--data", str(tmp_path), "--listen", "127.0.0.1:0")
    done = harness.headrace(*arguments, **{variable: value.format(port=port)})
    assert done.returncode == 1
    assert done.stderr.startswith(f"headrace: {who} at 127.0.0.1:{port} did not answer: ")
    assert done.stderr.count("\n") == 1


def _pids(system: harness.System, kind: str) -> list[int]:
    found = getattr(system.runtime.pids, kind)
    return found if isinstance(found, list) else [found]


def _accepts(system: harness.System) -> bool:
    try:
        return system.post(REPORT).status_code == 200
    except httpx.HTTPError:
        return False
