"""Findings of a selection, the greatest first, each with the bars of its period."""

from __future__ import annotations

import datetime as dt
import enum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.findings import selection
from storage.servers import sql

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)
_EVERYTHING: Final = selection.Filters(noise=True)

_FINDINGS: Final = 4_000
"""Findings in one query, which may have 256 KiB."""

SHORT: Final = 8
"""Digits of an id that tables show."""


class Order(enum.StrEnum):
    """The order of findings: how often, how many people, the latest, or the newest."""

    TOTAL = "total"
    REACH = "reach"
    LAST = "last"
    FIRST = "first"


class ListedFinding(msgspec.Struct, frozen=True):
    """A finding of a selection.

    Args:
        fingerprint: the finding.
        reach: about how many people met it on its greatest day; None where nothing is known.
        labels: classes of noise, ``impossible``, or empty texts for what is neither.
        bars: reports in each bar of the period; None where the whole project had none.
    """

    fingerprint: int
    kind: str
    title: str
    directive: str
    blocked: str
    blocked_host: str
    total: int
    weight: float
    reach: int | None
    first_seen: dt.datetime
    last_seen: dt.datetime
    releases: list[str]
    environments: list[str]
    dispositions: dict[str, int]
    browsers: dict[str, int]
    labels: list[str]
    bars: list[int | None]

    @property
    def id(self) -> str:
        """Its id as people write it: the fingerprint in hexadecimal."""
        return f"{self.fingerprint:016x}"

    @property
    def what(self) -> str:
        """The directive; of every kind but CSP the kind before it."""
        return self.directive if self.kind == "csp" else f"{self.kind} {self.directive}".rstrip()


class Listing(msgspec.Struct, frozen=True):
    """The findings of a selection.

    Args:
        findings: the greatest ones.
        of: how many there are in all.
        reports: how many reports they all have.
        everything: how many reports the project has in the period, whether selected or not.
        bars: reports of all of them in each bar; None where the whole project had none.
    """

    findings: list[ListedFinding]
    of: int
    reports: int
    everything: int
    bars: list[int | None]


def listed(
    server: clickhouse.Connection, chosen: selection.ChosenReports, *, order: Order, limit: int
) -> Listing:
    """Return the findings of a selection.

    Args:
        server: a connection of somebody who may read.
        chosen: which reports count.
        order: what comes first.
        limit: the most findings that are returned.
    """
    known = known_bars(server, chosen)
    bars = dict(_read(server, "reports", chosen))
    ((number,),) = _read(server, "findings", chosen)
    ranked = [fingerprint for (fingerprint,) in _read(server, f"by_{order}", chosen, limit=limit)]
    rows = {row[0]: row for row in _everything_of(server, chosen, ranked)}
    found = [rows[fingerprint] for fingerprint in ranked if fingerprint in rows]
    findings = [
        ListedFinding(*[*row[:-1], bars_of(dict(row[-1]), known, chosen.period.bars)]) for row in found
    ]
    totals = bars_of(bars, known, chosen.period.bars)
    return Listing(findings, number, sum(bars.values()), sum(known.values()), totals)


def known_bars(server: clickhouse.Connection, chosen: selection.ChosenReports) -> dict[int, int]:
    """Return the reports of the project, noise included, by how many bars ago they were, where it has any."""
    everything = msgspec.structs.replace(chosen, filters=_EVERYTHING, fingerprint=None)
    return dict(_read(server, "reports", everything))


def _everything_of(
    server: clickhouse.Connection, chosen: selection.ChosenReports, fingerprints: Sequence[int]
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of these findings, read in as many queries as their number asks for."""
    for start in range(0, len(fingerprints), _FINDINGS):
        some = tuple(fingerprints[start : start + _FINDINGS])
        yield from _read(server, "listed", chosen, fingerprints=some)


def _read(
    server: clickhouse.Connection, name: str, chosen: selection.ChosenReports, **values: object
) -> list[tuple[Any, ...]]:
    statement = _SQL[name].format(source=chosen.source)
    rows: list[tuple[Any, ...]] = server.execute(statement, {**chosen.parameters, **values})
    return rows


def bars_of(counts: Mapping[int, int], known: Container[int], bars: int) -> list[int | None]:
    """Return the counts from the oldest bar to the newest, by how many bars ago each was."""
    return [counts.get(ago, 0) if ago in known else None for ago in reversed(range(bars))]


def details(finding: ListedFinding, starts: list[dt.datetime]) -> dict[str, Any]:
    """Return everything about a finding for programs, with the bars that begin at these times."""
    told = {name: getattr(finding, name) for name in finding.__struct_fields__ if name != "bars"}
    bars = [{"from": start, "total": total} for start, total in zip(starts, finding.bars, strict=False)]
    return {"id": finding.id, **told, "bars": bars}
