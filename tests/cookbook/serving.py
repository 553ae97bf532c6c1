"""Servers that hold the two weeks of the shop."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from storage.servers import clickhouse
from storage.tables import migrate
from tests.cookbook import storing
from tests.helpers import harness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def shop(directory: Path) -> Iterator[dict[str, str]]:
    """Run servers of their own, filled, and give the settings under which commands find them.

    ``headrace query`` is an analyst there, within an analyst's limits.
    """
    for name in ("redis", "clickhouse"):
        (directory / name).mkdir()
    with (
        harness.redis_server(directory / "redis") as queue,
        harness.clickhouse_server(directory / "clickhouse") as server,
    ):
        migrate.apply(server.address)
        with (
            contextlib.closing(queue.client()) as client,
            contextlib.closing(clickhouse.connect(server.address)) as connection,
        ):
            storing.fill(client, connection, queue.url)
        yield {
            "HEADRACE_REDIS_URL": queue.url,
            "HEADRACE_CLICKHOUSE_URL": server.url,
            "HEADRACE_ANALYST_URL": server.server.analyst_url,
        }
