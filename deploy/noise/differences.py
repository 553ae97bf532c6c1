"""The differences between two rules files: in rules, in labels of stored reports, in what settings mean."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from deploy.noise import relabel
from storage.tables import labels
from workers.noise import attackers, project_rules, rules

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from storage.projects import model, project_settings
    from storage.servers import clickhouse
    from workers.noise import rules_file


class RuleChange(NamedTuple):
    """A rule that one file has and the other has not, or that asks for something else.

    Attributes:
        change: ``added``, ``removed`` or ``changed``.
        before: the conditions that it had, by name; of a changed rule those alone that differ.
        after: the conditions that it has now.
    """

    change: str
    rule: str
    noise: str
    before: dict[str, object]
    after: dict[str, object]


class Relabelled(NamedTuple):
    """Stored reports that would get another label, and that look alike to a person."""

    title: str
    blocked_host: str
    before: str
    after: str


class Preview(msgspec.Struct):
    """How the reports of a project would be labelled by other rules. All are counts of reports.

    Attributes:
        project: the name of the project.
        reports: all reports.
        findings: the reports that no rule labels now.
        become_noise: the findings that a rule would label.
        become_findings: the reports that no rule would label any more.
        change_rule: the reports that another rule would label.
        examples: the reports with another label, by what they look like.
    """

    project: str
    reports: int = 0
    findings: int = 0
    become_noise: int = 0
    become_findings: int = 0
    change_rule: int = 0
    examples: Counter[Relabelled] = msgspec.field(default_factory=Counter)

    @property
    def hidden_share(self) -> float:
        """The share of the findings that would become noise, 0 to 1."""
        return self.become_noise / self.findings if self.findings else 0.0

    def add(self, stored: labels.StoredFinding, after: str) -> None:
        """Count the reports of a stored finding that would get this rule as their label."""
        self.reports += stored.seen
        self.findings += stored.seen if not stored.noise_rule else 0
        if after == stored.noise_rule:
            return
        if not stored.noise_rule:
            self.become_noise += stored.seen
        elif not after:
            self.become_findings += stored.seen
        else:
            self.change_rule += stored.seen
        host = stored.blocked.partition("://")[2].partition("/")[0] or stored.blocked
        self.examples[Relabelled(stored.title, host, stored.noise_rule, after)] += stored.seen


def between(before: rules_file.RulesFile, after: rules_file.RulesFile) -> list[RuleChange]:
    """Return the rules that differ: removed ones, then added and changed ones in their order."""
    removed = [
        RuleChange("removed", rule.id, rule.noise, rule.conditions(), {})
        for rule in before.rules
        if rule.id not in after.by_id
    ]
    return [*removed, *_added_or_changed(before, after)]


def _added_or_changed(before: rules_file.RulesFile, after: rules_file.RulesFile) -> Iterator[RuleChange]:
    for rule in after.rules:
        former = before.by_id.get(rule.id)
        now = rule.conditions()
        if former is None:
            yield RuleChange("added", rule.id, rule.noise, {}, now)
            continue
        was = former.conditions()
        names = [name for name in (was | now) if was.get(name) != now.get(name)]
        if names:
            yield RuleChange(
                "changed",
                rule.id,
                rule.noise,
                {name: was[name] for name in names if name in was},
                {name: now[name] for name in names if name in now},
            )


def reordered(before: rules_file.RulesFile, after: rules_file.RulesFile) -> bool:
    """Return whether rules of both files come in another order: the first that matches is the label."""
    was = [rule.id for rule in before.rules if rule.id in after.by_id]
    return was != [rule.id for rule in after.rules if rule.id in before.by_id]


def require_stable(after: rules_file.RulesFile, known: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse a file in which an id means something else than in a file before it.

    Args:
        after: the file.
        known: the classes of rules by their ids, by the versions of the files before it.

    Raises:
        RuleError: a rule has another class, or the id of a rule that was given up.
    """
    for rule in after.rules:
        if rule.id in rules.RETIRED:
            raise attackers.RuleError(
                f"{rule.id} is the id of a rule that was given up: it is not given again."
            )
        for version, classes in known.items():
            former = classes.get(rule.id, rule.noise)
            if former != rule.noise:
                raise attackers.RuleError(
                    f"{rule.id} has the class {rule.noise} in this file and {former} in the version "
                    f"{version}: a rule keeps its class."
                )


def preview(
    server: clickhouse.Connection, project: model.Project, after: rules_file.RulesFile, since: dt.datetime
) -> Preview:
    """Return how the reports of a project since a day would be labelled by another rules file."""
    wanted = relabel.Labels(project.settings, after)
    found = Preview(project.name)
    for day in labels.days(server, project.id, since, wanted.named):
        for page in labels.stored_findings(server, day):
            for stored in page:
                found.add(stored, wanted.of(stored).rule)
    return found


def of_settings(
    name: str,
    settings: project_settings.ProjectSettings,
    before: rules_file.RulesFile,
    after: rules_file.RulesFile,
) -> Iterator[str]:
    """Yield a sentence about each setting of a project that means something else under another rules file."""
    for setting in ("noise_off", "noise_drop"):
        for rule in getattr(settings, setting):
            if rule in before.by_id and rule not in after.by_id:
                yield f"{setting} of {name} names {rule}, which these rules do not have: it does nothing."
    for line in settings.noise_rules:
        rule = _id_of(line)
        if rule in after.by_id and rule not in before.by_id:
            yield f"The rule {rule} of {name} has the id of a new rule, and counts no more: rename it."
    added = {rule.noise for rule in after.rules if rule.id not in before.by_id}
    for noise in sorted(added.intersection(settings.noise_drop)):
        yield f"{name} drops the class {noise}: reports that its new rules match are counted, and not stored."


def _id_of(line: str) -> str:
    try:
        return project_rules.parse(line).id
    except project_rules.RuleError:
        return ""
