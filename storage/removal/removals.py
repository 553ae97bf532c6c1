"""Removals: the rows of one partition that are too old are counted, deleted, and remembered as a number.

Guarantee: once nothing can be inserted below the cutoff (``retention`` sees to that), a removal deletes the
rows that it counted, whatever is killed on the way, also if two processes carry it out. Its number is claimed
by the token of an insert. Its deletion is one mutation, which ClickHouse carries out by itself once it took
it, which can be found by its text, and which does nothing if the removal is over.
"""

from __future__ import annotations

import time
from typing import Any, Final, NamedTuple

from storage import errors
from storage.servers import clickhouse, sql
from storage.tables import writer

_SQL: Final = sql.beside(__name__)

_POLL_S: Final = 0.1

_SYNCHRONOUS: Final = {"mutations_sync": 1}


class Removal(NamedTuple):
    """The removal of the old rows of one partition.

    Attributes:
        project_id: the project whose reports go.
        number: grows with each removal of the project; 0 for a removal that an older release began: it is of
            all partitions, and told from others by its cutoff.
        cutoff: reports whose window starts before this go (ms since the epoch).
        environment: the environment of the partition.
        release: the release of the partition.
        reports: how many reports were counted.
    """

    project_id: int
    number: int
    cutoff: int
    environment: str
    release: str
    reports: int

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters of the statements in ``removals.sql``."""
        return {
            "project": self.project_id,
            "number": self.number,
            "cutoff": self.cutoff,
            "environment": self.environment,
            "release": self.release,
            "name": f"removal {self.project_id}:{self.number}:{self.cutoff};",
        }


def due(server: clickhouse.Connection, project_id: int, cutoff: int) -> bool:
    """Return whether a project has rows below a cutoff."""
    return bool(server.execute(_SQL["any_old"], {"project": project_id, "cutoff": cutoff}))


def unfinished(server: clickhouse.Connection) -> list[Removal]:
    """Return the removals that were begun and not finished, in their order."""
    return [Removal._make(row) for row in server.execute(_SQL["unfinished"])]


def latest(server: clickhouse.Connection, project_id: int) -> int:
    """Return the highest number of a project's removals, 0 before the first."""
    ((number,),) = server.execute(_SQL["latest_number"], {"project": project_id})
    return int(number)


def begin(server: clickhouse.Connection, removal: Removal) -> Removal:
    """Count the rows of a removal, record it as begun, and return it with the count.

    Raises:
        LeaseLostError: another process took the number.
    """
    counted = removal._replace(reports=count(server, removal))
    _record(server, counted, counted.reports, finished=False)
    if counted not in unfinished(server):
        raise errors.LeaseLostError("Another process removes the old reports of this project.")
    return counted


def partitions(server: clickhouse.Connection, removal: Removal) -> list[tuple[str, str]]:
    """Return the partitions, environment and release, in which a removal still has rows."""
    found: list[tuple[str, str]] = server.execute(_SQL["partitions"], removal.parameters)
    return found


def delete(server: clickhouse.Connection, removal: Removal) -> None:
    """Delete the rows of a removal that was begun, unless ClickHouse is at it already.

    Raises:
        ClickHouseUnavailableError: it fails for now, or takes too long; ClickHouse goes on by itself.
    """
    _wait(server, removal)
    if not removal.number or not mutations(server, removal):  # number 0: one mutation a partition
        for environment, release in partitions(server, removal):
            partition = {**removal.parameters, "environment": environment, "release": release}
            server.execute(_SQL["delete_rows"], partition, settings={"mutations_sync": 0})
    _wait(server, removal)


def delete_policies(server: clickhouse.Connection, project_id: int, cutoff: int) -> None:
    """Delete the texts of policies that no report since the cutoff has."""
    parameters = {"project": project_id, "cutoff": cutoff}
    server.execute(_SQL["delete_policies"], parameters, settings=_SYNCHRONOUS)


def finish(server: clickhouse.Connection, removal: Removal) -> None:
    """Record that the rows of a removal are gone."""
    _record(server, removal, 0, finished=True)


def withdraw(server: clickhouse.Connection, removal: Removal) -> None:
    """Record that the rows of a removal stay."""
    _record(server, removal, -removal.reports, finished=True)


def _wait(server: clickhouse.Connection, removal: Removal) -> None:
    """Wait until the mutations of a removal are done.

    Raises:
        ClickHouseUnavailableError: they fail for now, or take too long; they go on by themselves.
    """
    deadline = time.monotonic() + clickhouse.MUTATION_S
    while pending := [reason for done, reason in mutations(server, removal) if not done]:
        reason = next(filter(None, pending), "")
        if reason or time.monotonic() >= deadline:
            raise errors.ClickHouseUnavailableError(f"Old reports are not deleted yet: {reason or 'wait'}.")
        time.sleep(_POLL_S)


def mutations(server: clickhouse.Connection, removal: Removal) -> list[tuple[int, str]]:
    """Return whether each mutation of a removal is done, and why it fails, as far as ClickHouse remembers."""
    found: list[tuple[int, str]] = server.execute(_SQL["mutations"], removal.parameters)
    return found


def count(server: clickhouse.Connection, removal: Removal) -> int:
    """Return how many reports a removal finds now."""
    ((reports,),) = server.execute(_SQL["count_reports"], removal.parameters)
    return int(reports)


def _record(server: clickhouse.Connection, removal: Removal, reports: int, *, finished: bool) -> None:
    """Record a step of a removal; of several processes that record the same step, the first counts."""
    row: dict[str, list[Any]] = {
        "project_id": [removal.project_id],
        "number": [removal.number],
        "cutoff": [removal.cutoff],
        "environment": [removal.environment],
        "release": [removal.release],
        "reports": [reports],
        "finished": [int(finished)],
        "changed_at": [int(time.time() * 1000)],
    }
    name = f"{removal.project_id}:{removal.number or removal.cutoff}"
    writer.insert(server, "removals", row, f"removal:{name}:{int(finished)}")
