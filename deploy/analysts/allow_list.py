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


class QueryLimits(msgspec.Struct, frozen=True):
    """How much the queries of an analyst may use.

    Attributes:
        seconds: the longest time of one query.
        memory: bytes, for one query and for all that run at once.
        threads: the most threads of one query.
        queries: at once.
    """

    seconds: int
    memory: int
    threads: int
    queries: int


class SettingBounds(msgspec.Struct, frozen=True):
    """The least and the greatest value that an analyst may give a setting."""

    least: str
    most: str


class _Group(msgspec.Struct, frozen=True):
    why: str
    names: str


class _AllowListFile(msgspec.Struct, frozen=True):
    tables: dict[str, str]
    functions: list[_Group]
    settings: list[_Group]
    bounded: dict[str, SettingBounds]
    fixed: dict[str, str]


class AllowList(msgspec.Struct, frozen=True):
    """The allow-list, with the numbers of one server in it.

    Attributes:
        tables: columns that may be read, by table, beside the tables of the database.
        free: settings that may take any value.
        bounded: settings that may take a value within bounds; each begins at the greatest.
        fixed: settings that may not be changed, with their values.
    """

    tables: dict[str, list[str]]
    free: list[str]
    bounded: dict[str, SettingBounds]
    fixed: dict[str, str]

    def known_to(self, server: Collection[str]) -> AllowList:
        """Leave out the settings that a server does not know, for it would refuse the whole profile."""
        return AllowList(
            self.tables,
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
        {table: columns.split() for table, columns in file.tables.items()},
        sorted(name for group in file.settings for name in group.names.split()),
        {name: SettingBounds(fill(bounds.least), fill(bounds.most)) for name, bounds in file.bounded.items()},
        {name: fill(value) for name, value in file.fixed.items()},
    )


def refused_functions() -> list[str]:
    """Return the names of the functions that no analyst may call, which no grant can express."""
    return [name for group in _file().functions for name in group.names.split()]


@functools.cache
def _file() -> _AllowListFile:
    text = resources.files("deploy.analysts").joinpath("allow_list.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _AllowListFile)
