"""The embedded servers: durable across kills, closed to strangers, stopped on request."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest
import redis.exceptions

from deploy.embedded import clickhouse as embedded_clickhouse
from deploy.embedded import free_space
from deploy.servers import backends
from storage import errors
from storage.servers import clickhouse
from storage.tables import migrate
from tests.helpers import harness, waiting

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def test_redis_keeps_what_it_acknowledged_across_kill_9(tmp_path: Path) -> None:
    with harness.redis_server(tmp_path) as server:
        server.client().set("kept", "yes")
        os.kill(server.process.pid, signal.SIGKILL)
    with harness.redis_server(tmp_path) as server:
        assert server.client().get("kept") == b"yes"


def test_redis_refuses_writes_rather_than_evict(tmp_path: Path) -> None:
    with harness.redis_server(tmp_path) as server:
        client = server.client()
        client.config_set("maxmemory", 1)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            client.set("key", "value")


def test_clickhouse_keeps_its_data_and_passwords_across_kill_9(tmp_path: Path) -> None:
    with harness.clickhouse_server(tmp_path) as server:
        migrate.apply(server.address)
        passwords = server.server.passwords
        os.kill(server.process.pid, signal.SIGKILL)
    with harness.clickhouse_server(tmp_path) as server:
        assert migrate.apply(server.address) == []
        assert server.server.passwords == passwords


def test_clickhouse_stops_when_asked(tmp_path: Path) -> None:
    with harness.clickhouse_server(tmp_path) as server:
        server.process.terminate()
        waiting.until(lambda: server.process.exit_code() is not None, "it has ended")
        assert server.process.exit_code() == 0


def test_clickhouse_goes_on_after_it_was_frozen(tmp_path: Path) -> None:
    with harness.clickhouse_server(tmp_path) as server:
        frozen = psutil.Process(server.process.pid)
        os.kill(server.process.pid, signal.SIGSTOP)
        waiting.until(lambda: frozen.status() == psutil.STATUS_STOPPED, "it is frozen")
        os.kill(server.process.pid, signal.SIGCONT)
        waiting.until(
            lambda: backends.clickhouse_is_ready(server.address), "it answers", child=server.process
        )
        assert server.process.exit_code() is None


def test_clickhouse_whose_port_is_taken_ends_and_says_so(
    tmp_path: Path, clickhouse_server: harness.ClickHouseServer
) -> None:
    taken = clickhouse_server.server
    log = tmp_path / "log"
    errors = tmp_path / "errors" / "errors.log"
    server = embedded_clickhouse.prepare(tmp_path / "s", taken.tcp_port, taken.http_port, errors)
    process = embedded_clickhouse.start(server, log)
    waiting.until(lambda: process.exit_code() is not None, "it has ended")
    assert process.exit_code() == 1
    assert "Address already in use" in log.read_text()


def test_clickhouse_is_not_started_on_a_disk_without_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(free_space, "MOST", 1 << 60)
    monkeypatch.setattr(free_space, "free", lambda _: 5 * free_space.MEBIBYTE)
    with pytest.raises(errors.HeadraceError, match=r"Only 5 MiB are free on .* needs \d+ MiB: make"):
        embedded_clickhouse.prepare(tmp_path, 1, 2, tmp_path / "errors" / "errors.log")


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO projects (id) VALUES (1)",
        "DROP TABLE projects",
        "CREATE TABLE t (a UInt8) ENGINE = Memory",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM system.users",
        "SET readonly = 0",
        "SYSTEM STOP LISTEN TCP",
        "SELECT * FROM Python('x')",
        "SELECT * FROM Python('x') SETTINGS allow_python_table_function = 1",
        "SET allow_python_table_function = 1",
        "SET max_execution_time = 0",
        "SELECT 1 SETTINGS max_execution_time = 61",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT 1 SETTINGS max_memory_usage = 1000000000000000",
    ],
)
def test_the_analyst_cannot(sql: str, clickhouse_server: harness.ClickHouseServer) -> None:
    migrate.apply(clickhouse_server.address)
    with (
        contextlib.closing(clickhouse.connect(clickhouse_server.analyst)) as connection,
        pytest.raises(clickhouse.QueryError),
    ):
        connection.execute(sql)


def test_the_engine_is_told_no_secret_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_REDIS_URL", "redis://:secret@127.0.0.1:1/0")
    with harness.clickhouse_server(tmp_path) as server:
        environment = psutil.Process(server.process.pid).environ()
    assert "PATH" in environment
    assert not [name for name in environment if name.startswith("HEADRACE")]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id, name, status FROM projects",
        "SELECT rows FROM system.parts",
        "SHOW TABLES",
        "SELECT 1 SETTINGS max_execution_time = 5",
    ],
)
def test_the_analyst_can(sql: str, clickhouse_server: harness.ClickHouseServer) -> None:
    migrate.apply(clickhouse_server.address)
    with contextlib.closing(clickhouse.connect(clickhouse_server.analyst)) as connection:
        connection.execute(sql)


def test_nobody_can_log_in_as_the_engine(clickhouse_server: harness.ClickHouseServer) -> None:
    server = clickhouse_server.server
    answer = httpx.get(f"http://127.0.0.1:{server.http_port}/?query=SELECT+1")
    assert "session count" in answer.text
    assert not backends.clickhouse_is_ready(clickhouse.Address("127.0.0.1", server.tcp_port))


def test_a_wrong_password_is_refused(clickhouse_server: harness.ClickHouseServer) -> None:
    port = clickhouse_server.server.tcp_port
    assert not backends.clickhouse_is_ready(clickhouse.Address("127.0.0.1", port, "headrace", "wrong"))


def test_the_http_interface_serves_the_analyst(clickhouse_server: harness.ClickHouseServer) -> None:
    url = clickhouse_server.server.http_url
    assert httpx.get(url, params={"query": "SELECT currentUser()"}).text.strip() == "analyst"
    assert httpx.get(f"{url}play").status_code == 200


def test_what_holds_passwords_is_private(clickhouse_server: harness.ClickHouseServer) -> None:
    directory = clickhouse_server.server.directory
    assert directory.stat().st_mode & 0o077 == 0
    assert (directory / "passwords.json").stat().st_mode & 0o077 == 0
