"""The embedded ClickHouse: the ``clickhouse`` of this machine, or the engine in the ``chdb-core`` wheel.

Either serves the native protocol and HTTP on loopback, from the same configuration and on the same data.
"""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import os
import re
import secrets
import shutil
import string
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec
import psutil

from deploy.analysts import allow_list as analyst
from deploy.embedded import forget_lost, free_space
from deploy.network import ports as network
from deploy.processes import child
from storage import errors

START_SECONDS: Final = 60.0
"""Half a second is usual; attaching thousands of parts from a slow disk takes longer."""
PROGRAM: Final = "clickhouse"
ANALYST: Final = analyst.QueryLimits(
    seconds=60,  # what takes longer is a mistake, on tables partitioned as these are
    # Half of what the whole server may hold, which leaves the other half for inserts and merges.
    memory=psutil.virtual_memory().total // 4,
    threads=os.cpu_count() or 1,
    queries=20,  # of the hundred that the server runs at once
)
DATABASE: Final = "headrace"
_WHEEL_ONLY: Final = {
    "engine_defaults": "<max_bytes_ratio_before_external_join>0</max_bytes_ratio_before_external_join>"
    "<max_bytes_ratio_before_external_distinct>0</max_bytes_ratio_before_external_distinct>",
    "engine_settings": "<allow_python_table_function>0</allow_python_table_function>",
}
"""What a server may not know. It has no Python; in the wheel, that function ends the process."""
_SHOWN_DATA: Final = "data"
"""The data as the wheel's engine sees them from its working directory: it shows everybody this name."""
_ENVIRONMENT: Final = re.compile(r"PATH|HOME|LANG|LC_\w+|TZ|LD_LIBRARY_PATH|PYTHON\w+")
"""What the server is told of this process's environment, in which others keep passwords: it can be asked."""


class Passwords(msgspec.Struct, frozen=True):
    """The passwords of the two users that may connect, drawn at random once for a data directory."""

    headrace: str
    analyst: str


class ClickHouseServer(msgspec.Struct, frozen=True):
    """Where an embedded ClickHouse keeps its data, and the ports and passwords it serves it with."""

    directory: Path
    log: Path
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


def prepare(directory: Path, tcp_port: int, http_port: int, log: Path) -> ClickHouseServer:
    """Write the configuration for these ports; data and passwords of an earlier run stay as they are.

    Args:
        directory: of the configuration and the data.
        tcp_port: of the native protocol.
        http_port: of the HTTP interface.
        log: where it tells of errors, in a directory for nothing else: the server may read all of it.

    Raises:
        HeadraceError: there is too little room on the disk.
    """
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    data = _data(directory)
    lacking = free_space.lacking(data)
    if lacking:
        raise errors.HeadraceError(lacking)
    log.parent.mkdir(parents=True, exist_ok=True)
    server = ClickHouseServer(directory, log, tcp_port, http_port, _passwords(directory / "passwords.json"))
    given = _give(directory)
    allowed = _allowed()
    values = {
        "log": str(log.resolve()),
        "path": data if shutil.which(PROGRAM) else _SHOWN_DATA,
        "given": str(given),
        "tcp_port": str(tcp_port),
        "http_port": str(http_port),
        "untouched": str(free_space.untouched(data)),
        "inserts_leave": str(free_space.kept(data) - free_space.untouched(data)),
        "spilled": str(free_space.spilled(data)),
        "analyst_settings": analyst.xml_settings(allowed),
        "analyst_constraints": analyst.xml_constraints(allowed),
        "analyst_grants": analyst.xml_grants(allowed, DATABASE),
        **(_WHEEL_ONLY if shutil.which(PROGRAM) is None else dict.fromkeys(_WHEEL_ONLY, "")),
    }
    for name in ("config.xml", "users.xml"):
        template = resources.files("deploy.embedded").joinpath(name).read_text("utf-8")
        _write_private(directory / name, string.Template(template).safe_substitute(values))
    return server


def start(server: ClickHouseServer, log: Path) -> child.Child:
    """Start ClickHouse on what ``prepare`` wrote; it is not ready yet.

    Raises:
        HeadraceError: neither a ``clickhouse`` nor the wheel is installed.
    """
    data = _data(server.directory)
    steps = [str(free_space.__file__), forget_lost.__file__]
    first = [[sys.executable, "-I", "-S", step, data] for step in steps]
    environment = {name: value for name, value in os.environ.items() if _ENVIRONMENT.fullmatch(name)}
    if shutil.which(PROGRAM):  # the wheel's server puts them there itself, where no query can look
        environment |= _hashes(server.passwords)
    arguments = [*itertools.chain(*first), *_arguments(server)]
    return child.Child(arguments, log, environment, server.directory, bare=True)


def _data(directory: Path) -> str:
    """Return where the data are, which may be a link to another disk."""
    data = directory / "data"
    data.mkdir(exist_ok=True)
    return str(data.resolve())


def _give(directory: Path) -> Path:
    """Return the directory of schemas, files and functions of users, which the server may read and not write.

    Nothing is in it but a function in the place of each that is refused.
    """
    given = (directory / "given").resolve()
    for name in ("functions", "files", "schemas"):
        (given / name).mkdir(parents=True, exist_ok=True)
    for name, sql in analyst.refused_functions().items():
        _write_private(given / "functions" / f"function_{name}.sql", sql)
    return given


def _allowed() -> analyst.Allowed:
    """Return what analysts may do on the server that will run: one on PATH may be of another release."""
    allowed = analyst.allowed(ANALYST)
    found = shutil.which(PROGRAM)
    if found is None:
        return allowed
    listed = [found, "local", "--query", "SELECT name FROM system.settings"]
    done = subprocess.run(listed, capture_output=True, text=True, check=False)
    if done.returncode:
        raise errors.HeadraceError(f"{found} cannot be asked which settings it knows: {done.stderr.strip()}")
    return allowed.known_to(set(done.stdout.split()))


def _arguments(server: ClickHouseServer) -> list[str]:
    found = shutil.which(PROGRAM)
    if found:
        return [found, "server", "--config-file=config.xml"]
    if importlib.util.find_spec("chdb") is None:
        raise errors.HeadraceError("There is no clickhouse on PATH: install it, or headrace[embedded].")
    directories = [_SHOWN_DATA, str(server.log.resolve().parent), str((server.directory / "given").resolve())]
    ports = [str(server.tcp_port), str(server.http_port)]
    return [sys.executable, "-P", "-m", "deploy.embedded.wheel.chdb_server", *directories, *ports]


def _passwords(path: Path) -> Passwords:
    if not path.exists():
        drawn = Passwords(headrace=secrets.token_hex(16), analyst=secrets.token_hex(16))
        _write_private(path, msgspec.json.encode(drawn).decode())
    return msgspec.json.decode(path.read_bytes(), type=Passwords)


def _write_private(path: Path, text: str) -> None:
    """Put a file for its owner alone in the place of what is there, which another directory may share."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text, "utf-8")
    draft.replace(path)


def _hashes(passwords: Passwords) -> dict[str, str]:
    """Return the variables by which the configuration knows the passwords: no file has their hashes."""
    return {
        f"{user.upper()}_SHA256": hashlib.sha256(password.encode()).hexdigest()
        for user, password in msgspec.structs.asdict(passwords).items()
    }
