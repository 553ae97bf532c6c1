"""A copy of a data directory: nothing that is done with it touches the system it was copied from."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from deploy.directory import leftovers, runtime, sharing
from tests.helpers import harness, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

REPORT = {"csp-report": {"document-uri": "https://shop.example/", "effective-directive": "img-src"}}
SEEN = "SELECT sum(seen) AS seen FROM reports"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.System]:
    """A running system with one report, whose books balance in the end."""
    with harness.system(tmp_path_factory.mktemp("original")) as system:
        assert system.post(REPORT).status_code == 200
        system.wait_drained()
        yield system
        assert system.query(SEEN) == [{"seen": 1}]
        assert [project["name"] for project in system.json("project", "list")] == ["default"]
        assert system.headrace("verify").returncode == 0


@pytest.fixture(autouse=True)
def _untouched(original: harness.System) -> Iterator[None]:
    """After each test the original runs on, every process of it."""
    before = original.runtime
    yield
    assert original.runtime == before
    for pid, started in before.started.items():
        assert abs(psutil.Process(pid).create_time() - started) < leftovers.CLOCK_SLACK_S
    assert httpx.get(f"{before.edge_url}/readyz", timeout=waiting.PATIENCE_S).status_code == 200


def copied(original: harness.System, tmp_path: Path, how: str = "-a") -> Path:
    """Copy a data directory while its system runs; files may vanish on the way."""
    subprocess.run(["cp", how, original.directory, tmp_path / "data"], check=False, stderr=subprocess.DEVNULL)
    assert (tmp_path / "data" / runtime.FILE).exists()
    return tmp_path / "data"


@pytest.mark.parametrize(
    "command",
    [("query", "SELECT 1"), ("status",), ("project", "create", "other"), ("replay", __file__), ("worker",)],
    ids=" ".join,
)
def test_no_command_finds_the_original_through_a_copy(
    original: harness.System, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """All of them look it up in the same place."""
    (tmp_path / "data").mkdir()
    shutil.copy2(original.directory / runtime.FILE, tmp_path / "data")
    done = harness.headrace(*command, "--data", str(tmp_path / "data"))
    assert done.returncode == 1, done.stdout
    assert f"No headrace up is running on {tmp_path / 'data'}" in done.stderr


def test_a_copy_starts_beside_the_original_and_again_after_it_was_killed(
    original: harness.System, tmp_path: Path
) -> None:
    copied(original, tmp_path)
    with harness.system(tmp_path) as copy:
        ours, theirs = copy.runtime, original.runtime
        assert not set(ours.pids.all()) & set(theirs.pids.all())
        assert ours.redis_url != theirs.redis_url
        assert ours.clickhouse_url != theirs.clickhouse_url
        assert copy.post(REPORT).status_code == 200
        copy.wait_drained()
        copy.json("project", "create", "only here")
        copy.process.kill()
        copy.process.wait()
        waiting.until(lambda: not [pid for pid in ours.pids.all() if _runs(pid)], "all of it has ended")
        done = copy.headrace("query", SEEN)
        assert f"No headrace up is running on {copy.directory}" in done.stderr
    with harness.system(tmp_path) as copy:
        copy.wait_drained()
        assert copy.query(SEEN)[0]["seen"] >= 1
        assert "Stopped process" not in copy.output()


def test_a_system_whose_directory_gives_way_to_a_copy_ends(tmp_path: Path) -> None:
    """The processes of the system know the path, and the directory that is there now is not theirs."""
    moved = tmp_path / "moved"
    with harness.system(tmp_path) as system:
        processes = system.runtime.pids.all()
        system.directory.rename(moved)
        (system.directory / "logs").mkdir(parents=True)
        (system.directory / runtime.FILE).write_bytes((moved / runtime.FILE).read_bytes())
        assert system.process.wait(waiting.PATIENCE_S) == 1
        assert f"{system.directory} was moved or replaced" in system.output()
        assert not [pid for pid in processes if _runs(pid)]
        assert sorted(path.name for path in system.directory.iterdir()) == ["logs", runtime.FILE]
        assert list((system.directory / "logs").iterdir()) == []


@pytest.mark.parametrize("option", ["--listen", "--redis-port"])
def test_a_copy_told_to_use_a_port_of_the_original_ends(
    original: harness.System, tmp_path: Path, option: str
) -> None:
    current = original.runtime
    port = urlsplit(current.edge_url if option == "--listen" else current.redis_url).port
    listen = () if option == "--listen" else ("--listen", "127.0.0.1:0")
    value = f"127.0.0.1:{port}" if option == "--listen" else str(port)
    done = harness.headrace("up", "--data", str(copied(original, tmp_path)), *listen, option, value)
    assert done.returncode == 1
    assert "address already in use" in done.stderr


@pytest.mark.parametrize("how", ["-al", "-as"])
def test_a_copy_made_of_links_is_not_started(original: harness.System, tmp_path: Path, how: str) -> None:
    data = copied(original, tmp_path, how)
    log = original.directory / "redis" / "appendonlydir"
    before = {path.name for path in log.iterdir()}
    done = harness.headrace("up", "--data", str(data), "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert " link" in done.stderr
    assert done.stderr.count("\n") == 1
    assert {path.name for path in log.iterdir()} == before


def test_a_copy_whose_data_lie_elsewhere_is_not_started_on_them(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (tmp_path / "first" / "clickhouse").mkdir(parents=True)
    (tmp_path / "first" / "clickhouse" / "data").symlink_to(disk)
    sharing.claim(tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "copy", symlinks=True)
    done = harness.headrace("up", "--data", str(tmp_path / "copy"), "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert f"is a link to {disk}, which {tmp_path / 'first'} uses" in done.stderr
    assert [path.name for path in disk.iterdir()] == [sharing.OWNER]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
