"""The rights of an analyst in ClickHouse: ``allow_list.toml``, with the numbers of one server filled in.

The list is the profile of a user who is read-only in ClickHouse's strictest sense (``readonly = 1``): no
setting can be changed but those that the list names, whether by ``SET``, by a clause of the query, by a
parameter of the URL or by a driver.
"""

from __future__ import annotations

import functools
import string
import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Final

import msgspec

from storage.servers import sql

if TYPE_CHECKING:
    from collections.abc import Collection


KNOWN_SETTINGS: Final = sql.beside(__name__)["known_settings"]
"""The SQL that asks a server which settings it knows."""


class QueryLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much the queries of an analyst may use.

    Attributes:
        seconds: the longest time of one query.
        memory: bytes, for one query and for all that run at once.
        threads: the most threads of one query.
        queries: at once.
        queries_of_all: queries of all users at once, from which on a query of an analyst is refused; 0 is
            no bound.
        rows_to_read: the most rows that one query may read.
        result_rows: the most rows of one answer.
        result_bytes: the most bytes of one answer, before it is written in a format.
        temporary_bytes: on the disk, for one query and for all that run at once.
    """

    seconds: int
    memory: int
    queries: int
    threads: int = 1
    queries_of_all: int = 0
    rows_to_read: int = (
        1_000_000_000  # some days of a hundred million reports each, or all that a minute can read
    )
    result_rows: int = 1_000_000
    result_bytes: int = 512 << 20
    temporary_bytes: int = 1 << 30


class SettingBounds(msgspec.Struct, frozen=True):
    """The least and the greatest value that an analyst may give a setting."""

    least: str
    most: str


class ReadableTable(msgspec.Struct, frozen=True):
    """The part of a table that may be read.

    Attributes:
        columns: names, split by blanks in the file.
        rows: a condition in SQL for those that an account of one project sees; ``$project`` stands for its
            id. Without one, such an account may not read the table.
    """

    columns: str
    rows: str = ""


class _Group(msgspec.Struct, frozen=True):
    why: str
    names: str


class _Names(msgspec.Struct, frozen=True):
    names: str


class _AllowListFile(msgspec.Struct, frozen=True):
    tables: dict[str, ReadableTable]
    views: _Names
    refused: list[_Group]
    system: dict[str, str]
    system_rows: dict[str, str]
    functions: list[_Group]
    settings: list[_Group]
    bounded: dict[str, SettingBounds]
    fixed: dict[str, str]


class AllowList(msgspec.Struct, frozen=True):
    """The settings of the allow-list, with the numbers of one server in them.

    Attributes:
        free: settings that may take any value.
        bounded: settings that may take a value within bounds; each begins at the greatest.
        fixed: settings that may not be changed, with their values.
    """

    free: list[str]
    bounded: dict[str, SettingBounds]
    fixed: dict[str, str]

    def known_to(self, server: Collection[str]) -> AllowList:
        """Leave out the settings that a server does not know, for it would refuse the whole profile."""
        return AllowList(
            [name for name in self.free if name in server],
            {name: bounds for name, bounds in self.bounded.items() if name in server},
            {name: value for name, value in self.fixed.items() if name in server},
        )


def read(limits: QueryLimits) -> AllowList:
    """Return the allow-list of a server with these limits."""
    file = _file()
    numbers = {name: str(value) for name, value in msgspec.structs.asdict(limits).items()}

    def fill(text: str) -> str:
        return string.Template(text).substitute(numbers)

    return AllowList(
        sorted(name for group in file.settings for name in group.names.split()),
        {name: SettingBounds(fill(bounds.least), fill(bounds.most)) for name, bounds in file.bounded.items()},
        {name: fill(value) for name, value in file.fixed.items()},
    )


def tables(*, of_project: bool = False) -> dict[str, list[str]]:
    """Return the columns that may be read, by table of the database.

    Args:
        of_project: only the tables that an account of one project may read.
    """
    found = _file().tables.items()
    return {name: table.columns.split() for name, table in found if table.rows or not of_project}


def views() -> list[str]:
    """Return the views of the database that may be read."""
    return _file().views.names.split()


def system_tables() -> dict[str, list[str]]:
    """Return the columns of ClickHouse's own tables that an account which sees all projects may read."""
    return {table: columns.split() for table, columns in _file().system.items()}


def refused_columns() -> list[str]:
    """Return what else the database has: tables, and columns as ``table.column``."""
    return [name for group in _file().refused for name in group.names.split()]


def rows_of_project(project_id: int) -> dict[str, str]:
    """Return the condition for the rows of one project, by table of the database."""
    conditions = ((name, string.Template(table.rows)) for name, table in _file().tables.items() if table.rows)
    return {name: condition.substitute(project=project_id) for name, condition in conditions}


def system_rows(database: str) -> dict[str, str]:
    """Return the condition for the rows that an account of one project sees, by table of ``system``.

    Args:
        database: the database with the reports, a plain name.
    """
    names = ", ".join(f"'{name}'" for name in views())
    return {
        table: string.Template(rows).substitute(database=database, views=names)
        for table, rows in _file().system_rows.items()
    }


def refused_functions() -> list[str]:
    """Return the names of the functions that no analyst may call, which no grant can express."""
    return [name for group in _file().functions for name in group.names.split()]


@functools.cache
def _file() -> _AllowListFile:
    text = resources.files("deploy.analysts").joinpath("allow_list.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _AllowListFile)
