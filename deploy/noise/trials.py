"""Tries a noise rule on stored reports: counts the reports that the rule would match, and shows some."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from deploy.noise import stored_reports
from storage.tables import labels
from workers import noise

if TYPE_CHECKING:
    import datetime as dt

    from storage.servers import clickhouse
    from workers.noise import rules, rules_file


class Example(NamedTuple):
    """Reports that a rule matches, and that look alike to a person."""

    title: str
    blocked: str
    source_file: str
    sample: str
    noise_rule: str


class Trial(msgspec.Struct):
    """The reports that a rule would match. All are counts of reports.

    Attributes:
        reports: all reports.
        matched: the reports that the rule matches.
        new: the matched reports that no rule has labelled.
        examples: the matched, by what they look like.
    """

    reports: int = 0
    matched: int = 0
    new: int = 0
    examples: Counter[Example] = msgspec.field(default_factory=Counter)

    @property
    def share(self) -> float:
        """The share of all reports that the rule matches, 0 to 1."""
        return self.matched / self.reports if self.reports else 0.0


def add(  # noqa: PLR0913 - where to look, and for what
    trial: Trial,
    server: clickhouse.Connection,
    project_id: int,
    *,
    rule: rules.Rule,
    since: dt.datetime,
    common: rules_file.RulesFile,
) -> None:
    """Count the reports of a project that a rule would match, of those since a day.

    Args:
        trial: the counts so far.
        server: a connection.
        project_id: the project.
        rule: the rule.
        since: the day.
        common: the rules file in force.
    """
    alone = noise.only(rule)
    for day in labels.days(server, project_id, since, rule.details):
        for page in labels.stored_findings(server, day):
            policies = labels.policies(server, project_id, {stored.policy for stored in page})
            for stored in page:
                found = stored_reports.report_of(stored, policies.get(stored.policy, ""))
                matches = stored_reports.agent_matches(stored, common)
                label = noise.label(found, matches, alone, impossible=bool(stored.impossible))
                _count(trial, stored, matched=label.rule != "")


def _count(trial: Trial, stored: labels.StoredFinding, *, matched: bool) -> None:
    trial.reports += stored.seen
    if matched:
        trial.matched += stored.seen
        trial.new += 0 if stored.noise_rule else stored.seen
        shown = (stored.title, stored.blocked, stored.source_file, stored.sample, stored.noise_rule)
        trial.examples[Example(*shown)] += stored.seen
