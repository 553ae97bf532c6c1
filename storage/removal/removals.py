"""Removals: rows that are to go are counted, deleted, and remembered as a number.

Guarantee: once nothing can be inserted where rows are counted (``retention`` and ``drops`` see to that), a
removal deletes the rows that it counted, whatever is killed on the way, also if two processes carry it out.
Its number is claimed by the token of an insert. Its deletion is one mutation a table, which ClickHouse
carries out by itself once it took it, which can be found by its text, and which does nothing if the removal
is over. Findings and policies of a day go like the reports that they were counted from.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from storage import errors
from storage.servers import clickhouse, sql
from storage.tables import writer

if TYPE_CHECKING:
    from collections.abc import Sequence

_SQL: Final = sql.beside(__name__)

_POLL_S: Final = 0.1

_SYNCHRONOUS: Final = {"mutations_sync": 1}
_LONG: Final = {"max_query_size": 16 << 20}
MOST_PAIRS: Final = 2_000
"""Pairs of one removal: their names stand in its statements, which ClickHouse keeps until they are done."""
REPORTS: Final = ("reports_live", "reports_archive")
DAYS: Final = ("finding_days", "policy_days")
_PARTITIONS: Final = {
    "reports_live": "partitions_reports_live",
    "reports_archive": "partitions_reports_archive",
    "finding_days": "partitions_finding_days",
    "policy_days": "partitions_policy_days",
}
"""The statement that names the partitions with rows of a removal, by table."""

Pair = tuple[str, str]


class Removal(NamedTuple):
    """The removal of some rows of a project.

    Attributes:
        project_id: the project whose reports go.
        number: grows with each removal of the project; 0 for a removal that an older release began: it is of
            all pairs, and told from others by its cutoff.
        cutoff: reports whose window starts before this go (ms since the epoch).
        pairs: the environments and releases of the reports.
        reports: how many reports were counted.
        dropped: 1 where ``release drop`` removes them.
        last_block: of a live partition that is dropped as a whole, the number of its last block; 0 elsewhere.
    """

    project_id: int
    number: int
    cutoff: int
    pairs: tuple[Pair, ...]
    reports: int = 0
    dropped: int = 0
    last_block: int = 0

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters of the statements in ``removals.sql``."""
        return {
            "project": self.project_id,
            "number": self.number,
            "cutoff": self.cutoff,
            "pairs": list(self.pairs) or [("", "")],
            "name": f"removal {self.project_id}:{self.number}:{self.cutoff};",
        }


class Scope(NamedTuple):
    """The reports of a project for which one cutoff holds.

    Attributes:
        project_id: the project.
        cutoff: reports whose window starts before this are too old (ms since the epoch).
        environment: only reports of this environment; None for all.
        release: only reports of this release; None for all.
        others: environments and releases, None for all, of which another cutoff counts.
    """

    project_id: int
    cutoff: int
    environment: str | None = None
    release: str | None = None
    others: tuple[tuple[str | None, str | None], ...] = ()


def due(server: clickhouse.Connection, scope: Scope) -> list[Pair]:
    """Return the pairs that have reports which are too old; most calls find none."""
    nothing = (1, "\0", 1, "\0")
    others = [(int(e is not None), e or "", int(r is not None), r or "") for e, r in scope.others]
    parameters = {
        "project": scope.project_id,
        "cutoff": scope.cutoff,
        "environment": scope.environment,
        "release": scope.release,
        "others": [nothing, *others],
    }
    found: list[Pair] = server.execute(_SQL["pairs"], parameters, settings=_LONG)
    return found


def unfinished(server: clickhouse.Connection) -> list[Removal]:
    """Return the removals that were begun and not finished, in their order."""
    return [
        Removal(project_id, number, cutoff, tuple(pairs), *rest)
        for project_id, number, cutoff, pairs, *rest in server.execute(_SQL["unfinished"])
    ]


def latest(server: clickhouse.Connection, project_id: int) -> int:
    """Return the highest number of a project's removals, 0 before the first."""
    ((number,),) = server.execute(_SQL["latest_number"], {"project": project_id})
    return int(number)


def begin(server: clickhouse.Connection, removal: Removal) -> Removal:
    """Count the rows of a removal, record it as begun, and return it with the count.

    Raises:
        LeaseLostError: another process took the number.
    """
    pairs = tuple(sorted(removal.pairs))
    counted = removal._replace(pairs=pairs, reports=count(server, removal))
    begin_counted(server, [counted])
    return counted


