"""The data directory: one ``up`` at a time, and what a killed one left behind."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from deploy import located, runtime, settings
from storage import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def example(pid: int = 0) -> runtime.Runtime:
    return runtime.Runtime(
        edge_url="http://127.0.0.1:8000",
        public_url="https://reports.example",
        redis_url="redis://127.0.0.1:1/0",
        clickhouse_url="clickhouse://headrace:p@127.0.0.1:2/headrace",
        analyst_url="clickhouse://analyst:q@127.0.0.1:2/headrace",
        shards=4,
        pids=runtime.Pids(edge=[], workers=[pid] if pid else [], maintenance=[]),
    )


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def test_it_reads_what_it_wrote(tmp_path: Path) -> None:
    runtime.write(tmp_path, example())
    assert runtime.read(tmp_path) == example()
    runtime.remove(tmp_path)
    assert runtime.read(tmp_path) is None


def test_a_broken_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / runtime.FILE).write_text("{")
    with pytest.raises(errors.HeadraceError, match="cannot be read"):
        runtime.read(tmp_path)


def test_a_directory_has_one_holder(tmp_path: Path) -> None:
    with runtime.lock(tmp_path), pytest.raises(runtime.InUseError), runtime.lock(tmp_path):
        pass
    with runtime.lock(tmp_path):
        pass


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    data = tmp_path / "file" / "data"
    with pytest.raises(errors.HeadraceError, match="cannot be used"), runtime.lock(data):
        pass


def test_what_a_killed_up_left_running_is_stopped(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    runtime.write(tmp_path, example(sleeper.pid))
    assert runtime.stop_stale(tmp_path) == [sleeper.pid]
    assert not psutil.pid_exists(sleeper.pid)
    assert runtime.stop_stale(tmp_path) == []


def test_a_stranger_under_an_old_number_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    recorded = example(sleeper.pid)
    runtime.write(tmp_path, recorded)
    text = (tmp_path / runtime.FILE).read_text()
    (tmp_path / runtime.FILE).write_text(text.replace(str(recorded.started[sleeper.pid]), "12345.0"))
    assert runtime.stop_stale(tmp_path) == []
    assert sleeper.poll() is None


def test_the_running_system_is_found_in_its_directory(tmp_path: Path) -> None:
    runtime.write(tmp_path, example())
    found = located.Located(tmp_path, settings.Settings())
    assert found.redis_url == "redis://127.0.0.1:1/0"
    assert found.clickhouse.user == "headrace"
    assert found.reader.address.user == "analyst"
    assert found.public_url == "https://reports.example"
    assert found.shards == 4


def test_settings_win_over_the_directory(tmp_path: Path) -> None:
    runtime.write(tmp_path, example())
    given = settings.Settings(
        redis_url="redis://other:1/0", clickhouse_url="clickhouse://writer:p@other:2/db", shards=8
    )
    found = located.Located(tmp_path, given)
    assert found.redis_url == "redis://other:1/0"
    assert found.clickhouse.host == "other"
    assert found.shards == 8


def test_without_an_analyst_reading_is_the_writers_session_made_read_only(tmp_path: Path) -> None:
    given = settings.Settings(clickhouse_url="clickhouse://writer:p@other:2/db")
    reader = located.Located(tmp_path, given).reader
    assert (reader.address.user, reader.settings) == ("writer", {"readonly": 1})


@pytest.mark.parametrize("name", ["redis_url", "clickhouse", "reader", "public_url"])
def test_nothing_running_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(located.NotFoundError, match=r"No headrace up is running on .*, or set HEADRACE_"):
        getattr(located.Located(tmp_path, settings.Settings()), name)
