"""The function ``reachOf`` on servers where it is missing, old, somebody else's, or may not be made."""

from __future__ import annotations

import contextlib
from concurrent import futures
from typing import TYPE_CHECKING, Final

import msgspec
import pytest

from deploy.embedded import clickhouse as embedded_clickhouse
from deploy.embedded import configuration
from deploy.network import addresses, ports
from deploy.servers import backends
from storage.servers import clickhouse
from storage.tables import functions, migrate
from tests.helpers import harness, stored, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

ASKED: Final = "SELECT reachOf(toUInt128(7))"
OLDER: Final = "CREATE OR REPLACE FUNCTION reachOf AS headrace_sketch -> toUInt64(headrace_sketch + 1)"
REFUSING: Final = "CREATE OR REPLACE FUNCTION reachOf AS headrace_sketch -> throwIf(1)"
SOMEBODYS: Final = "CREATE OR REPLACE FUNCTION reachOf AS (a, b) -> a + b"
COLUMNS: Final = ("project_id", "fingerprint", "seen", "reach")
NARROW: Final = """
<narrow>
    <password>secret</password>
    <networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants>
        <query>GRANT ALL ON headrace.*</query>
        <query>GRANT TABLE ENGINE ON *</query>
    </grants>
</narrow>
<guest>
    <password>secret</password>
    <networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants><query>GRANT SELECT ON headrace.*</query></grants>
    <databases>
        <headrace>
            <reports_live><filter>project_id = 2</filter></reports_live>
            <finding_days><filter>project_id = 2</filter></finding_days>
        </headrace>
    </databases>
</guest>
"""
"""A user who may do everything in the database, and nothing beside it; and one who may see one project."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clickhouse.Address]:
    """A server that was not given the function, as one of an operator's own."""
    directory = tmp_path_factory.mktemp("plain")
    where = (ports.free_port(), ports.free_port())
    server = embedded_clickhouse.prepare(directory / "server", *where, directory / "errors" / "errors.log")
    given = configuration.read_only_directory(server.directory) / "functions"
    (given / f"function_{functions.NAME}.sql").unlink()
    users = server.directory / "users.xml"
    users.write_text(users.read_text().replace("<users>", f"<users>{NARROW}"))
    process = embedded_clickhouse.start(server, directory / "log")
    address = addresses.clickhouse_address(server.url)
    try:
        waiting.until(lambda: backends.clickhouse_is_ready(address), "ClickHouse is ready", child=process)
        migrate.apply(address)
        yield address
    finally:
        process.stop()


@pytest.fixture
def without(plain: clickhouse.Address) -> Iterator[clickhouse.Connection]:
    """A connection to a server without the function."""
    with contextlib.closing(clickhouse.connect(plain)) as connection:
        connection.execute("DROP FUNCTION IF EXISTS reachOf")
        yield connection


