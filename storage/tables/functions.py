"""The SQL function ``reachOf(sketch)``, which belongs to a whole ClickHouse server and not to a database.

It is no part of the migrations: a backup of the database does not hold it, and another Headrace on the same
server may have brought another release of it. So it is compared each time that the database is brought up to
date. The views do not need it, for they hold the numbers themselves.
"""

from __future__ import annotations

from typing import Final

from storage.queue import reach
from storage.servers import clickhouse, sql

NAME: Final = "reachOf"
"""The name of the function; also where analysts find it in ``system.functions``."""
OURS: Final = "headrace_sketch"
"""The name of its parameter, which tells it from a function of the same name that somebody else made."""

_ACCESS_DENIED: Final = 497
_RIGHTS: Final = {"create": "CREATE FUNCTION", "replace": "CREATE FUNCTION, DROP FUNCTION"}
"""The rights that each of the statements needs."""


def _classes() -> list[int]:
    """Return a sketch for each estimate that there is, by even and then by rare bits."""
    return [
        (1 << even) - 1 | (1 << rare) - 1 << reach.EVEN
        for even in range(reach.EVEN + 1)
        for rare in range(reach.RARE + 1 if even >= reach.CROWDED else 1)
    ]


_CLASSES: Final = _classes()
_ESTIMATES: Final = [reach.estimate(sketch) for sketch in _CLASSES]
_SQL: Final = sql.beside(
    __name__,
    numbers=str([estimate or 0 for estimate in _ESTIMATES]),
    even_bits=(1 << reach.EVEN) - 1,
    even=reach.EVEN,
    rare=reach.RARE,
    crowded=reach.CROWDED,
)


def definition() -> str:
    """Return the statement that makes the function, for a server that reads it from a file."""
    return _SQL["create"].replace("IF NOT EXISTS ", "")


def restore(address: clickhouse.Address) -> bool:
    """Make the function where it is missing or of another release, and say whether that was so.

    Raises:
        ClickHouseUnavailableError: ClickHouse is not reachable.
        QueryError: this user may not make it, or somebody else made a function of that name.
    """
    server = clickhouse.connect(address)
    try:
        found = server.execute(_SQL["found"])
        if found and OURS not in found[0][0]:
            raise clickhouse.QueryError(
                f"Everything else is up to date, but in the place of Headrace's function {NAME} stands "
                "another one of that name: rename it, then migrate again."
            )
        if found and _tells_the_same(server):
            return False
        _make(server, address.user, "replace" if found else "create")
        return True
    finally:
        server.close()


def _tells_the_same(server: clickhouse.Connection) -> bool:
    try:
        ((told,),) = server.execute(_SQL["estimates"], {"sketches": [str(sketch) for sketch in _CLASSES]})
    except clickhouse.QueryError:
        return False
    return bool(told == _ESTIMATES)


def _make(server: clickhouse.Connection, user: str, statement: str) -> None:
    try:
        server.execute(_SQL[statement])
    except clickhouse.QueryError as error:
        cure = str(error).rstrip(".")
        if error.code == _ACCESS_DENIED:
            cure = f"GRANT {_RIGHTS[statement]} ON *.* TO `{user}`"
        sentence = (
            f"Everything else is up to date, but the function {NAME}, by which analysts read a reach, could "
            f"not be made: {cure}, then migrate again."
        )
        raise clickhouse.QueryError(sentence, error.code) from error