def begin_counted(server: clickhouse.Connection, counted: Sequence[Removal]) -> None:
    """Record removals of one project whose rows were counted as begun, all or none of them.

    Raises:
        LeaseLostError: another process took a number.
    """
    if not counted:
        return
    _record(server, counted, [removal.reports for removal in counted], finished=False)
    if not set(counted) <= set(unfinished(server)):
        raise errors.LeaseLostError("Another process removes reports of this project.")


def delete(server: clickhouse.Connection, removal: Removal) -> None:
    """Delete the rows of a removal that was begun, those of findings and policies included.

    Raises:
        ClickHouseUnavailableError: it fails for now, or takes too long; ClickHouse goes on by itself.
    """
    wait(server, removal)
    for table in (*REPORTS, *DAYS):
        submit(server, removal, table)
    wait(server, removal)


def submit(server: clickhouse.Connection, removal: Removal, table: str) -> None:
    """Let ClickHouse delete the rows of a removal in one table, and return at once."""
    parameters = removal.parameters
    partitions = server.execute(_SQL[_PARTITIONS[table]], parameters, settings=_LONG)
    if not partitions:
        return
    command = _SQL["delete_reports" if table in REPORTS else "delete_days"]
    values = {f"partition{place}": partition for place, (partition,) in enumerate(partitions)}
    commands = ", ".join(command.format(partition=f"%({name})s") for name in values)
    statement = _SQL["delete"].format(table=table, commands=commands)
    server.execute(statement, {**parameters, **values}, settings={**_LONG, "mutations_sync": 0})


def delete_policies(server: clickhouse.Connection, project_id: int, cutoff: int) -> None:
    """Delete the texts of policies that no report since the cutoff has."""
    parameters = {"project": project_id, "cutoff": cutoff}
    server.execute(_SQL["delete_policies"], parameters, settings=_SYNCHRONOUS)


def finish(server: clickhouse.Connection, removal: Removal) -> None:
    """Record that the rows of a removal are gone."""
    _record(server, [removal], [0], finished=True)


def withdraw(server: clickhouse.Connection, removal: Removal) -> None:
    """Record that the rows of a removal stay."""
    _record(server, [removal], [-removal.reports], finished=True)


def wait(server: clickhouse.Connection, removal: Removal) -> None:
    """Wait until the mutations of a removal are done.

    Raises:
        ClickHouseUnavailableError: they fail for now, or take too long; they go on by themselves.
    """
    deadline = time.monotonic() + clickhouse.MUTATION_S
    while pending := [reason for _, done, reason in mutations(server, removal) if not done]:
        reason = next(filter(None, pending), "")
        if reason or time.monotonic() >= deadline:
            raise errors.ClickHouseUnavailableError(f"Old reports are not deleted yet: {reason or 'wait'}.")
        time.sleep(_POLL_S)


def mutations(server: clickhouse.Connection, removal: Removal) -> list[tuple[str, int, str]]:
    """Return table, whether it is done and why it fails of each mutation of a removal that is remembered."""
    found: list[tuple[str, int, str]] = server.execute(_SQL["mutations"], removal.parameters)
    return found


def count(server: clickhouse.Connection, removal: Removal) -> int:
    """Return how many reports a removal finds now."""
    ((reports,),) = server.execute(_SQL["count_reports"], removal.parameters, settings=_LONG)
    return int(reports)


def _record(
    server: clickhouse.Connection, steps: Sequence[Removal], reports: Sequence[int], *, finished: bool
) -> None:
    """Record a step of removals; of several processes that record the same step, the first counts."""
    # Commands of older releases know removals of one pair.
    single = [removal.pairs[0] if len(removal.pairs) == 1 else ("", "") for removal in steps]
    row: dict[str, list[Any]] = {
        "project_id": [removal.project_id for removal in steps],
        "number": [removal.number for removal in steps],
        "cutoff": [removal.cutoff for removal in steps],
        "environment": [environment for environment, _ in single],
        "release": [release for _, release in single],
        "pairs": [[] if finished else list(removal.pairs) for removal in steps],
        "reports": list(reports),
        "finished": [int(finished)] * len(steps),
        "dropped": [removal.dropped for removal in steps],
        "last_block": [removal.last_block for removal in steps],
        "changed_at": [int(time.time() * 1000)] * len(steps),
    }
    first = steps[0]
    name = f"{first.project_id}:{first.number or first.cutoff}"
    writer.insert(server, "removals", row, f"removal:{name}:{int(finished)}")
