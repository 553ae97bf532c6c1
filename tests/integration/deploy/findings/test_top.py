"""``headrace top``: what it shows, how it ends, and what it leaves of the terminal."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from deploy.embedded import clickhouse as embedded
from deploy.servers import backends
from storage.projects import registry
from storage.servers import clickhouse
from storage.tables import migrate
from tests.helpers import harness, paths, stored, terminals, waiting
from tests.helpers.servers import Servers
from tests.integration.deploy.findings import conftest as shops

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

ENTERS, LEAVES = "\x1b[?1049h", "\x1b[?1049l"
"""How a program takes the whole screen, and gives it back."""


def started(bare: Servers, *options: str, columns: int = terminals.COLUMNS) -> terminals.Session:
    command = [sys.executable, "-P", "-m", "deploy", "top", "--interval", "0.2", *options]
    return terminals.Session(
        command, {**os.environ, "PYTHONPATH": str(paths.ROOT), **bare.environment}, columns
    )


@pytest.mark.parametrize("keys", [b"q", b"\x03"])
def test_it_is_refreshed_in_place_until_a_key_ends_it(
    bare: Servers, server: clickhouse.Connection, keys: bytes
) -> None:
    first, second = shops.rows()[0], shops.rows()[16]
    stored.insert(server, [first])
    with started(bare) as session:
        session.shows("Blocked image")
        assert ENTERS in session.printed
        assert session.modes_now != session.modes
        stored.insert(server, [{**second, "title": "A second finding"}])
        session.shows("A second finding")
        session.press(keys)
        assert session.ends() == 0
        assert session.modes_now == session.modes
        assert LEAVES in session.printed
        assert "A second finding" in session.printed.rpartition(LEAVES)[2]


def test_a_signal_leaves_the_terminal_as_it_was(bare: Servers, server: clickhouse.Connection) -> None:
    stored.insert(server, shops.rows()[:1])
    with started(bare) as session:
        session.shows("Blocked image")
        session.process.send_signal(signal.SIGTERM)
        assert session.ends() == 128 + signal.SIGTERM
        assert session.modes_now == session.modes
        assert LEAVES in session.printed


def test_it_goes_on_when_clickhouse_is_back(redis_server: harness.RedisServer, tmp_path: Path) -> None:
    log = tmp_path / "clickhouse.log"
    with harness.clickhouse_server(tmp_path) as running:
        migrate.apply(running.address)
        client, server = redis_server.client(), clickhouse.connect(running.address)
        registry.Registry(server).create("shop")
        bare = Servers(redis_server.url, running.address, client, server)
        stored.insert(server, shops.rows()[:1])
        again = None
        try:
            with started(bare) as session:
                session.shows("Blocked image")
                running.process.stop()
                session.shows("did not answer")
                again = embedded.start(running.server, log)
                waiting.until(
                    lambda: backends.clickhouse_is_ready(running.address), "it is back", child=again, log=log
                )
                stored.insert(server, [{**shops.rows()[16], "title": "After the outage"}])
                session.shows("After the outage")
                session.press(b"q")
                assert session.ends() == 0
        finally:
            server.close()
            client.close()
            if again is not None:
                again.stop()


def test_without_a_terminal_it_prints_once(bare: Servers, server: clickhouse.Connection) -> None:
    stored.insert(server, shops.rows())
    names, *rows = bare.headrace("top").stdout.splitlines()
    assert names.startswith("id\ttitle\t")
    assert len(rows) == 3
    told = bare.json("top", "--noise")
    assert (told["findings_total"], len(told["findings"])) == (5, 5)
    assert told["reports"] == told["all_reports"] > 0
