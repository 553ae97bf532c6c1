"""The configuration of the embedded ClickHouse: ``config.xml`` and ``users.xml``, for one machine."""

from __future__ import annotations

import os
import shutil
import string
import subprocess
from importlib import resources
from typing import TYPE_CHECKING, Final

import msgspec
import psutil

from deploy.analysts import allow_list, grants, users_xml
from deploy.directory import private_files
from deploy.embedded import accounts, free_space, password_hashes
from storage import errors
from storage.tables import functions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
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
    queries_of_all=60,  # the others are left to the workers and to commands, however many accounts there are
    temporary_bytes=16 << 20,  # as much as all queries of the server together, see free_space
)
PROJECT_LIMITS: Final = msgspec.structs.replace(ANALYST_LIMITS, memory=ANALYST_LIMITS.memory // 2, queries=10)
"""The limits of each account that sees one project: there may be several."""
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
    }
    _fill("config.xml", directory, values)
    write_users(directory)


def write_users(directory: Path) -> None:
    """Write ``users.xml``, with the accounts that there are now.

    Args:
        directory: the directory of the server.

    Raises:
        HeadraceError: the server on PATH does not say which settings it knows.
    """
    engine = dict.fromkeys(_WHEEL_ONLY, "") if shutil.which(PROGRAM) else _WHEEL_ONLY
    users = _accounts(accounts.every(directory))
    values = {**_disk_values(data_directory(directory)), **_profiles(), **users, **engine}
    _fill("users.xml", directory, values)


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


def _profiles() -> dict[str, str]:
    analyst, project = _known(allow_list.read(ANALYST_LIMITS), allow_list.read(PROJECT_LIMITS))
    return {
        "analyst_settings": users_xml.settings(analyst),
        "analyst_constraints": users_xml.constraints(analyst),
        "analyst_grants": users_xml.queries(DATABASE),
        "project_settings": users_xml.settings(project),
        "project_constraints": users_xml.constraints(project),
    }


def _accounts(found: Iterable[accounts.ProjectAccount]) -> dict[str, str]:
    """Return the accounts, and what the other users see of tables on which these have row policies."""
    users = [_account(account) for account in found]
    return {"accounts": "".join(users), "every_row": users_xml.every_row(DATABASE) if users else ""}


def _account(account: accounts.ProjectAccount) -> str:
    secret = password_hashes.variable_of(account.name)
    return users_xml.account(account.name, account.project_id, DATABASE, secret)


def _known(*lists: allow_list.AllowList) -> Iterable[allow_list.AllowList]:
    """Leave out what the server that will run does not know: one on PATH may be of another release."""
    found = shutil.which(PROGRAM)
    if found is None:
        return lists
    listed = [found, "local", "--query", allow_list.KNOWN_SETTINGS]
    done = subprocess.run(listed, capture_output=True, text=True, check=False)
    if done.returncode:
        raise errors.HeadraceError(f"{found} cannot be asked which settings it knows: {done.stderr.strip()}")
    return [allowed.known_to(set(done.stdout.split())) for allowed in lists]


def _fill(name: str, directory: Path, values: Mapping[str, str]) -> None:
    template = resources.files("deploy.embedded").joinpath(name).read_text("utf-8")
    private_files.replace(directory / name, string.Template(template).safe_substitute(values).encode())
