"""The configuration of the embedded ClickHouse: ``config.xml`` and ``users.xml``, for one machine."""

from __future__ import annotations

import os
import shutil
import string
import subprocess
from importlib import resources
from typing import TYPE_CHECKING, Final

import psutil

from deploy.analysts import allow_list, grants, users_xml
from deploy.directory import private_files
from deploy.embedded import free_space
from storage import errors
from storage.tables import functions

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM: Final = "clickhouse"
"""The server that is used if it is on PATH; the engine in the wheel is used otherwise."""
DATABASE: Final = "headrace"
DATA: Final = "data"
"""The directory of the data, below the one of the server.

The wheel's engine is started in the directory above, and this relative path is all that it shows of it.
"""
ANALYST_LIMITS: Final = allow_list.QueryLimits(
    seconds=60,  # a longer query is a mistake, on tables partitioned as these are
    # Half of the memory of the whole server, which leaves the other half for inserts and merges.
    memory=psutil.virtual_memory().total // 4,
    threads=os.cpu_count() or 1,
    queries=20,  # of the hundred that the server runs at once
)
_WHEEL_ONLY: Final = {
    "engine_defaults": "<max_bytes_ratio_before_external_join>0</max_bytes_ratio_before_external_join>"
    "<max_bytes_ratio_before_external_distinct>0</max_bytes_ratio_before_external_distinct>",
    "engine_settings": "<allow_python_table_function>0</allow_python_table_function>",
}
"""Settings that a server on PATH may not know. Python as a table function ends the process of the wheel."""


def write(directory: Path, tcp_port: int, http_port: int, log: Path) -> None:
    """Write both files, and the directory that the server may only read.

    Args:
        directory: the directory of the server; the files are written here, and its data lie below.
        tcp_port: the port of the native protocol.
        http_port: the port of the HTTP interface.
        log: the file for errors.

    Raises:
        HeadraceError: the server on PATH does not say which settings it knows.
    """
    read_only = read_only_directory(directory)
    for folder in ("functions", "files", "schemas"):
        (read_only / folder).mkdir(parents=True, exist_ok=True)
    for name in allow_list.refused_functions():
        path = read_only / "functions" / f"function_{name}.sql"
        private_files.replace(path, grants.refusing_function(name).encode())
    own = read_only / "functions" / f"function_{functions.NAME}.sql"
    private_files.replace(own, functions.definition().encode())
    values = {
        "log": str(log.resolve()),
        "read_only": str(read_only),
        "tcp_port": str(tcp_port),
        "http_port": str(http_port),
        **_disk_values(data_directory(directory)),
        **_analyst_values(),
        **(dict.fromkeys(_WHEEL_ONLY, "") if shutil.which(PROGRAM) else _WHEEL_ONLY),
    }
    for name in ("config.xml", "users.xml"):
        template = resources.files("deploy.embedded").joinpath(name).read_text("utf-8")
        private_files.replace(directory / name, string.Template(template).safe_substitute(values).encode())


def data_directory(directory: Path) -> str:
    """Return the directory of the data; a link to another disk is resolved."""
    data = directory / DATA
    data.mkdir(exist_ok=True)
    return str(data.resolve())


def read_only_directory(directory: Path) -> Path:
    """Return the directory of schemas, files and functions, which the server may read and never write.

    It holds nothing but the functions that refuse, and Headrace's own. A function that is made while
    the wheel's engine runs lies elsewhere, and is gone when it starts again.
    """
    return (directory / "given").resolve()


def _disk_values(data: str) -> dict[str, str]:
    return {
        "path": data if shutil.which(PROGRAM) else DATA,
        "untouched": str(free_space.left_by_merges(data)),
        "inserts_leave": str(free_space.left_by_inserts(data) - free_space.left_by_merges(data)),
        "spilled": str(free_space.for_temporary_files(data)),
    }


def _analyst_values() -> dict[str, str]:
    allowed = _allowed()
    return {
        "analyst_settings": users_xml.settings(allowed),
        "analyst_constraints": users_xml.constraints(allowed),
        "analyst_grants": users_xml.queries(allowed, DATABASE),
    }


def _allowed() -> allow_list.AllowList:
    """Return the allow-list of the server that will run: one on PATH may be of another release."""
    allowed = allow_list.read(ANALYST_LIMITS)
    found = shutil.which(PROGRAM)
    if found is None:
        return allowed
    listed = [found, "local", "--query", allow_list.KNOWN_SETTINGS]
    done = subprocess.run(listed, capture_output=True, text=True, check=False)
    if done.returncode:
        raise errors.HeadraceError(f"{found} cannot be asked which settings it knows: {done.stderr.strip()}")
    return allowed.known_to(set(done.stdout.split()))
