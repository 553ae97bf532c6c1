"""The embedded ClickHouse on a disk that is nearly full: refuses what takes room, and lets room be made."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from deploy.embedded import clickhouse as embedded_clickhouse
from deploy.embedded import free_space
from deploy.embedded.wheel import chdb_server
from deploy.settings import MEBIBYTE
from storage import errors
from storage.quarantine import quarantined
from storage.servers import clickhouse
from storage.tables import migrate, writer
from tests.helpers import disks, harness, waiting

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

DISK: Final = 96 * MEBIBYTE
TOO_MUCH_SPILLED: Final = 396
READ_ONLY: Final = 164
BALLAST: Final = (
    """
    INSERT INTO reports_live (project_id, release, identity, sample)
    SELECT 1, 'old', number, randomPrintableASCII(1000) FROM numbers(10000)
    """,
    """
    INSERT INTO quarantine (received, receipt, project_id, raw)
    SELECT now(), toString(number), 1, randomPrintableASCII(1000) FROM numbers(20000)
    """,
)
"""The second part is larger than the room in which a nearly full disk is cleared."""
SPILLING: Final = (
    """
    SELECT randomPrintableASCII(99) AS s FROM numbers(9000000) ORDER BY s LIMIT 8999999, 1
    SETTINGS max_bytes_before_external_sort = 1000000
    """,
    """
    SELECT count() FROM (SELECT randomPrintableASCII(99) AS s FROM numbers(9000000) GROUP BY s)
    SETTINGS max_bytes_before_external_group_by = 1000000
    """,
    """
    SELECT count(), max(length(a.s) + length(b.s))
    FROM (SELECT number AS n, randomPrintableASCII(99) AS s FROM numbers(9000000)) AS a
    JOIN (SELECT number AS n, randomPrintableASCII(99) AS s FROM numbers(9000000)) AS b USING n
    SETTINGS join_algorithm = 'grace_hash', grace_hash_join_initial_buckets = 16, max_bytes_in_join = 9000000
    """,
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a small file system; its ClickHouse lies in ``server``."""
    with disks.mounted(tmp_path / "disk", DISK) as place:
        yield place


@contextlib.contextmanager
def filled(disk: Path, leave: int) -> Iterator[io.FileIO]:
    """Leave so many bytes of the disk."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        disks.fill(filler, leave)
        yield filler


def between(disk: Path) -> int:
    """Return a number of free bytes that lets an engine start, and take no reports."""
    return (free_space.to_start(str(disk)) + free_space.left_by_inserts(str(disk))) // 2


def test_a_nearly_full_disk_takes_no_reports_and_can_be_cleared(disk: Path) -> None:
    with harness.clickhouse_server(disk) as server:
        migrate.apply(server.address)
        with contextlib.closing(clickhouse.connect(server.address)) as connection:
            for sql in BALLAST:
                connection.execute(sql)
    with filled(disk, between(disk)), harness.clickhouse_server(disk) as server:
        assert migrate.apply(server.address) == []
        with contextlib.closing(clickhouse.connect(server.address)) as connection:
            with pytest.raises(errors.ClickHouseUnavailableError, match="enough free space"):
                writer.insert(connection, "outcomes", {"project_id": [1], "quantity": [1]}, "refused")
            writer.insert(connection, "projects", {"id": [2]}, "taken")
            writer.insert(connection, "removals", {"project_id": [3]}, "taken")
            before = free_space.free(str(disk))
            quarantined.drop(connection, quarantined.Selection(project_id=1))
            assert connection.execute("SELECT count() FROM quarantine") == [(0,)]
            connection.execute("ALTER TABLE reports_live DROP PARTITION tuple(1, '', 'old')")
            waiting.until(lambda: free_space.free(str(disk)) > before + 25 * MEBIBYTE, "there is room")
            writer.insert(connection, "outcomes", {"project_id": [1], "quantity": [1]}, "taken")


@pytest.mark.parametrize("sql", SPILLING)
def test_no_query_fills_the_disk_with_temporary_files(
    sql: str, clickhouse_server: harness.ClickHouseServer
) -> None:
    """The writing user may ask for them, an analyst may not."""
    migrate.apply(clickhouse_server.address)
    for user, code in ((clickhouse_server.address, TOO_MUCH_SPILLED), (clickhouse_server.analyst, READ_ONLY)):
        with contextlib.closing(clickhouse.connect(user)) as connection:
            with pytest.raises(clickhouse.QueryError) as raised:
                connection.execute(sql)
            assert raised.value.code == code


def test_no_answer_that_is_kept_until_its_end_fills_the_disk(
    clickhouse_server: harness.ClickHouseServer,
) -> None:
    sql = "SELECT randomPrintableASCII(99) FROM numbers(1000000)"
    parameters = {"wait_end_of_query": "1", "buffer_size": "1"}
    answer = httpx.post(
        clickhouse_server.server.http_url, params=parameters, content=sql, timeout=waiting.PATIENCE_S
    )
    assert f"Code: {TOO_MUCH_SPILLED}" in answer.text


def test_the_engine_ends_even_if_it_cannot_say_so(disk: Path) -> None:
    with Path("/dev/full").open("wb") as full, harness.clickhouse_server(disk) as server:
        server.process.stop()
        arguments = embedded_clickhouse._arguments(server.server)
        again = subprocess.Popen(arguments, stderr=full, cwd=server.server.directory)
        try:
            with filled(disk, free_space.to_run(str(disk)) // 2):
                assert again.wait(waiting.PATIENCE_S) == chdb_server.NO_SPACE
        finally:
            again.kill()
            again.wait()


def test_the_room_of_the_disk_that_holds_the_data_counts(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "clickhouse").mkdir()
    (tmp_path / "clickhouse" / "data").symlink_to(disk)
    with (
        filled(disk, free_space.to_start(str(disk)) - MEBIBYTE),
        pytest.raises(errors.HeadraceError, match=rf"MiB are free on the disk of {disk}"),
    ):
        embedded_clickhouse.prepare(tmp_path / "clickhouse", 1, 2, tmp_path / "errors" / "errors.log")


def test_an_engine_waits_for_room_whether_or_not_it_can_say_so(disk: Path) -> None:
    roomy = (
        "import sys; sys.path.append(sys.argv[1]); import free_space;"
        "print(free_space.lacking(sys.argv[2]) or 'roomy')"
    )
    program = [sys.executable, "-c", roomy, str(Path(free_space.__file__).parent), str(disk)]
    waits = [sys.executable, "-I", "-S", str(free_space.__file__), str(disk), *program]
    with (
        filled(disk, free_space.to_start(str(disk)) - MEBIBYTE) as filler,
        Path("/dev/full").open("wb") as full,
    ):
        mute = subprocess.Popen(waits, stdout=subprocess.PIPE, stderr=full)
        telling = subprocess.Popen(waits, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert telling.stderr
        assert b"make room there" in telling.stderr.readline()
        filler.truncate(0)
        ran = {one.communicate(timeout=waiting.PATIENCE_S)[0] for one in (mute, telling)}
        assert ran == {b"roomy\n"}


def test_files_of_limited_size_are_refused(tmp_path: Path) -> None:
    server = "-P", "-m", "deploy.embedded.wheel.chdb_server", str(tmp_path), str(tmp_path)
    limited = f'ulimit -f 1000; exec "{sys.executable}" {" ".join(server)}'
    ended = subprocess.run(
        ["sh", "-c", limited], capture_output=True, check=False, timeout=waiting.PATIENCE_S
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(b"The size of files is limited (ulimit -f)")
