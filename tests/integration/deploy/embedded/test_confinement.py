"""The wall around the engine in the wheel: what the kernel keeps from a process that it confined."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from deploy.embedded.wheel import landlock, seccomp
from tests.helpers import harness

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration

_CONFINED = """
import os, socket, sys
from deploy.embedded.wheel import landlock
store, log, given, port = sys.argv[1:5]
assert landlock.confine(
    [(store, landlock.STORE), (log, landlock.LOG), (given, landlock.READ)], [int(port)]
)
"""


@pytest.fixture(autouse=True)
def _landlock() -> None:
    if landlock._version() < landlock.LEAST_VERSION:
        pytest.skip("This kernel has no Landlock.")


def confined(directory: Path, code: str, port: int = 1) -> str:
    """Run code in a process that is confined as the engine is, and return the error it ends with."""
    for name in ("store", "log", "given"):
        (directory / name).mkdir(exist_ok=True)
        (directory / name / "old").write_text("old")
    paths = [str(directory / name) for name in ("store", "log", "given")]
    done = subprocess.run(
        [sys.executable, "-c", _CONFINED + code, *paths, str(port)],
        cwd=harness.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize(
    "code",
    [
        "open(store + '/new', 'w').write('x')",
        "open(store + '/old').read()",
        "open(store + '/tmp', 'w').write('x'); os.replace(store + '/tmp', store + '/old')",
        "os.mkdir(store + '/d'); os.rename(store + '/old', store + '/d/old')",
        "os.remove(store + '/old')",
        "open(log + '/new', 'w').write('x')",
        "open(log + '/old', 'a').write('x')",
        "os.rename(log + '/old', log + '/old.1')",
        "open(given + '/old').read()",
    ],
)
def test_it_does_what_an_engine_must(tmp_path: Path, code: str) -> None:
    assert confined(tmp_path, code) == ""


@pytest.mark.parametrize(
    "code",
    [
        "open(log + '/old').read()",
        "open(given + '/old', 'a')",
        "open(given + '/new', 'w')",
        "os.rename(store + '/old', given + '/old')",
        "os.mkfifo(store + '/fifo')",
        "open('/etc/hosts').read()",
        "open('/proc/self/environ').read()",
        "open('/proc/self/cmdline').read()",
        "open('/proc/1/cmdline').read()",
        "os.listdir('/')",
        "os.execv('/bin/true', ['true'])",
    ],
)
def test_it_does_nothing_else(tmp_path: Path, code: str) -> None:
    assert "Permission denied" in confined(tmp_path, code)


@pytest.mark.skipif(landlock._version() < 3, reason="This kernel cannot forbid to empty a file.")
@pytest.mark.parametrize("code", ["open(store + '/old', 'w')", "os.truncate(store + '/old', 0)"])
def test_no_file_that_is_there_is_emptied(tmp_path: Path, code: str) -> None:
    assert "Permission denied" in confined(tmp_path, code)
    assert (tmp_path / "store" / "old").read_text() == "old"


@pytest.mark.skipif(landlock._version() < 4, reason="This kernel cannot forbid to connect.")
def test_it_listens_on_its_ports_and_connects_to_none(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as free:
        port, own = server.getsockname()[1], free.getsockname()[1]
        free.close()
        listen = "server = socket.socket(); server.bind(('127.0.0.1', {})); server.listen(1)"
        connect = f"socket.create_connection(('127.0.0.1', {port}), 1)"
        assert "Permission denied" in confined(tmp_path, connect, own)
        assert "Permission denied" in confined(tmp_path, listen.format(0), own)
        assert confined(tmp_path, listen.format(own), own) == ""


_OPENED = """
import errno, os, sys, threading
from deploy.embedded.wheel import seccomp
assert seccomp.forbid()
def refused(flags):
    try:
        os.close(os.open(sys.argv[1], flags))
    except OSError as error:
        return error.errno == errno.EACCES
    return False
both = os.O_RDWR | os.O_CREAT
assert refused(both) and refused(both | os.O_NOFOLLOW | os.O_EXCL) and not os.path.exists(sys.argv[1])
assert not refused(os.O_WRONLY | os.O_CREAT) and not refused(os.O_RDWR) and not refused(os.O_RDONLY)
found = []
thread = threading.Thread(target=lambda: found.append(refused(both)))
thread.start()
thread.join()
assert found == [True]
"""


def test_no_file_is_opened_as_databases_within_the_engine_do(tmp_path: Path) -> None:
    if os.uname().machine not in seccomp._CALLS or sys.platform != "linux":
        pytest.skip("The filter of system calls knows Linux on x86-64 and arm64 alone.")
    done = subprocess.run(
        [sys.executable, "-c", _OPENED, str(tmp_path / "new")],
        cwd=harness.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
