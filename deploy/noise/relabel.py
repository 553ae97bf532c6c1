"""Labels stored reports again, by the noise rules as they are now.

Findings tell labels: the months in which labels change are noted before, and counted again afterwards.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from deploy.noise import stored_reports
from storage.findings import due
from storage.tables import labels
from workers import noise
from workers.noise import index, shipped

if TYPE_CHECKING:
    from storage.projects import project_settings
    from storage.servers import clickhouse, leases
    from workers.noise import rules_file


class LabelChange(NamedTuple):
    """The rule that labels reports now, and the one that would; "" for none."""

    before: str
    after: str


class Labels:
    """The labels that a project's rules give to stored reports; no label changes while the rules stay.

    A rule may have a condition that no row tells, see ``stored_reports``. A label that such a rule gave when
    the report came stays.

    Args:
        settings: the settings of the project.
        common: the rules file in force; None for the one that is shipped.
    """

    def __init__(
        self, settings: project_settings.ProjectSettings, common: rules_file.RulesFile | None = None
    ) -> None:
        self._common = common or shipped.file()
        self._labels = noise.rules_of(settings, self._common).labels
        listed = [rule for rule in noise.listed(settings, self._common) if rule.id in self._labels]
        told = [rule for rule in listed if stored_reports.is_told(rule)]
        self._order = {rule.id: position for position, rule in enumerate(listed)}
        self._standing = {rule.id for rule in listed if rule not in told or rule.truthful}
        self._told = noise.NoiseRules((index.Index(told),), self._labels, self._common)
        word = stored_reports.TRUTHFUL_BROWSER.lower()
        self._truthful = tuple(rule.id for rule in told if word in rule.truthful)
        self.version = self._common.version
        self.named = tuple(dict.fromkeys(name for rule in told for name in rule.details))

    def of(self, stored: labels.StoredFinding) -> noise.Label:
        """Return the label of a stored row."""
        before = self._labels.get(stored.noise_rule, noise.NONE)
        if stored.collapsed:
            return before
        matches = self._truthful if stored.browser == stored_reports.TRUTHFUL_BROWSER else ()
        signs = stored_reports.signs_of(stored)
        found = noise.label(stored_reports.report_of(stored), matches, self._told, signs)
        if before.rule not in self._standing:
            return found
        return before if not found.rule or self._order[before.rule] < self._order[found.rule] else found


class Relabelling:
    """One run through stored reports.

    Args:
        server: a connection that waits for ``clickhouse.MUTATION_S``.
        lease: ``leases.STORED_ROWS``; None only to count what would change.
    """

    def __init__(self, server: clickhouse.Connection, lease: leases.ProcessLease | None) -> None:
        self._server = server
        self._lease = lease
        self._notes: dict[tuple[int, int], int] = {}

    def label(self, day: labels.Day, wanted: Labels) -> Counter[LabelChange]:
        """Label the reports of a day again, and return how many changed from which rule to which.

        All rows of the day then tell the version of the rules, also those that keep their label.

        Args:
            day: the day, with the details that the labels depend on.
            wanted: the labels by the rules of the project.

        Raises:
            LeaseLostError: another process changes stored reports by now.
        """
        counts, changes = _changes(self._server, day, wanted)
        if self._lease is not None:
            self._change(day, changes, wanted)
            if labels.stamp(self._server, day, wanted.version):
                more, changes = _changes(self._server, day, wanted)
                self._change(day, changes, wanted)
                counts += more
        return counts

    def _change(self, day: labels.Day, changes: dict[int, tuple[str, str]], wanted: Labels) -> None:
        if changes and self._lease is not None:
            self._lease.require()
            labels.relabel(self._server, day, changes, wanted.version, self._note(day))
            self._lease.require()  # a change whose note is finished takes no effect

    def _note(self, day: labels.Day) -> int:
        """Note that the findings of a day's month are to be counted again, once a month."""
        key = (day.project_id, day.month)
        if key not in self._notes:
            self._notes[key] = due.note(self._server, day.project_id, [day.month])
        return self._notes[key]


def _changes(
    server: clickhouse.Connection, day: labels.Day, wanted: Labels
) -> tuple[Counter[LabelChange], dict[int, tuple[str, str]]]:
    """Return how many reports of a day get another label, and the labels by key."""
    changes: dict[int, tuple[str, str]] = {}
    counts: Counter[LabelChange] = Counter()
    for page in labels.stored_findings(server, day):
        for stored in page:
            found = wanted.of(stored)
            if (found.noise, found.rule) != (stored.noise, stored.noise_rule):
                changes[stored.key] = (found.noise, found.rule)
                counts[LabelChange(stored.noise_rule, found.rule)] += stored.seen
    return counts, changes
