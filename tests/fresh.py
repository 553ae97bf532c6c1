"""``python3 -m tests.fresh [PYTHON]``: from a clone to the first row, with nothing but Python and make.

PATH holds no compiler and no browser, HOME is empty, pip has no cache and may build nothing. It prints how
long each part took beside what it should take, and fails only when there is no row.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TOOLS: Final = ("cat", "cut", "env", "expand", "git", "grep", "make", "rm", "sed", "sh", "uname")
BAR_S: Final = 60
HANGS_S: Final = 900.0
"""After this long it is broken, not slow."""
_KEPT: Final = re.compile(
    r"PIP_|SSL_CERT_|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(?:HTTPS?|NO)_PROXY$", re.IGNORECASE
)
"""Settings that the machine may need to reach its package index."""
_REPORT: Final = (
    b'{"csp-report":{"document-uri":"https://shop.example/cart","effective-directive":"img-src",'
    b'"blocked-uri":"http://tracker.example/pixel.gif","original-policy":"img-src https:"}}'
)


def main(arguments: Sequence[str]) -> int:
    """Clone, run, report, query; return 1 when no row came."""
    python = arguments[0] if arguments else sys.executable
    with tempfile.TemporaryDirectory(prefix="headrace-bare-") as name:
        where = Path(name)
        clock = Clock()
        surroundings = bare(where, python)
        clone = where / "clone"
        source = Path(__file__).parent.parent
        subprocess.run(["git", "clone", "--quiet", source, clone], env=surroundings, check=True)
        clock.lap("clone")
        try:
            run(clone, surroundings, clock)
        except Gone as error:
            sys.stdout.write(f"{error}\n{(where / 'log').read_text(encoding='utf-8')}")
            return 1
        taken = size(clone / ".venv")
        sys.stdout.write(f".venv takes {taken / 1e6:.0f} MB ({taken / 2**20:.0f} MiB)\n")
    sys.stdout.write(
        f"from clone to the first row: {clock.total():.0f} s; it should take at most {BAR_S} s\n"
    )
    return 0


class Gone(Exception):  # noqa: N818 - a state of what is waited for
    """The state that was waited for cannot come any more."""


class Clock:
    """Prints how long each part took."""

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()

    def lap(self, part: str) -> None:
        """End a part."""
        now = time.monotonic()
        sys.stdout.write(f"{part:24}{now - self._last:6.1f} s\n")
        sys.stdout.flush()
        self._last = now

    def total(self) -> float:
        """Return the seconds from the start to the end of the last part."""
        return self._last - self._start


def bare(where: Path, python: str) -> dict[str, str]:
    """Return the environment of a machine with little on it, made in a directory."""
    tools = where / "bin"
    home = where / "home"
    tools.mkdir()
    home.mkdir()
    for tool in TOOLS:
        (tools / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    ask = "import os, sys; print(os.path.realpath(sys._base_executable))"
    found = subprocess.run([python, "-I", "-c", ask], capture_output=True, text=True, check=True)
    (tools / "python3").symlink_to(found.stdout.strip())
    kept = {name: value for name, value in os.environ.items() if _KEPT.match(name)}
    rules = {"PIP_NO_CACHE_DIR": "1", "PIP_ONLY_BINARY": ":all:"}
    return {**kept, **rules, "PATH": str(tools), "HOME": str(home), "LANG": "C.UTF-8"}


def run(clone: Path, surroundings: Mapping[str, str], clock: Clock) -> None:
    """Run the system, send it a report, and wait for the row.

    Raises:
        Gone: it ended, or hangs.
    """
    log = clone.parent / "log"
    command = ["make", "run", f"UP=--listen 127.0.0.1:{free_port()}"]
    with log.open("wb") as out:
        system = subprocess.Popen(
            command, cwd=clone, env=surroundings, stdout=out, stderr=out, start_new_session=True
        )
    try:
        wait(system, lambda: ".venv is ready" in log.read_text(encoding="utf-8"))
        clock.lap("make .venv")
        wait(system, lambda: endpoint(log) is not None)
        clock.lap("start")
        send(endpoint(log) or "")
        query = [".venv/bin/headrace", "query", "SELECT sum(seen) FROM violations"]
        wait(
            system, lambda: subprocess.check_output(query, cwd=clone, env=surroundings).split()[-1:] == [b"1"]
        )
        clock.lap("first row")
    finally:
        os.killpg(system.pid, signal.SIGINT)
        system.wait()
    if "Stopped." not in log.read_text(encoding="utf-8"):
        raise Gone("It did not stop as it should.")


def send(url: str) -> None:
    """Send a report as a browser does.

    Raises:
        OSError: it was not taken.
    """
    headers = {"Content-Type": "application/csp-report", "User-Agent": "Mozilla/5.0"}
    report = urllib.request.Request(url, _REPORT, headers)  # noqa: S310 - of this machine
    urllib.request.urlopen(report).close()  # noqa: S310 - the same


def wait(system: subprocess.Popen[bytes], there: Callable[[], bool]) -> None:
    """Wait for a state of a system that runs.

    Raises:
        Gone: it ended, or hangs.
    """
    deadline = time.monotonic() + HANGS_S
    while not there():
        if system.poll() is not None:
            raise Gone(f"make run ended with {system.returncode}:")
        if time.monotonic() > deadline:
            raise Gone("It hangs:")
        time.sleep(0.1)


def endpoint(log: Path) -> str | None:
    """Return the endpoint that was printed."""
    found = re.search(r"http://127\S+/security/\?sentry_key=\w+", log.read_text(encoding="utf-8"))
    return found[0] if found else None


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def size(directory: Path) -> int:
    """Return the bytes that a directory takes on the disk."""
    return sum(path.lstat().st_blocks * 512 for path in directory.rglob("*"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
