"""The embedded ClickHouse: the ``clickhouse`` of this machine, or the engine in the ``chdb-core`` wheel.

Either serves the native protocol and HTTP on loopback, from the same configuration and on the same data.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import secrets
import shutil
import sys
from pathlib import Path
from typing import Final

import msgspec

from deploy.directory import private_files
from deploy.embedded import configuration, forget_lost, free_space, password_hashes
from deploy.network import addresses
from deploy.processes import child
from storage import errors

START_SECONDS: Final = 60.0
"""Half a second is usual; attaching thousands of parts from a slow disk takes longer."""
_ENVIRONMENT: Final = re.compile(r"PATH|HOME|LANG|LC_\w+|TZ|LD_LIBRARY_PATH|PYTHON\w+")
"""The variables that the server gets from this process. Others may hold passwords; queries can read them."""


class Passwords(msgspec.Struct, frozen=True):
    """The passwords of the two users that may connect, drawn at random once for a data directory."""

    headrace: str
    analyst: str


class ClickHouseServer(msgspec.Struct, frozen=True):
    """The data directory, the ports and the passwords of an embedded ClickHouse."""

    directory: Path
    log: Path
    tcp_port: int
    http_port: int
    passwords: Passwords

    @property
    def url(self) -> str:
        """The native protocol, for the user that may write."""
        return self._native("headrace", self.passwords.headrace)

    @property
    def analyst_url(self) -> str:
        """The native protocol, for the user that may only read."""
        return self._native("analyst", self.passwords.analyst)

    @property
    def http_url(self) -> str:
        """The HTTP interface, for the user that may only read."""
        return f"http://analyst:{self.passwords.analyst}@{addresses.LOOPBACK}:{self.http_port}/"

    def _native(self, user: str, password: str) -> str:
        return f"clickhouse://{user}:{password}@{addresses.LOOPBACK}:{self.tcp_port}/{configuration.DATABASE}"


def prepare(directory: Path, tcp_port: int, http_port: int, log: Path) -> ClickHouseServer:
    """Write the configuration for these ports; data and passwords of an earlier run stay as they are.

    Args:
        directory: the directory of the configuration and the data.
        tcp_port: the port of the native protocol.
        http_port: the port of the HTTP interface.
        log: the file for errors, in a directory with no other files: the server may read all of it.

    Raises:
        HeadraceError: the disk has too little free space.
    """
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    lacking = free_space.lacking(configuration.data_directory(directory))
    if lacking:
        raise errors.HeadraceError(lacking)
    log.parent.mkdir(parents=True, exist_ok=True)
    configuration.write(directory, tcp_port, http_port, log)
    return ClickHouseServer(directory, log, tcp_port, http_port, _passwords(directory / "passwords.json"))


def start(server: ClickHouseServer, log: Path) -> child.Child:
    """Start ClickHouse on what ``prepare`` wrote; it is not ready yet.

    Raises:
        HeadraceError: neither a ``clickhouse`` nor the wheel is installed.
    """
    data = configuration.data_directory(server.directory)
    steps = [str(free_space.__file__), forget_lost.__file__]
    first = [[sys.executable, "-I", "-S", step, data] for step in steps]
    environment = {name: value for name, value in os.environ.items() if _ENVIRONMENT.fullmatch(name)}
    if shutil.which(configuration.PROGRAM):  # the wheel's process sets them itself, where no query can look
        environment |= password_hashes.variables(msgspec.structs.asdict(server.passwords))
        environment |= password_hashes.of_accounts(str(server.directory))
    arguments = [*itertools.chain(*first), *_arguments(server)]
    return child.Child(arguments, log, environment, server.directory, bare=True)


def start_again(server: ClickHouseServer, log: Path) -> child.Child:
    """Start ClickHouse with the accounts that there are now; it is not ready yet.

    Raises:
        HeadraceError: see ``start``, or the server on PATH does not say which settings it knows.
    """
    configuration.write_users(server.directory)
    return start(server, log)


def _arguments(server: ClickHouseServer) -> list[str]:
    found = shutil.which(configuration.PROGRAM)
    if found:
        return [found, "server", "--config-file=config.xml"]
    if importlib.util.find_spec("chdb") is None:
        raise errors.HeadraceError("There is no clickhouse on PATH: install it, or headrace[embedded].")
    log, read_only = server.log.resolve().parent, configuration.read_only_directory(server.directory)
    listened = [str(server.tcp_port), str(server.http_port)]
    program = [sys.executable, "-P", "-m", "deploy.embedded.wheel.chdb_server"]
    return [*program, configuration.DATA, str(log), str(read_only), *listened]


def _passwords(path: Path) -> Passwords:
    if not path.exists():
        drawn = Passwords(headrace=secrets.token_hex(16), analyst=secrets.token_hex(16))
        private_files.replace(path, msgspec.json.encode(drawn))
    return msgspec.json.decode(path.read_bytes(), type=Passwords)
