"""Counts reports again in pieces that fit into memory, each of which is put in place as a whole.

A piece is a partition of the table that is filled: a project and month, or a project. Some pieces are counted
together into a table aside, and then each partition replaces that of the table, which ClickHouse does in one
step. So a partition that is there is complete, and whoever goes on after a kill leaves it out; and nothing is
counted twice should two processes do the same piece. Nobody may insert into the reports or the table
meanwhile.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from typing import TYPE_CHECKING, Final, NamedTuple

from storage import errors
from storage.schema import progress
from storage.servers import clickhouse, sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from storage.schema import claims

_SQL: Final = sql.beside(__name__)

MOST_ROWS: Final = 2_000_000
"""Stored reports that are counted together, unless a single piece has more: ClickHouse spills then."""
MOST_PIECES: Final = 100
"""Pieces that are counted together."""

_KINDS: Final = ("project_and_month", "project")
_MARK: Final = re.compile(rf"\{{({'|'.join(_KINDS)})\}}")
_TARGET: Final = re.compile(r"(?<=^INSERT INTO )\w+")
_SETTINGS: Final = {
    "async_insert": 0,
    "insert_deduplicate": 0,  # two pieces may be alike
    "max_partitions_per_insert_block": 0,
    "max_bytes_before_external_group_by": 1 << 29,
}


class Piece(NamedTuple):
    """A partition of the table that is filled.

    Attributes:
        project_id: the project.
        month: such as 202611; 0 is all months.
        rows: stored rows to be counted.
        seen: the reports that they stand for.
    """

    project_id: int
    month: int
    rows: int
    seen: int

    @property
    def partition(self) -> str:
        """The id that ClickHouse gives the partition."""
        return f"{self.project_id}-{self.month}" if self.month else str(self.project_id)


def is_in_pieces(statement: str) -> bool:
    """Say whether a statement is to be run in pieces."""
    return bool(_MARK.search(statement))


def run(server: clickhouse.Connection, claim: claims.Claim, statement: str, report: progress.Report) -> None:
    """Run ``INSERT INTO <table> SELECT … FROM reports WHERE {project_and_month}``, or ``{project}``.

    Args:
        server: a connection.
        claim: the claim on the database.
        statement: what is counted, and into which table.
        report: told after each step.

    Raises:
        TakenOverError: another process migrates the database now.
        ClickHouseUnavailableError: ClickHouse is not reachable.
        QueryError: the server refused a statement, or did not store what was counted.
    """
    [(kind,), (target,)] = _MARK.findall(statement), _TARGET.findall(statement)
    every = [Piece(*row) for row in server.execute(_SQL[kind])]
    there = {partition for (partition,) in server.execute(_SQL["done"].format(target=target))}
    missing = [piece for piece in every if piece.partition not in there]
    done = len(every) - len(missing)
    with _aside(server, target) as side:
        for together in grouped(missing):
            claim.require()
            _count(server, statement, target, side, together)
            _put(server, target, side)
            done += len(together)
            report(progress.Progress(f"Filling {target}", done, len(every)))


@contextlib.contextmanager
def _aside(server: clickhouse.Connection, target: str) -> Iterator[str]:
    """Make an empty twin of a table, of this process alone."""
    for (left,) in server.execute(_SQL["left"], {"target": target}):
        server.execute(_SQL["drop"].format(table=left))
    side = f"{target}_{secrets.token_hex(4)}"
    server.execute(_SQL["create"].format(side=side, target=target))
    try:
        yield side
    finally:
        with contextlib.suppress(errors.HeadraceError):  # else the next process drops it
            server.execute(_SQL["drop"].format(table=side))


def grouped(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Yield the pieces that are counted together, in their order."""
    group: list[Piece] = []
    for piece in pieces:
        if group and (len(group) >= MOST_PIECES or sum(each.rows for each in group) + piece.rows > MOST_ROWS):
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _count(
    server: clickhouse.Connection, statement: str, target: str, side: str, together: Sequence[Piece]
) -> None:
    piecewise = _MARK.sub(lambda _: condition(together), statement)
    server.execute(_TARGET.sub(side, piecewise, count=1), settings=_SETTINGS)
    ((counts,),) = server.execute(_SQL["counts"], {"target": target})
    if not counts:
        return
    ((stored,),) = server.execute(_SQL["stored"].format(side=side))
    if stored != (wanted := sum(piece.seen for piece in together)):
        raise clickhouse.QueryError(
            f"{target} holds {stored} of the {wanted} reports that were to be counted."
        )


def _put(server: clickhouse.Connection, target: str, side: str) -> None:
    found = server.execute(_SQL["partitions"].format(side=side))
    if found:
        changes = ", ".join(f"REPLACE PARTITION ID '{partition}' FROM {side}" for (partition,) in found)
        server.execute(_SQL["put"].format(target=target, partitions=changes))
        server.execute(_SQL["empty"].format(side=side))


def condition(together: Sequence[Piece]) -> str:
    """Return the condition for the reports of some pieces, of a form by which ClickHouse reads no others."""
    projects = ", ".join(str(number) for number in sorted({piece.project_id for piece in together}))
    if not together[0].month:
        return f"project_id IN ({projects})"
    months = sorted(piece.month for piece in together)
    pairs = ", ".join(f"({piece.project_id}, {piece.month})" for piece in together)
    return (
        f"project_id IN ({projects}) AND window_start >= {_start(months[0])} "
        f"AND window_start < {_start(months[-1])} + INTERVAL 1 MONTH "
        f"AND (project_id, toYYYYMM(window_start)) IN ({pairs})"
    )


def _start(month: int) -> str:
    year, number = divmod(month, 100)
    return f"toDateTime64('{year:04}-{number:02}-01 00:00:00', 3, 'UTC')"
