"""The allow-list of analysts as SQL: for the users of a ClickHouse server that an operator runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from deploy.analysts import allow_list

PROFILE: Final = "headrace_analyst"
"""The name of the profile that ``statements`` creates."""


def statements(allowed: allow_list.AllowList, user: str, database: str) -> list[str]:
    """Return the SQL that makes an existing user an analyst.

    Args:
        allowed: the allow-list.
        user: the name of the user, who keeps every other grant.
        database: the database with the reports.
    """
    listed = ",\n    ".join(_settings(allowed))
    grantee = _quoted(user)
    return [
        f"CREATE SETTINGS PROFILE OR REPLACE {PROFILE} SETTINGS\n    {listed}",
        *(f"{grant} TO {grantee}" for grant in on_tables(allowed, database)),
        f"ALTER USER {grantee} SETTINGS PROFILE {PROFILE}",
    ]


def row_policies(user: str, database: str, project_id: int, columns: Mapping[str, str]) -> list[str]:
    """Return the SQL that shows a user the rows of one project only; other users keep what they see.

    Args:
        user: the name of the user.
        database: the database with the tables.
        project_id: the project.
        columns: the column that holds a project's id, by table.
    """
    return [
        f"CREATE ROW POLICY OR REPLACE {_quoted(user)} ON {_quoted(database)}.{_quoted(table)} "
        f"USING {_quoted(column)} = {project_id} TO {_quoted(user)}"
        for table, column in columns.items()
    ]


def on_tables(allowed: allow_list.AllowList, database: str) -> Iterator[str]:
    """Yield the grants on what may be read, without the name of a user."""
    yield f"GRANT SELECT ON {_quoted(database)}.*"
    for table, columns in allowed.tables.items():
        yield f"GRANT SELECT({', '.join(columns)}) ON {table}"


def refusing_function(name: str) -> str:
    """Return the SQL of a user's function that refuses in the place of a function of ClickHouse.

    ClickHouse looks for a function among those that users made before it looks among its own, with the same
    capital and small letters.
    """
    return f"CREATE FUNCTION {name} AS refused -> throwIf(1, 'The function {name} is refused')"


def _settings(allowed: allow_list.AllowList) -> Iterator[str]:
    yield "readonly = 1 CONST"
    yield from (f"{name} = {value} CONST" for name, value in allowed.fixed.items())
    for name, bounds in allowed.bounded.items():
        yield f"{name} = {bounds.most} MIN {bounds.least} MAX {bounds.most} CHANGEABLE_IN_READONLY"
    yield from (f"{name} CHANGEABLE_IN_READONLY" for name in allowed.free)


def _quoted(name: str) -> str:
    """Return a name as SQL takes it, whatever is in it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
