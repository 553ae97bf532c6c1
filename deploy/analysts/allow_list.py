"""What an analyst may do in ClickHouse: the allow-list, as a profile of ``users.xml`` and as SQL.

The profile is read-only in ClickHouse's strictest sense (``readonly = 1``): no setting can be changed but
those that it names, be it by ``SET``, by a clause of the query, by a parameter of the URL or by a driver.
"""

from __future__ import annotations

import functools
import string
import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Final
from xml.sax import saxutils

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

PROFILE: Final = "headrace_analyst"
"""The name of the profile that ``statements`` creates."""


class QueryLimits(msgspec.Struct, frozen=True):
    """What the queries of an analyst may take.

    Attributes:
        seconds: for one query.
        memory: bytes, for one query and for all that run at once.
        threads: of one query.
        queries: at once.
    """

    seconds: int
    memory: int
    threads: int
    queries: int


class SettingBounds(msgspec.Struct, frozen=True):
    """The least and the most value that an analyst may give a setting."""

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


class Allowed(msgspec.Struct, frozen=True):
    """The allow-list, with the numbers of one server in it.

    Attributes:
        tables: columns that may be read, by table, beside the tables of the database.
        free: settings that may take any value.
        bounded: settings that may take a value within bounds; the most is what they are at first.
        fixed: settings that may not be changed.
    """

    tables: dict[str, list[str]]
    free: list[str]
    bounded: dict[str, SettingBounds]
    fixed: dict[str, str]

    def known_to(self, server: Collection[str]) -> Allowed:
        """Leave out the settings that a server does not know, for it would refuse the whole profile."""
        return Allowed(
            self.tables,
            [name for name in self.free if name in server],
            {name: bounds for name, bounds in self.bounded.items() if name in server},
            {name: value for name, value in self.fixed.items() if name in server},
        )


def allowed(limits: QueryLimits) -> Allowed:
    """Return the allow-list of a server with these limits."""
    file = _file()
    numbers = {name: str(value) for name, value in msgspec.structs.asdict(limits).items()}

    def fill(text: str) -> str:
        return string.Template(text).substitute(numbers)

    return Allowed(
        {table: columns.split() for table, columns in file.tables.items()},
        sorted(name for group in file.settings for name in group.names.split()),
        {name: SettingBounds(fill(bounds.least), fill(bounds.most)) for name, bounds in file.bounded.items()},
        {name: fill(value) for name, value in file.fixed.items()},
    )


def refused_functions() -> dict[str, str]:
    """Return the functions that analysts may not call, by no grant, each with the SQL of one that refuses.

    ClickHouse looks for a function among those that users made before it looks among its own, letter by
    letter.
    """
    names = [name for group in _file().functions for name in group.names.split()]
    return {
        name: f"CREATE FUNCTION {name} AS refused -> throwIf(1, 'The function {name} is refused')"
        for name in names
    }


def xml_settings(given: Allowed) -> str:
    """Return the settings of the profile, as ``users.xml`` spells them."""
    return _lines(f"<{name}>{saxutils.escape(value)}</{name}>" for name, value in _values(given))


def xml_constraints(given: Allowed) -> str:
    """Return what may be changed, as ``users.xml`` spells it."""
    bounded = (
        f"<{name}><min>{bounds.least}</min><max>{bounds.most}</max><changeable_in_readonly/></{name}>"
        for name, bounds in given.bounded.items()
    )
    return _lines([*bounded, *(f"<{name}><changeable_in_readonly/></{name}>" for name in given.free)])


def xml_grants(given: Allowed, database: str) -> str:
    """Return what may be read, as ``users.xml`` spells it."""
    return _lines(f"<query>{saxutils.escape(grant)}</query>" for grant in _grants(given, database))


def statements(given: Allowed, user: str, database: str) -> list[str]:
    """Return the SQL that makes an existing user of a ClickHouse server an analyst.

    Args:
        given: the allow-list.
        user: who becomes one; whatever else was granted stays.
        database: whose reports.
    """
    who = _quoted(user)
    settings = ["readonly = 1 CONST", *(f"{name} = {value} CONST" for name, value in given.fixed.items())]
    settings += [
        f"{name} = {bounds.most} MIN {bounds.least} MAX {bounds.most} CHANGEABLE_IN_READONLY"
        for name, bounds in given.bounded.items()
    ]
    settings += [f"{name} CHANGEABLE_IN_READONLY" for name in given.free]
    listed = ",\n    ".join(settings)
    return [
        f"CREATE SETTINGS PROFILE OR REPLACE {PROFILE} SETTINGS\n    {listed}",
        *(f"{grant} TO {who}" for grant in _grants(given, database)),
        f"ALTER USER {who} SETTINGS PROFILE {PROFILE}",
    ]


def policies(user: str, database: str, project_id: int, columns: Mapping[str, str]) -> list[str]:
    """Return the SQL that shows a user the rows of one project only.

    Args:
        user: who; what others see stays.
        database: whose tables.
        project_id: the project.
        columns: the column that holds a project's id, by table.
    """
    return [
        f"CREATE ROW POLICY OR REPLACE {_quoted(user)} ON {_quoted(database)}.{_quoted(table)} "
        f"USING {_quoted(column)} = {project_id} TO {_quoted(user)}"
        for table, column in columns.items()
    ]


def _grants(given: Allowed, database: str) -> Iterator[str]:
    yield f"GRANT SELECT ON {_quoted(database)}.*"
    for table, columns in given.tables.items():
        yield f"GRANT SELECT({', '.join(columns)}) ON {table}"


def _values(given: Allowed) -> Iterator[tuple[str, str]]:
    yield "readonly", "1"
    yield from given.fixed.items()
    yield from ((name, bounds.most) for name, bounds in given.bounded.items())


def _quoted(name: str) -> str:
    """Return a name as SQL takes it, whatever is in it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _lines(parts: Iterable[str]) -> str:
    return "\n            ".join(parts)


@functools.cache
def _file() -> _AllowListFile:
    text = resources.files("deploy.analysts").joinpath("allow_list.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _AllowListFile)
