"""A ClickHouse that was killed in the middle of an insert stores the same insert once afterwards."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from storage.servers import clickhouse
from storage.tables import migrate, writer
from tests.helpers import harness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.faults


def row(project: int) -> dict[str, list[object]]:
    return {
        **{name: ["x"] for name in ("key", "environment", "release", "kind", "outcome", "reason")},
        "minute": [1_700_000_000],
        "project_id": [project],
        "quantity": [1],
    }


def test_a_block_whose_part_was_not_in_place_yet_is_inserted_again(tmp_path: Path) -> None:
    """The kill came between two steps that ClickHouse takes one after the other: token, then rename."""
    with _server(tmp_path) as server:
        server.execute("SYSTEM STOP MERGES outcomes")  # each block stays a part of its own
        writer.insert(server, "outcomes", row(1), "first")
        writer.insert(server, "outcomes", row(2), "second")
        (table,) = server.execute("SELECT data_paths[1] FROM system.tables WHERE name = 'outcomes'")[0]
    part = max(_parts(tmp_path, table), key=lambda path: path.stat().st_mtime)
    part.rename(part.with_name(f"tmp_insert_{part.name}"))
    with _server(tmp_path) as server:
        for project, token in ((1, "first"), (2, "second")):
            writer.insert(server, "outcomes", row(project), token)
        found = server.execute("SELECT project_id, sum(quantity) FROM outcomes GROUP BY ALL ORDER BY ALL")
        assert found == [(1, 1), (2, 1)]


def _parts(directory: Path, table: str) -> list[Path]:
    return list((directory / "server" / "data").parent.joinpath(table).glob("202311_*"))


@contextlib.contextmanager
def _server(directory: Path) -> Iterator[clickhouse.Connection]:
    with harness.clickhouse_server(directory) as running:
        migrate.apply(running.address)
        with contextlib.closing(clickhouse.connect(running.address)) as connection:
            yield connection
        running.process.stop(0)