def headrace_migrate(address: clickhouse.Address, code: int) -> tuple[str, str]:
    """Migrate, and return what the command printed and complained of."""
    where = f"{address.host}:{address.port}/{address.database}"
    done = harness.headrace(
        "migrate",
        HEADRACE_CLICKHOUSE_URL=f"clickhouse://{address.user}:{address.password}@{where}",
        HEADRACE_REDIS_URL="redis://127.0.0.1:1/0",
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout, done.stderr


def narrow(address: clickhouse.Address, user: str = "narrow") -> clickhouse.Address:
    return msgspec.structs.replace(address, user=user, password="secret")


def empty(server: clickhouse.Connection) -> None:
    for table in ("reports_live", "finding_days", "policy_days"):
        server.execute(f"TRUNCATE TABLE {table}")


def test_a_function_that_is_missing_is_made(
    plain: clickhouse.Address, without: clickhouse.Connection
) -> None:
    assert headrace_migrate(plain, 0) == ("made the function reachOf\n", "")
    assert headrace_migrate(plain, 0) == ("The database is up to date.\n", "")
    assert without.execute(ASKED) == [(3,)]


@pytest.mark.parametrize("made", [OLDER, REFUSING])
def test_a_function_of_another_release_is_replaced(
    made: str, plain: clickhouse.Address, without: clickhouse.Connection
) -> None:
    without.execute(made)
    assert functions.restore(plain) is True
    assert without.execute(ASKED) == [(3,)]


def test_a_function_of_somebody_else_stays(plain: clickhouse.Address, without: clickhouse.Connection) -> None:
    without.execute(SOMEBODYS)
    printed, complaint = headrace_migrate(plain, 1)
    assert printed == "The database is up to date.\n", complaint
    assert complaint.count("\n") == 1
    assert "rename it" in complaint
    assert without.execute("SELECT reachOf(1, 2)") == [(3,)]


def test_a_user_who_may_not_make_it_is_told_what_to_grant(
    plain: clickhouse.Address, without: clickhouse.Connection
) -> None:
    printed, complaint = headrace_migrate(narrow(plain), 1)
    assert printed == "The database is up to date.\n", complaint
    assert complaint.count("\n") == 1
    assert "GRANT CREATE FUNCTION ON *.* TO `narrow`" in complaint
    without.execute(OLDER)
    assert "GRANT CREATE FUNCTION, DROP FUNCTION ON *.* TO `narrow`" in headrace_migrate(narrow(plain), 1)[1]


def test_a_user_who_may_not_make_it_needs_no_right_once_it_is_made(
    plain: clickhouse.Address, without: clickhouse.Connection
) -> None:
    assert functions.restore(plain) is True
    assert headrace_migrate(narrow(plain), 0) == ("The database is up to date.\n", "")
    assert without.execute(ASKED) == [(3,)]


@pytest.mark.parametrize("made", ["DROP FUNCTION IF EXISTS reachOf", OLDER])
def test_several_make_it_at_once(
    made: str, plain: clickhouse.Address, without: clickhouse.Connection
) -> None:
    without.execute(made)
    with futures.ThreadPoolExecutor() as together:
        assert True in list(together.map(functions.restore, [plain] * 4))
    assert without.execute(ASKED) == [(3,)]


def test_a_user_who_is_kept_to_a_project_sees_the_reach_of_no_other(
    plain: clickhouse.Address, without: clickhouse.Connection
) -> None:
    functions.restore(plain)
    stored.insert(without, [dict(zip(COLUMNS, row, strict=True)) for row in ((1, 5, 4, 7), (2, 5, 1, 1))])
    with contextlib.closing(clickhouse.connect(narrow(plain, "guest"))) as guest:
        for told in (
            "SELECT reach, total FROM findings",
            "SELECT reach, total FROM findings_by_day",
            "SELECT reachOf(groupBitOr(reach)), sum(seen) FROM violations",
        ):
            assert guest.execute(told) == [(1, 1)], told
    empty(without)


def test_the_views_do_without_the_function(without: clickhouse.Connection) -> None:
    stored.insert(without, [dict(zip(COLUMNS, row, strict=True)) for row in ((1, 1, 4, 7), (1, 2, 1, 0))])
    for view in ("findings", "findings_by_day"):
        told = without.execute(f"SELECT reach FROM {view} ORDER BY fingerprint")  # noqa: S608 - of two
        assert told == [(3,), (None,)]
    empty(without)


def test_the_embedded_server_has_it_after_every_start(tmp_path: Path) -> None:
    for made in (OLDER, "DROP FUNCTION reachOf", None):
        with (
            harness.clickhouse_server(tmp_path) as server,
            contextlib.closing(clickhouse.connect(server.analyst)) as analyst,
            contextlib.closing(clickhouse.connect(server.address)) as writer,
        ):
            migrate.apply(server.address)
            assert analyst.execute(ASKED) == [(3,)]
            if made:
                writer.execute(made)
