"""Noise rules on stored reports: which they would match, and which other labels they would give."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from storage.tables import labels
from workers import noise
from workers.model import report
from workers.noise import index, rules, shipped
from workers.text import urls

if TYPE_CHECKING:
    import datetime as dt

    from storage.projects import project_settings
    from storage.servers import clickhouse


_TOLD: Final = frozenset(
    {
        "schemes",
        "hosts",
        "networks",
        "ports",
        "paths",
        "only",
        "samples",
        "names",
        "directives",
        "nothing_blocked",
        "details",
        "everywhere",
        "truthful",
    }
)
"""Conditions of a rule of which a stored row tells whether they hold; of the last, only where they do."""
_TRUTHFUL: Final = "Firefox"
"""The browser of rows whose user agents have that word; of some that have it, the browser is another one."""


class Example(NamedTuple):
    """Reports that a rule matches, alike to a person."""

    title: str
    blocked: str
    source_file: str
    sample: str
    noise_rule: str


class Trial(msgspec.Struct):
    """What a rule would match. All are counts of reports.

    Attributes:
        reports: all there are.
        matched: those that it matches.
        new: those of them that no rule has labelled.
        examples: how many there are of each.
    """

    reports: int = 0
    matched: int = 0
    new: int = 0
    examples: Counter[Example] = msgspec.field(default_factory=Counter)

    @property
    def share(self) -> float:
        """The share that it matches, 0 to 1."""
        return self.matched / self.reports if self.reports else 0.0


class LabelChange(NamedTuple):
    """The rule that labels reports now, and the one that would; "" for none."""

    before: str
    after: str


def tried(
    server: clickhouse.Connection, project_id: int, rule: rules.Rule, since: dt.datetime, trial: Trial
) -> None:
    """Add what a rule would match of a project's reports, stored since that day."""
    alone = noise.only(rule)
    for day in labels.days(server, project_id, since, rule.details):
        for page in labels.sights(server, day):
            policies = labels.policies(server, project_id, {sight.policy for sight in page})
            for sight in page:
                found = _report(sight, policies.get(sight.policy, ""))
                impossible = bool(sight.impossible)
                matched = noise.label(found, _traits(sight), alone, impossible=impossible).rule != ""
                _count(trial, sight, matched=matched)


def _count(trial: Trial, sight: labels.Sight, *, matched: bool) -> None:
    trial.reports += sight.seen
    if matched:
        trial.matched += sight.seen
        trial.new += 0 if sight.noise_rule else sight.seen
        shown = (sight.title, sight.blocked, sight.source_file, sight.sample, sight.noise_rule)
        trial.examples[Example(*shown)] += sight.seen


class Labels:
    """The labels that a project's rules give to what is stored: none changes while the rules do not.

    A row does not tell everything that rules may ask for: no user agent, no verdict on the policy before it
    was cleaned, and of a collapsed report hardly anything. What such a rule said when the report came stands.

    Args:
        settings: of the project.
    """

    def __init__(self, settings: project_settings.ProjectSettings) -> None:
        self._labels = noise.rules_of(settings).labels
        listed = [rule for rule in noise.listed(settings) if rule.id in self._labels]
        told = [rule for rule in listed if is_told(rule)]
        self._order = {rule.id: position for position, rule in enumerate(listed)}
        self._standing = {rule.id for rule in listed if rule not in told or rule.truthful}
        self._told = noise.NoiseRules((index.Index(told),), self._labels)
        self._truthful = tuple(rule.id for rule in told if _TRUTHFUL.lower() in rule.truthful)
        self.named = tuple(dict.fromkeys(name for rule in told for name in rule.details))

    def of(self, sight: labels.Sight) -> noise.Label:
        """Return the label of what rows say."""
        before = self._labels.get(sight.noise_rule, noise.NONE)
        if sight.collapsed:
            return before
        found = noise.label(_report(sight), self._traits(sight), self._told)
        if before.rule not in self._standing:
            return found
        return before if not found.rule or self._order[before.rule] < self._order[found.rule] else found

    def _traits(self, sight: labels.Sight) -> tuple[str, ...]:
        return self._truthful if sight.browser == _TRUTHFUL else ()


def is_told(rule: rules.Rule) -> bool:
    """Return whether a stored row tells everything that a rule asks for."""
    return rule.conditions().keys() <= _TOLD


def relabelled(
    server: clickhouse.Connection, day: labels.Day, wanted: Labels, *, dry_run: bool
) -> Counter[LabelChange]:
    """Label the reports of a day again, and return how many changed from which rule to which.

    Args:
        server: a connection that waits for ``labels.MUTATION_TIMEOUT_S``.
        day: whose reports; with the details that the labels depend on.
        wanted: by the rules of their project.
        dry_run: whether only to count.
    """
    changes: dict[int, tuple[str, str]] = {}
    counts: Counter[LabelChange] = Counter()
    for page in labels.sights(server, day):
        for sight in page:
            found = wanted.of(sight)
            if (found.noise, found.rule) != (sight.noise, sight.noise_rule):
                changes[sight.key] = (found.noise, found.rule)
                counts[LabelChange(sight.noise_rule, found.rule)] += sight.seen
    if not dry_run:
        labels.relabel(server, day, changes)
    return counts


def _report(sight: labels.Sight, policy: str = "") -> report.Report:
    """Return what rows say as a report: clean already, and without what they do not say."""
    page = _url(sight.document)
    return report.Report(
        kind=sight.kind,
        directive=sight.directive,
        blocked=_url(sight.blocked),
        document=page if page.host else urls.URL("", sight.document_host, ""),
        source_file=_url(sight.source_file),
        sample=sight.sample,
        policy=policy,
        details=dict.fromkeys(sight.details, ""),
    )


def _url(text: str) -> urls.URL:
    """Return a URL of which only the text was stored. It is not cleaned again: what was scrubbed stays so."""
    _, separator, rest = text.partition("://")
    if not separator:
        return urls.URL(text, "", "")
    authority, slash, path = rest.partition("/")
    host, _, port = authority.rpartition(":")
    return urls.URL(text, host if host and port.isdigit() else authority, slash + path)


def _traits(sight: labels.Sight) -> tuple[str, ...]:
    """Return the rules on user agents that a row seems to meet, by its browser and version.

    One that saw the whole of the user agent is believed.
    """
    traits = noise.traits_of(f"{sight.browser}/{sight.browser_version}")
    known = shipped.by_id().get(sight.noise_rule)
    return (*traits, known.id) if known and known.has_agent and known.id not in traits else traits
