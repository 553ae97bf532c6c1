"""``headrace grants``: what it prints is SQL that a ClickHouse takes, as far as the embedded one can tell."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from deploy.embedded import clickhouse as embedded_clickhouse
from deploy.network import addresses, ports
from deploy.servers import backends
from storage.servers import clickhouse
from storage.tables import migrate
from tests.helpers import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.helpers import servers

pytestmark = pytest.mark.integration

KEEPS_NO_USERS = {
    495,  # ACCESS_STORAGE_READONLY: a user of the configuration
    514,  # ACCESS_STORAGE_FOR_INSERTION_NOT_FOUND
    180,  # THERE_IS_NO_PROFILE: the one that could not be made
}
"""What a server says that read a statement, knows every name in it, and has nowhere to keep it."""


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clickhouse.Connection]:
    """The writing user of a server on which that user may make others."""
    directory = tmp_path_factory.mktemp("manager")
    where = (ports.free_port(), ports.free_port())
    server = embedded_clickhouse.prepare(directory / "server", *where, directory / "errors" / "errors.log")
    users = directory / "server" / "users.xml"
    may = "<profile>default</profile><access_management>1</access_management>"
    users.write_text(users.read_text().replace("<profile>default</profile>", may))
    process = embedded_clickhouse.start(server, directory / "log")
    address = addresses.clickhouse_address(server.url)
    try:
        waiting.until(lambda: backends.clickhouse_is_ready(address), "ClickHouse is ready", child=process)
        migrate.apply(address)
        with contextlib.closing(clickhouse.connect(address)) as connection:
            yield connection
    finally:
        process.stop()


def test_a_server_takes_every_statement(bare: servers.Servers, manager: clickhouse.Connection) -> None:
    printed = bare.json("grants", "analyst", "--project", "shop")
    assert len(printed) > 10
    for sql in printed:
        with pytest.raises(clickhouse.QueryError) as refused:
            manager.execute(sql.replace(bare.address.database, "headrace"))
        assert refused.value.code in KEEPS_NO_USERS, (sql, str(refused.value))


def test_a_name_that_no_server_knows_would_be_noticed(
    bare: servers.Servers, manager: clickhouse.Connection
) -> None:
    (profile, *_) = bare.json("grants", "analyst")
    with pytest.raises(clickhouse.QueryError) as refused:
        manager.execute(profile.replace("join_use_nulls", "no_such_setting"))
    assert refused.value.code not in KEEPS_NO_USERS


def test_every_table_with_projects_is_kept_to_one(bare: servers.Servers) -> None:
    printed = bare.json("grants", "analyst", "--project", "shop")
    policies = [sql for sql in printed if sql.startswith("CREATE ROW POLICY")]
    tables = bare.rows(
        "SELECT DISTINCT table FROM system.columns WHERE database = currentDatabase() "
        "AND name = 'project_id' AND table NOT IN (SELECT name FROM system.tables WHERE engine = 'View')"
    )
    assert len(policies) == len(tables) + 1
    assert any("`projects` USING `id` = 1" in sql for sql in policies)


def test_without_json_it_can_be_piped_into_a_client(bare: servers.Servers) -> None:
    done = bare.headrace("grants", "shop")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(";\n") == len(bare.json("grants", "shop"))
    assert "row policy" not in done.stdout.lower()


def test_an_unknown_project_is_one_sentence(bare: servers.Servers) -> None:
    done = bare.headrace("grants", "shop", "--project", "nobody")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
