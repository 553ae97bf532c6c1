"""The allow-list of analysts as SQL: for the users of a ClickHouse server that an operator runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from storage.servers import sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from deploy.analysts import allow_list

PROFILE: Final = "headrace_analyst"
"""The name of the profile that ``statements`` creates."""
_SQL: Final = sql.beside(__name__, profile=PROFILE)


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
        _SQL["create_profile"].format(settings=listed),
        *(_SQL["to_user"].format(grant=grant, user=grantee) for grant in on_tables(allowed, database)),
        _SQL["assign_profile"].format(user=grantee),
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
        _SQL["row_policy"].format(
            user=_quoted(user),
            database=_quoted(database),
            table=_quoted(table),
            column=_quoted(column),
            project_id=project_id,
        )
        for table, column in columns.items()
    ]


def on_tables(allowed: allow_list.AllowList, database: str) -> Iterator[str]:
    """Yield the grants on the tables that may be read, without the name of a user."""
    yield _SQL["on_database"].format(database=_quoted(database))
    for table, columns in allowed.tables.items():
        yield _SQL["on_columns"].format(columns=", ".join(columns), table=table)


def refusing_function(name: str) -> str:
    """Return the SQL of a user's function that refuses in the place of a function of ClickHouse."""
    return _SQL["refusing_function"].format(function=name)


def _settings(allowed: allow_list.AllowList) -> Iterator[str]:
    yield "readonly = 1 CONST"
    yield from (f"{name} = {value} CONST" for name, value in allowed.fixed.items())
    for name, bounds in allowed.bounded.items():
        yield f"{name} = {bounds.most} MIN {bounds.least} MAX {bounds.most} CHANGEABLE_IN_READONLY"
    yield from (f"{name} CHANGEABLE_IN_READONLY" for name in allowed.free)


def _quoted(name: str) -> str:
    """Return a name quoted for SQL, with any character in it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
