"""Real servers for every test of this layer, started once for a session and stopped with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import harness

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.RedisServer]:
    """An embedded Redis: ``.url``, and ``.client()`` for a connected client."""
    with harness.redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.ClickHouseServer]:
    """An embedded ClickHouse: ``.url``, and ``.address`` of the user who may write."""
    with harness.clickhouse_server(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.System]:
    """A whole ``headrace up``: ``.post()``, ``.query()``, ``.wait_drained()``, ``.headrace()``."""
    with harness.system(tmp_path_factory.mktemp("system")) as running:
        yield running
