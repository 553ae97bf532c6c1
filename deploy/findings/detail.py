"""One finding whole: what, where, who, since which release, under which policies, and an example."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.findings import listing, selection
from storage.servers import sql

if TYPE_CHECKING:
    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)
_DIGITS: Final = 16
_DECIMALS: Final = frozenset("0123456789")
_SHOWN: Final = 10
"""Documents, policies and releases that are told; findings that an id may mean."""


class DayTotal(msgspec.Struct, frozen=True):
    """A day of a finding: its reports, and about how many people it met."""

    day: dt.date
    total: int
    reach: int | None


class FindingRelease(msgspec.Struct, frozen=True):
    """A release that has a finding; ``brought``: none of its environment had it earlier."""

    environment: str
    release: str
    total: int
    first_seen: dt.datetime
    last_seen: dt.datetime
    brought: bool


class FindingLabel(msgspec.Struct, frozen=True):
    """How many reports of a finding have this label."""

    noise: str
    noise_rule: str
    impossible: int
    total: int


class FindingDocument(msgspec.Struct, frozen=True):
    """A page on which a finding was met; its bars are those of the finding."""

    document: str
    total: int
    last_seen: dt.datetime
    bars: list[int | None]


class FindingPolicy(msgspec.Struct, frozen=True):
    """A policy by which the finding was reported."""

    policy: int
    disposition: str
    total: int
    first_seen: dt.datetime
    last_seen: dt.datetime
    text: str


class FindingExample(msgspec.Struct, frozen=True):
    """The latest report of a finding."""

    seen_at: dt.datetime
    environment: str
    release: str
    document: str
    referrer_host: str
    blocked: str
    source_file: str
    line: int
    column: int
    sample: str
    hostname: str
    port: int
    browser: str
    browser_version: str
    os: str
    status_code: int
    details: dict[str, str]
    raw: str
    window_start: dt.datetime
    identity: int


class WholeFinding(msgspec.Struct, frozen=True):
    """Everything about a finding.

    Args:
        finding: the finding, over the whole period.
        reach_at_most: the reaches of all its days added up; None where nothing is known.
        days: its days.
        new_in: environments and releases that brought it, where an earlier release tells that it is new.
        since: where the period of bars, documents, systems, policies and example begins.
        systems: reports by operating system.
    """

    finding: listing.ListedFinding
    reach_at_most: int | None
    days: list[DayTotal]
    releases: list[FindingRelease]
    new_in: list[tuple[str, str, int]]
    labels: list[FindingLabel]
    since: dt.datetime
    bars: list[int | None]
    documents: list[FindingDocument]
    systems: dict[str, int]
    policies: list[FindingPolicy]
    example: FindingExample | None


def identify(server: clickhouse.Connection, project: selection.ProjectName, text: str) -> int:
    """Return the fingerprint that somebody means: its beginning in hexadecimal or decimal is enough.

    Raises:
        SelectError: no finding has it, or several have.
    """
    given = text.lower().removeprefix("0x")
    if not given or len(given) > 20 or not set(given) <= {*_DECIMALS, *"abcdef"}:  # noqa: PLR2004 - of 64 bits
        raise selection.SelectError(f"{text!r} is no id of a finding: headrace findings shows them")
    decimal = given if set(given) <= _DECIMALS and given == text else ""
    low, high = _range(given)
    values = {"project_id": project.id, "low": low, "high": high, "decimal": decimal, "limit": _SHOWN + 1}
    found = server.execute(_SQL["identify"], values)
    exact = [row for row in found if given in {f"{row[0]:016x}", str(row[0])}]
    match exact or found:
        case [(fingerprint, _)]:
            return int(fingerprint)
        case []:
            raise selection.SelectError(f"Project {project.name} has no finding {text}")
    listed = ", ".join(f"{fingerprint:016x}" for fingerprint, _ in found[:_SHOWN])
    more = " and more" if len(found) > _SHOWN else ""
    raise selection.SelectError(f"Several findings begin with {text}: {listed}{more}")


def last_seen(server: clickhouse.Connection, ever: selection.ChosenReports) -> dt.datetime:
    """Return when a finding was reported last; the beginning of the period where it never was."""
    ((last,),) = _read(server, "last_seen", ever)
    latest: dt.datetime = max(last, ever.period.since)
    return latest


def whole(
    server: clickhouse.Connection, ever: selection.ChosenReports, recent: selection.ChosenReports
) -> WholeFinding:
    """Return everything about a finding.

    Args:
        server: a connection of somebody who may read.
        ever: the finding, and the period over which it is counted.
        recent: the same finding, in the period for which its reports are read.

    Raises:
        SelectError: the filters leave nothing of it.
    """
    found = listing.listed(server, ever, order=listing.Order.TOTAL, limit=1).findings
    if not found:
        raise selection.SelectError("No report of this finding is among those selected")
    known = listing.known_bars(server, recent)
    days = [DayTotal(*row) for row in _read(server, "days", ever)]
    bars = recent.period.bars
    return WholeFinding(
        found[0],
        min(sum(day.reach or 0 for day in days), max(found[0].total, math.ceil(found[0].weight))) or None,
        days,
        [FindingRelease(*row) for row in _read(server, "releases", ever)],
        [tuple(row) for row in _read(server, "new_in", ever)],
        [FindingLabel(*row) for row in _read(server, "labels", ever)],
        recent.period.since,
        listing.bars_of(dict(_read(server, "bars", recent)), known, bars),
        [
            FindingDocument(*[*row[:-1], listing.bars_of(dict(row[-1]), known, bars)])
            for row in _read(server, "documents", recent)
        ],
        dict(_read(server, "systems", recent)),
        [FindingPolicy(*row) for row in _read(server, "policies", recent)],
        next((FindingExample(*row) for row in _read(server, "example", recent)), None),
    )


def _range(given: str) -> tuple[int, int]:
    """Return the least and the greatest fingerprint that begin so in hexadecimal, if any can."""
    if len(given) > _DIGITS:
        return 1, 0
    return int(given.ljust(_DIGITS, "0"), 16), int(given.ljust(_DIGITS, "f"), 16)


def _read(server: clickhouse.Connection, name: str, chosen: selection.ChosenReports) -> list[tuple[Any, ...]]:
    statement = _SQL[name].format(source=chosen.source, conditions=chosen.conditions)
    rows: list[tuple[Any, ...]] = server.execute(statement, {**chosen.parameters, "limit": _SHOWN})
    return rows
