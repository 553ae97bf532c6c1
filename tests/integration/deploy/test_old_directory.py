"""A database of an older release goes on: by ``headrace up``, and by a user with the documented rights."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import msgspec
import pytest

from deploy.embedded import clickhouse as embedded_clickhouse
from deploy.network import addresses, ports
from deploy.servers import backends
from storage.servers import clickhouse
from storage.tables import functions, migrate
from tests.helpers import harness, invariant, older, paths, waiting

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from storage.schema import progress

pytestmark = pytest.mark.integration

HEADRACE = "headrace"
_CHANGING = (
    "noise relabel",
    "noise relabel --dry-run",
    "release list 1",
    "release drop 1 1.0 --yes",
    "partitions list",
    "partitions archive 1 --release 1.0",
    "project delete 1 --yes",
    "rebuild-findings",
    "verify",
    "settle",
    "project list",
)
"""Commands that read or change stored rows."""
_USER = """
<users>
    <mover>
        <password>mover</password>
        <networks><ip>127.0.0.1</ip></networks>
        <profile>default</profile>
        <quota>default</quota>
        <grants>{grants}</grants>
    </mover>
"""


@contextlib.contextmanager
def old_server(directory: pathlib.Path, user: str = "<users>") -> Iterator[clickhouse.Address]:
    """Run a ClickHouse on a directory, and fill it as an older release did."""
    log = directory.parent / "old.log"
    server = embedded_clickhouse.prepare(
        directory, ports.free_port(), ports.free_port(), directory.parent / "errors.log"
    )
    users = directory / "users.xml"
    users.write_text(users.read_text("utf-8").replace("<users>", user, 1), "utf-8")
    process = embedded_clickhouse.start(server, log)
    address = addresses.clickhouse_address(server.url)
    outside = clickhouse.connect(msgspec.structs.replace(address, database="default"))
    inside = clickhouse.connect(address)
    try:
        waiting.until(
            lambda: backends.clickhouse_is_ready(address), "ClickHouse is ready", child=process, log=log
        )
        outside.execute(f"CREATE DATABASE {address.database}")
        older.make(inside)
        older.fill(inside)
        yield address
    finally:
        outside.close()
        inside.close()
        process.stop()


def test_up_goes_on_with_the_directory_of_an_older_release(tmp_path: pathlib.Path) -> None:
    with old_server(tmp_path / "data" / "clickhouse"):
        pass
    with harness.system(tmp_path) as system:
        assert "Filling finding_days" in system.output()
        project = system.json("project", "show", "1")
        assert (
            system.post(
                {"csp-report": {"document-uri": "https://a.test/", "effective-directive": "img-src"}},
                project=project,
            ).status_code
            == 200
        )
        system.wait_drained()
        counted = "SELECT sum(seen) AS n FROM "
        waiting.until(
            lambda: system.query(f"{counted} reports") == system.query(f"{counted} finding_days"),
            "it is stored",
        )
        assert {each["state"] for each in system.json("migrate", "--list")} == {"applied"}


def test_the_documented_rights_are_enough(tmp_path: pathlib.Path) -> None:
    page = (paths.DOCS / "operate" / "upgrade.md").read_text("utf-8")
    granted = re.findall(r"^(GRANT .*) TO headrace;$", page, re.MULTILINE)
    assert len(granted) > 5
    grants = "".join(f"<query>{statement}</query>" for statement in granted)
    with old_server(tmp_path / "server", _USER.format(grants=grants)) as address:
        mover = msgspec.structs.replace(address, user="mover", password="mover")
        assert migrate.apply(mover)[0] == "0017_reports_apart"
        assert functions.restore(mover) in {True, False}
        server = clickhouse.connect(address)
        assert invariant.differences(server) == []
        server.close()


def _interrupt(progress: progress.Progress) -> None:
    if "0019" in progress.doing:
        raise ConnectionAbortedError


@pytest.mark.parametrize("begun", [False, True], ids=["not begun", "interrupted"])
def test_commands_refuse_a_database_that_is_not_up_to_date(
    address: clickhouse.Address,
    server: clickhouse.Connection,
    clickhouse_server: harness.ClickHouseServer,
    redis_server: harness.RedisServer,
    *,
    begun: bool,
) -> None:
    older.make(server)
    older.fill(server)
    if begun:
        with pytest.raises(ConnectionAbortedError):
            migrate.apply(address, _interrupt)
    table = "reports_live" if begun else "reports"
    rows = f"SELECT * FROM {table} ORDER BY ALL"  # noqa: S608 - one of two names
    before = server.execute(rows)
    url = clickhouse_server.url.rpartition("/")[0]
    environment = {
        "HEADRACE_REDIS_URL": redis_server.url,
        "HEADRACE_CLICKHOUSE_URL": f"{url}/{address.database}",
    }
    for command in _CHANGING:
        done = harness.headrace(*command.split(), **environment)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), (command, done.stderr)
        assert "The database is not up to date" in done.stderr, command
    assert server.execute(rows) == before
