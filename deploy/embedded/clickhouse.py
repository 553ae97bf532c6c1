"""The embedded ClickHouse: the ``clickhouse`` of this machine, or the engine in the ``chdb-core`` wheel.

Either serves the native protocol and HTTP on loopback, from the same configuration and on the same data.
"""

from __future__ import annotations

import hashlib
import importlib.util
import secrets
import shutil
import string
import sys
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec

from deploy import child, network
from deploy.embedded import chdb_server, forget_lost
from storage import errors

START_SECONDS: Final = 60.0
"""Half a second is usual; attaching thousands of parts from a slow disk takes longer."""


class Passwords(msgspec.Struct, frozen=True):
    """The passwords of the two users that may connect, drawn at random once for a data directory."""

    headrace: str
    analyst: str


class Server(msgspec.Struct, frozen=True):
    """Where an embedded ClickHouse keeps its data, and the ports and passwords it serves it with."""

    directory: Path
    tcp_port: int
    http_port: int
    passwords: Passwords

    @property
    def url(self) -> str:
        """The native protocol, for the user who may write."""
        return self._native("headrace", self.passwords.headrace)

    @property
    def analyst_url(self) -> str:
        """The native protocol, for the user who may only read."""
        return self._native("analyst", self.passwords.analyst)

    @property
    def http_url(self) -> str:
        """The HTTP interface, for the user who may only read."""
        return f"http://analyst:{self.passwords.analyst}@{network.LOOPBACK}:{self.http_port}/"

    def _native(self, user: str, password: str) -> str:
        return f"clickhouse://{user}:{password}@{network.LOOPBACK}:{self.tcp_port}/headrace"


def prepare(directory: Path, tcp_port: int, http_port: int, log: Path) -> Server:
    """Write the configuration for these ports; data and passwords of an earlier run stay as they are."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    server = Server(directory, tcp_port, http_port, _passwords(directory / "passwords.json"))
    values = {
        "log": str(log.resolve()),
        "path": str((directory / "data").resolve()),
        "tcp_port": str(tcp_port),
        "http_port": str(http_port),
        "headrace_sha256": _sha256(server.passwords.headrace),
        "analyst_sha256": _sha256(server.passwords.analyst),
    }
    for name in ("config.xml", "users.xml"):
        template = resources.files("deploy.embedded").joinpath(name).read_text("utf-8")
        _write_private(directory / name, string.Template(template).safe_substitute(values))
    return server


def start(server: Server, log: Path) -> child.Child:
    """Start ClickHouse on what ``prepare`` wrote; it is not ready yet.

    Raises:
        HeadraceError: neither a ``clickhouse`` nor the wheel is installed.
    """
    data = str((server.directory / "data").resolve())
    mending = [sys.executable, "-I", "-S", forget_lost.__file__, data]
    return child.Child([*mending, *_arguments(data)], log, directory=server.directory)


def _arguments(data: str) -> list[str]:
    found = shutil.which("clickhouse")
    if found:
        return [found, "server", "--config-file=config.xml"]
    if importlib.util.find_spec("chdb") is None:
        raise errors.HeadraceError("There is no clickhouse on PATH: install it, or headrace[embedded].")
    return [sys.executable, "-P", chdb_server.__file__, data]


def _passwords(path: Path) -> Passwords:
    if not path.exists():
        drawn = Passwords(headrace=secrets.token_hex(16), analyst=secrets.token_hex(16))
        _write_private(path, msgspec.json.encode(drawn).decode())
    return msgspec.json.decode(path.read_bytes(), type=Passwords)


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
