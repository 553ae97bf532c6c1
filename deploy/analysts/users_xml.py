"""The allow-list of analysts as ``users.xml`` of a ClickHouse server spells it."""

from __future__ import annotations

import string
from importlib import resources
from typing import TYPE_CHECKING
from xml.sax import saxutils

from deploy.analysts import allow_list, grants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def settings(allowed: allow_list.AllowList) -> str:
    """Return the settings of the profile, with their values."""
    return _lines(f"<{name}>{saxutils.escape(value)}</{name}>" for name, value in _values(allowed))


def constraints(allowed: allow_list.AllowList) -> str:
    """Return which settings may be changed, and within which bounds."""
    bounded = (
        f"<{name}><min>{bounds.least}</min><max>{bounds.most}</max><changeable_in_readonly/></{name}>"
        for name, bounds in allowed.bounded.items()
    )
    return _lines([*bounded, *(f"<{name}><changeable_in_readonly/></{name}>" for name in allowed.free)])


def queries(database: str, *, of_project: bool = False) -> str:
    """Return the grants on what may be read.

    Args:
        database: the database with the reports.
        of_project: for an account that sees one project only.
    """
    granted = grants.on_tables(database, of_project=of_project)
    return _lines(f"<query>{saxutils.escape(grant)}</query>" for grant in granted)


def every_row(database: str) -> str:
    """Return filters that show all rows of the tables on which accounts of one project have another one."""
    shown = dict.fromkeys(allow_list.rows_of_project(0), grants.EVERY_ROW)
    own = dict.fromkeys(allow_list.system_rows(database), grants.EVERY_ROW)
    return _filters({database: shown, "system": own})


def account(name: str, project_id: int, database: str, secret: str) -> str:
    """Return a user that sees one project only.

    Args:
        name: its name, which is also that of an element.
        project_id: the project.
        database: the database with the reports.
        secret: the name of the environment variable with the hash of its password.
    """
    template = resources.files("deploy.analysts").joinpath("account.xml").read_text("utf-8")
    shown = {database: allow_list.rows_of_project(project_id), "system": allow_list.system_rows(database)}
    return string.Template(template).substitute(
        name=name,
        secret=secret,
        grants=queries(database, of_project=True),
        filters=_filters(shown),
    )


def _filters(shown: Mapping[str, Mapping[str, str]]) -> str:
    databases = (
        f"<{database}>{''.join(_filter(table, rows) for table, rows in tables.items())}</{database}>"
        for database, tables in shown.items()
    )
    return f"<databases>{_lines(databases)}</databases>"


def _filter(table: str, rows: str) -> str:
    return f"<{table}><filter>{saxutils.escape(rows)}</filter></{table}>"


def _values(allowed: allow_list.AllowList) -> Iterator[tuple[str, str]]:
    yield "readonly", "1"
    yield from allowed.fixed.items()
    yield from ((name, bounds.most) for name, bounds in allowed.bounded.items())


def _lines(parts: Iterable[str]) -> str:
    return "\n            ".join(parts)
