"""The collapse stage: equal reports within a project's dedupe window become one row with their count."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import msgspec

from storage.limits import decisions
from storage.queue import reach
from workers import impossible
from workers.model import columns, outcomes
from workers.reading import user_agents
from workers.rows import contexts, identity
from workers.stages import classify

if TYPE_CHECKING:
    from collections.abc import Collection

    from workers.rows import deliveries

DAY_MS: Final = 86_400_000


class Occurrence(msgspec.Struct, frozen=True, gc=False):
    """One report in a payload.

    Attributes:
        finding: what it says.
        agent: the browser that it is about.
        age: milliseconds from the event to the upload.
        position: index of the report in the payload.
        weight: for how many reports this one stands.
    """

    finding: classify.Finding
    agent: user_agents.Agent
    age: int
    position: int
    weight: float = 1.0


class ReportRow(msgspec.Struct, eq=False, gc=False):
    """A row of the table ``reports`` while its reports are being counted. Times are in milliseconds.

    ``reach`` is the sketch of the senders. ``absent`` is how many reports the row stands for beside those
    that it counts. ``noise_version`` is the version of the rules that labelled it. ``archived`` says
    that it is of an archived release. ``raw`` is made last, see ``Collapser.render``.
    """

    account: outcomes.Account
    details: dict[str, str]
    finding: classify.Finding
    agent: user_agents.Agent
    identity: int
    window_start: int
    first_seen: int
    last_seen: int
    seen: int
    reach: int = reach.UNKNOWN
    absent: float = 0.0
    noise_version: str = ""
    archived: bool = False
    raw: str = ""


class Collapser:
    """Collects the rows of one batch."""

    def __init__(self) -> None:
        self._rows: list[ReportRow] = []
        self._rendered = 0
        self._distinct: dict[tuple[int, str, str, int, int], ReportRow] = {}

    def add(
        self, context: contexts.RowContext, received: deliveries.Deliveries, occurrence: Occurrence
    ) -> None:
        """Count a report once for each time its payload was received."""
        if context.window_ms:
            self._count(context, received, occurrence)
        else:
            self._keep_each(context, received, occurrence)

    def render(self) -> None:
        """Make the texts of the rows that were added since the last time. Each holds its item until then."""
        for row in self._rows[self._rendered :]:
            row.raw = row.finding.raw
        self._rendered = len(self._rows)

    def reports(self) -> columns.Columns:
        """Return all rows of reports, rendered."""
        self.render()
        return _reports(self._rows)

    def parted(self, reports: columns.Columns) -> tuple[columns.Columns, columns.Columns]:
        """Return the rows of ``reports_live`` and those of ``reports_archive``, out of all rows."""
        archived = [row.archived for row in self._rows]
        if not any(archived):
            return reports, {**columns.emptied(reports), "move": []}
        live = [not row for row in archived]
        moved = {name: list(itertools.compress(values, archived)) for name, values in reports.items()}
        return (
            {name: list(itertools.compress(values, live)) for name, values in reports.items()},
            {**moved, "move": [0] * sum(archived)},
        )

    def sketches(self, projects: Collection[int]) -> dict[int, dict[decisions.FindingDay, int]]:
        """Return the sketches of the rows of some projects, by project and finding."""
        found: dict[int, dict[decisions.FindingDay, int]] = {}
        for row in self._rows if projects else ():
            if row.reach and row.account.project_id in projects:
                sketches = found.setdefault(row.account.project_id, {})
                finding = decisions.FindingDay(row.finding.fingerprint, row.window_start // DAY_MS)
                sketches[finding] = sketches.get(finding, reach.UNKNOWN) | row.reach
        return found

    def policies(self) -> columns.Columns:
        """Return the rows of the table ``policies``: each distinct policy of a project once."""
        found: dict[tuple[int, int], list[ReportRow]] = {}
        for row in self._rows:
            if row.finding.policy:
                key = (row.account.project_id, row.finding.policy)
                found.setdefault(key, []).append(row)
        return {
            "project_id": [project_id for project_id, _ in found],
            "hash": [policy for _, policy in found],
            "text": [rows[0].finding.report.policy for rows in found.values()],
            "first_seen": [min(row.first_seen for row in rows) for rows in found.values()],
            "last_seen": [max(row.last_seen for row in rows) for rows in found.values()],
        }

    def _count(
        self, context: contexts.RowContext, received: deliveries.Deliveries, occurrence: Occurrence
    ) -> None:
        age, window, absent = occurrence.age, context.window_ms, occurrence.weight - 1
        sketches = received.sketches_by_time
        row, latest = None, 0
        for received_ms, times in received.counts_by_time.items():
            occurred = received_ms - age if received_ms > age else 0
            start = occurred - occurred % window
            if row is None or start != latest:
                row, latest = self._row(context, occurrence, start, occurred), start
            row.seen += times
            if sketches:
                row.reach |= sketches.get(received_ms, reach.UNKNOWN)
            if absent:
                row.absent += times * absent
            if occurred < row.first_seen:
                row.first_seen = occurred
            elif occurred > row.last_seen:
                row.last_seen = occurred

    def _row(
        self, context: contexts.RowContext, occurrence: Occurrence, start: int, occurred: int
    ) -> ReportRow:
        finding, agent = occurrence.finding, occurrence.agent
        shared = identity.identity_of(finding, agent, context.details, context.noise_version)
        account = context.account
        key = (account.project_id, account.environment, account.release, start, shared)
        row = self._distinct.get(key)
        if row is None:
            row = self._distinct[key] = ReportRow(
                account, context.details, finding, agent, shared, start, occurred, occurred, 0
            )
            row.noise_version, row.archived = context.noise_version, context.archived
            self._rows.append(row)
        return row

    def _keep_each(
        self, context: contexts.RowContext, received: deliveries.Deliveries, occurrence: Occurrence
    ) -> None:
        finding, agent, age = occurrence.finding, occurrence.agent, occurrence.age
        account, details = context.account, context.details
        shared = identity.identity_of(finding, agent, context.details, context.noise_version)
        for received_ms, receipt, slot in received.receipts():
            at = max(received_ms - age, 0)
            own = identity.single_identity_of(shared, receipt, occurrence.position)
            row = ReportRow(account, details, finding, agent, own, at, at, at, 1, reach.sketch_of(slot))
            row.noise_version, row.archived = context.noise_version, context.archived
            row.absent = occurrence.weight - 1
            self._rows.append(row)


def _reports(rows: list[ReportRow]) -> columns.Columns:
    return {**_counts(rows), **_content(rows), **_surroundings(rows)}


def _counts(rows: list[ReportRow]) -> columns.Columns:
    """Return the columns that say which row this is, and how many reports it stands for."""
    return {
        "project_id": [row.account.project_id for row in rows],
        "environment": [row.account.environment for row in rows],
        "release": [row.account.release for row in rows],
        "kind": [row.finding.report.kind for row in rows],
        "disposition": [row.finding.report.disposition for row in rows],
        "window_start": [row.window_start for row in rows],
        "first_seen": [row.first_seen for row in rows],
        "last_seen": [row.last_seen for row in rows],
        "seen": [row.seen for row in rows],
        "weight": [row.seen + row.absent for row in rows],
        "reach": [row.reach for row in rows],
        "fingerprint": [row.finding.fingerprint for row in rows],
        "identity": [row.identity for row in rows],
    }


def _content(rows: list[ReportRow]) -> columns.Columns:
    """Return the columns that say what was reported."""
    reports = [row.finding.report for row in rows]
    return {
        "title": [row.finding.title for row in rows],
        "directive": [report.directive for report in reports],
        "blocked": [report.blocked.text for report in reports],
        "blocked_host": [report.blocked.host for report in reports],
        "document": [report.document.text for report in reports],
        "document_host": [report.document.host for report in reports],
        "referrer_host": [report.referrer_host for report in reports],
        "source_file": [report.source_file.text for report in reports],
        "line": [report.line for report in reports],
        "column": [report.column for report in reports],
        "sample": [report.sample for report in reports],
        "hostname": [report.hostname for report in reports],
        "port": [report.port for report in reports],
        "policy": [row.finding.policy for row in rows],
    }


def _surroundings(rows: list[ReportRow]) -> columns.Columns:
    """Return the columns that say how the report came about, and what else it carried."""
    contradictions = [row.finding.contradiction for row in rows]
    return {
        "browser": [row.agent.browser for row in rows],
        "browser_version": [row.agent.version for row in rows],
        "os": [row.agent.os for row in rows],
        "status_code": [row.finding.report.status_code for row in rows],
        "noise": [row.finding.label.noise for row in rows],
        "noise_rule": [row.finding.label.rule for row in rows],
        "noise_version": [row.noise_version for row in rows],
        "impossible": [int(found is impossible.Contradiction.IMPOSSIBLE) for found in contradictions],
        "allowed": [int(found is not impossible.Contradiction.NONE) for found in contradictions],
        "details": [_details(row) for row in rows],
        "raw": [row.raw for row in rows],
    }


def _details(row: ReportRow) -> dict[str, str]:
    report = row.finding.report
    return {**report.details, **report.moments, **row.details}
