"""The allow-list of analysts as SQL: for the users of a ClickHouse server that an operator runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploy.analysts import allow_list
from storage.servers import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY_ROW: Final = "1"
"""The condition that shows all rows of a table."""
_SQL: Final = sql.beside(__name__)


def statements(allowed: allow_list.AllowList, user: str, database: str, project_id: int | None) -> list[str]:
    """Return the SQL that makes an existing user an analyst.

    Args:
        allowed: the allow-list.
        user: the name of the user, who loses every other right to read the database.
        database: the database with the reports.
        project_id: the only project whose rows the user sees; None is all.
    """
    profile, grantee = quoted(f"headrace_analyst_{user}"), quoted(user)
    listed = ",\n    ".join(_settings(allowed))
    taken = (_SQL["take_system"].format(table=table, user=grantee) for table in allow_list.system_tables())
    granted = on_tables(database, of_project=project_id is not None)
    return [
        _SQL["create_profile"].format(profile=profile, settings=listed),
        _SQL["take_database"].format(database=quoted(database), user=grantee),
        *taken,
        *row_policies(user, database, project_id),
        *(_SQL["to_user"].format(grant=grant, user=grantee) for grant in granted),
        _SQL["assign_profile"].format(user=grantee, profile=profile),
    ]


def row_policies(user: str, database: str, project_id: int | None) -> list[str]:
    """Return the SQL that shows a user the rows of one project only, or all rows for None.

    As soon as a table has a policy, a server may show nothing to users who have none there.
    """
    return [
        _SQL["row_policy"].format(
            user=quoted(user),
            database=quoted(database),
            table=quoted(table),
            rows=EVERY_ROW if project_id is None else rows,
        )
        for table, rows in allow_list.rows_of_project(project_id or 0).items()
    ]


def on_tables(database: str, *, of_project: bool) -> Iterator[str]:
    """Yield the grants on what may be read, without the name of a user.

    Args:
        database: the database with the reports.
        of_project: for an account that sees one project only.
    """
    name = quoted(database)
    for table, columns in allow_list.tables(of_project=of_project).items():
        listed = ", ".join(map(quoted, columns))
        yield _SQL["on_table"].format(columns=listed, database=name, table=quoted(table))
    for view in allow_list.views():
        yield _SQL["on_view"].format(database=name, view=quoted(view))
    if not of_project:
        for table, columns in allow_list.system_tables().items():
            yield _SQL["on_system"].format(columns=", ".join(columns), table=table)


def refusing_function(name: str) -> str:
    """Return the SQL of a user's function that refuses in the place of a function of ClickHouse."""
    return _SQL["refusing_function"].format(function=name)


def quoted(name: str) -> str:
    """Return a name quoted for SQL, with any character in it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _settings(allowed: allow_list.AllowList) -> Iterator[str]:
    yield "readonly = 1 CONST"
    yield from (f"{name} = {value} CONST" for name, value in allowed.fixed.items())
    for name, bounds in allowed.bounded.items():
        yield f"{name} = {bounds.most} MIN {bounds.least} MAX {bounds.most} CHANGEABLE_IN_READONLY"
    yield from (f"{name} CHANGEABLE_IN_READONLY" for name in allowed.free)
