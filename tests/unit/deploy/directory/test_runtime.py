"""The data directory: one ``up`` at a time, and what a killed one left behind."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import psutil
import pytest

from deploy import settings
from deploy.directory import leftovers, lock, runtime
from deploy.running import located
from storage import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes into a log of the directory, as each of a system does."""
    (tmp_path / "logs").mkdir()
    with (tmp_path / "logs" / "worker-1.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], stdout=log)
    yield process
    process.kill()
    process.wait()


def test_it_reads_what_it_wrote(tmp_path: Path) -> None:
    written = example()
    runtime.write(tmp_path, written)
    assert runtime.read(tmp_path) == written
    runtime.remove(tmp_path)
    assert runtime.read(tmp_path) is None


def test_a_broken_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / runtime.FILE).write_text("{")
    with pytest.raises(errors.HeadraceError, match="cannot be read"):
        runtime.read(tmp_path)


def test_a_directory_has_one_holder(tmp_path: Path) -> None:
    with lock.hold(tmp_path), pytest.raises(lock.InUseError), lock.hold(tmp_path):
        pass
    with lock.hold(tmp_path):
        pass


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    data = tmp_path / "file" / "data"
    with pytest.raises(errors.HeadraceError, match="cannot be used"), lock.hold(data):
        pass


def test_what_a_killed_up_left_running_is_stopped(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    runtime.write(tmp_path, example(sleeper.pid))
    assert leftovers.stop(tmp_path) == [sleeper.pid]
    assert not psutil.pid_exists(sleeper.pid)
    assert leftovers.stop(tmp_path) == []


def test_a_stranger_under_an_old_number_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    recorded = example(sleeper.pid)
    runtime.write(tmp_path, recorded)
    text = (tmp_path / runtime.FILE).read_text()
    (tmp_path / runtime.FILE).write_text(text.replace(str(recorded.started[sleeper.pid]), "12345.0"))
    assert leftovers.stop(tmp_path) == []
    assert sleeper.poll() is None


def rewritten(directory: Path, change: Callable[[runtime.Runtime], object]) -> None:
    """Change what is written, as no ``up`` would."""
    found = runtime.read(directory)
    assert found is not None
    change(found)
    (directory / runtime.FILE).write_bytes(msgspec.json.encode(found))


def test_a_process_under_an_old_number_and_time_is_left_alone_when_it_writes_elsewhere(
    tmp_path: Path,
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        runtime.write(tmp_path, example(stranger.pid))
        assert leftovers.stop(tmp_path) == []
        assert stranger.poll() is None
        stranger.communicate(b"\n")


@pytest.mark.parametrize("part", ["device", "inode", "boot", "networks", "processes"])
def test_what_another_place_wrote_is_of_another_system(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], part: str
) -> None:
    """The directory may be on a disk that was cloned, after a restart, or in another container."""
    runtime.write(tmp_path, example(sleeper.pid))

    def change(found: runtime.Runtime) -> None:
        assert found.directory is not None
        other = "x" if part == "boot" else -1
        found.directory = msgspec.structs.replace(found.directory, **{part: other})

    rewritten(tmp_path, change)
    with lock.hold(tmp_path):
        assert runtime.running(tmp_path) is None
        assert leftovers.stop(tmp_path) == []
    assert sleeper.poll() is None


@pytest.mark.parametrize("how", ["-a", "-al", "-as"])
def test_a_copy_says_nothing_of_the_original(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], tmp_path_factory: pytest.TempPathFactory, how: str
) -> None:
    runtime.write(tmp_path, example(sleeper.pid))
    copy = tmp_path_factory.mktemp("copies") / "copy"
    with lock.hold(tmp_path):
        subprocess.run(["cp", how, tmp_path, copy], check=True)
        assert runtime.running(copy) is None
        with lock.hold(copy):
            assert runtime.running(copy) is None
            assert leftovers.stop(copy) == []
        assert runtime.running(tmp_path) is not None
    assert sleeper.poll() is None


def test_a_directory_that_was_moved_is_the_same_one(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    with lock.hold(old):
        runtime.write(old, example())
        old.rename(new)
        assert runtime.running(new) is not None
        with pytest.raises(lock.InUseError), lock.hold(new):
            pass


def test_a_directory_is_held_by_whatever_name(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    with lock.hold(tmp_path / "data"), pytest.raises(lock.InUseError), lock.hold(tmp_path / "link"):
        pass


def test_a_system_that_was_killed_is_not_running(tmp_path: Path) -> None:
    with lock.hold(tmp_path):
        runtime.write(tmp_path, example())
    assert runtime.running(tmp_path) is None


def test_the_running_system_is_found_in_its_directory(tmp_path: Path) -> None:
    with lock.hold(tmp_path):
        runtime.write(tmp_path, example())
        found = located.Located(tmp_path, settings.Settings())
    assert found.redis_url == "redis://127.0.0.1:1/0"
    assert found.clickhouse.user == "headrace"
    assert found.reader.address.user == "analyst"
    assert found.public_url == "https://reports.example"
    assert found.shards == 4


def test_settings_win_over_the_directory(tmp_path: Path) -> None:
    given = settings.Settings(
        redis_url="redis://other:1/0", clickhouse_url="clickhouse://writer:p@other:2/db", shards=8
    )
    with lock.hold(tmp_path):
        runtime.write(tmp_path, example())
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
