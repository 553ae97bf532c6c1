"""``headrace analyst`` on a running system: an account can log in once the command returns."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from deploy.network import addresses
from storage import errors
from storage.servers import clickhouse
from tests.helpers import harness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tests.helpers import servers

pytestmark = pytest.mark.integration

REPORT = {"csp-report": {"document-uri": "https://a.example/", "violated-directive": "img-src"}}


@pytest.fixture(scope="module")
def made(system: harness.System) -> Iterator[dict[str, Any]]:
    """Give an account of the project ``seen``, which is removed at the end."""
    system.json("project", "create", "seen")
    yield system.json("analyst", "add", "reader", "--project", "seen")
    system.headrace("analyst", "remove", "reader", "--later")


def asked(url: str, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows that the user of a URL finds."""
    with contextlib.closing(clickhouse.connect(addresses.clickhouse_address(url))) as connection:
        found: list[tuple[Any, ...]] = connection.execute(sql)
        return found


def test_an_account_logs_in_when_the_command_returns(system: harness.System, made: dict[str, Any]) -> None:
    assert asked(made["native"], "SELECT DISTINCT name FROM projects") == [("seen",)]
    assert len(system.query("SELECT DISTINCT name FROM projects")) > 1
    for process in system.json("status")["processes"]:
        assert process["running"], process


def test_commands_that_read_take_an_account(system: harness.System, made: dict[str, Any]) -> None:
    sql = "SELECT DISTINCT name FROM projects"
    done = harness.headrace(
        "query", sql, "--data", str(system.directory), HEADRACE_ANALYST_URL=made["native"]
    )
    assert done.stdout == "name\nseen\n"


@pytest.mark.usefixtures("made")
def test_reports_that_come_in_while_clickhouse_starts_again_are_stored(system: harness.System) -> None:
    assert system.post(REPORT).status_code == 200
    system.json("analyst", "add", "shortly", "--project", "seen")
    assert system.post(REPORT).status_code == 200
    system.wait_drained()
    assert system.headrace("verify", "--wait", "100").returncode == 0
    assert system.headrace("analyst", "remove", "shortly", "--later").returncode == 0


def test_accounts_are_listed_with_their_projects(system: harness.System, made: dict[str, Any]) -> None:
    rows = system.json("analyst", "list")
    assert {"name": "reader", "project_id": made["project_id"], "project": "seen"} in rows
    assert "reader" in system.headrace("analyst", "list").stdout


@pytest.mark.usefixtures("made")
def test_a_removed_account_cannot_log_in(system: harness.System) -> None:
    url = system.json("analyst", "add", "leaver", "--project", "seen")["native"]
    assert asked(url, "SELECT 1") == [(1,)]
    assert system.headrace("analyst", "remove", "leaver").returncode == 0
    with pytest.raises(errors.HeadraceError, match="Authentication failed"):
        asked(url, "SELECT 1")


@pytest.mark.usefixtures("made")
def test_what_is_left_to_the_next_start_is_said(system: harness.System) -> None:
    done = system.headrace("analyst", "add", "later", "--project", "seen", "--later")
    assert done.stderr == "ClickHouse goes by this once it has started again.\n"
    assert "password" in done.stdout
    with pytest.raises(errors.HeadraceError, match="Authentication failed"):
        asked(done.stdout.split("native")[1].split()[0], "SELECT 1")
    assert system.headrace("analyst", "remove", "later", "--later").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("add", "reader", "--project", "seen"), "There is an account reader already"),
        (("add", "Reader", "--project", "seen"), "An account is named by a to z"),
        (("add", "../reader", "--project", "seen"), "An account is named by a to z"),
        (("add", "analyst", "--project", "seen"), "An account is named by a to z"),
        (("add", "other", "--project", "nobody"), "nobody"),
        (("remove", "nobody"), "There is no account nobody"),
        (("remove", "../passwords"), "There is no account ../passwords"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    system: harness.System, made: dict[str, Any], arguments: tuple[str, ...], sentence: str
) -> None:
    assert made
    done = system.headrace("analyst", *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert sentence in done.stderr


def test_on_a_server_of_ones_own_it_is_another_command(bare: servers.Servers) -> None:
    done = bare.headrace("analyst", "add", "reader", "--project", "shop")
    assert done.returncode == 1
    assert "headrace grants USER --project PROJECT" in done.stderr
