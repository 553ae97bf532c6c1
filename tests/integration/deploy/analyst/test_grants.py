"""``headrace grants``: what it prints is SQL that a ClickHouse takes, as far as the embedded one can tell."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from deploy.analysts import allow_list
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
    printed = bare.json("grants", "analyst")
    (profile,) = [sql for sql in printed if sql.startswith("CREATE SETTINGS PROFILE")]
    with pytest.raises(clickhouse.QueryError) as refused:
        manager.execute(profile.replace("join_use_nulls", "no_such_setting"))
    assert refused.value.code not in KEEPS_NO_USERS


def test_every_table_with_projects_is_kept_to_one(bare: servers.Servers) -> None:
    printed = bare.json("grants", "analyst", "--project", "shop")
    policies = [sql for sql in printed if sql.startswith("CREATE ROW POLICY") and "TO `analyst`" in sql]
    assert len(policies) == len(allow_list.rows_of_project(1))
    assert any("`projects` USING id = 1 " in sql for sql in policies)
    assert not [sql for sql in printed if sql.startswith("GRANT") and "system." in sql]


def test_the_user_that_writes_goes_on_seeing_all(bare: servers.Servers) -> None:
    """A server may show nothing to users without a policy on a table that has one for somebody else."""
    for options in ((), ("--project", "shop")):
        printed = bare.json("grants", "analyst", *options)
        own = [sql for sql in printed if sql.endswith(f" USING 1 TO `{bare.address.user}`")]
        assert len(own) == len(allow_list.rows_of_project(1))


def test_the_user_that_writes_is_made_no_analyst(bare: servers.Servers) -> None:
    done = bare.headrace("grants", bare.address.user)
    assert done.returncode == 1
    assert done.stderr == "headrace: headrace is the user that Headrace writes as: name another one.\n"


def test_limits_can_be_chosen(bare: servers.Servers) -> None:
    chosen = ("--seconds", "7", "--rows-to-read", "1234", "--result-rows", "99", "--queries", "3")
    (profile,) = [sql for sql in bare.json("grants", "shop", *chosen) if "SETTINGS PROFILE OR REPLACE" in sql]
    assert "max_execution_time = 7 MIN 1 MAX 7 " in profile
    assert "max_rows_to_read = 1234 MIN 1 MAX 1234 " in profile
    assert "max_result_rows = 99 MIN 1 MAX 99 " in profile
    assert "max_concurrent_queries_for_user = 3 CONST" in profile


def test_without_json_it_can_be_piped_into_a_client(bare: servers.Servers) -> None:
    done = bare.headrace("grants", "shop")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(";\n") == len(bare.json("grants", "shop"))


def test_an_unknown_project_is_one_sentence(bare: servers.Servers) -> None:
    done = bare.headrace("grants", "shop", "--project", "nobody")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
