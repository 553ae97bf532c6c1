"""Noise rules on stored reports: which they would match, and which other labels they would give."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from storage import labels
from workers import noise, report, urls
from workers.noise import rules

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from storage import clickhouse


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


class Change(NamedTuple):
    """The rule that labels reports now, and the one that would; "" for none."""

    before: str
    after: str


def tried(
    server: clickhouse.Connection, project_id: int, rule: rules.Rule, since: dt.datetime, trial: Trial
) -> None:
    """Add what a rule would match of a project's reports, stored since that day."""
    alone = noise.only(rule)
    for day in labels.days(server, project_id, since):
        for sight, found in _labelled(server, day, alone):
            trial.reports += sight.seen
            if found.rule:
                trial.matched += sight.seen
                trial.new += 0 if sight.noise_rule else sight.seen
                shown = (sight.title, sight.blocked, sight.source_file, sight.sample, sight.noise_rule)
                trial.examples[Example(*shown)] += sight.seen


def relabelled(
    server: clickhouse.Connection, day: labels.Day, wanted: noise.Rules, *, dry_run: bool
) -> Counter[Change]:
    """Label the reports of a day again, and return how many changed from which rule to which.

    Args:
        server: a connection that waits for ``labels.MUTATION_TIMEOUT_S``.
        day: whose reports.
        wanted: the rules of their project.
        dry_run: whether only to count.
    """
    changes: dict[int, tuple[str, str]] = {}
    counts: Counter[Change] = Counter()
    for sight, found in _labelled(server, day, wanted):
        if (found.noise, found.rule) != (sight.noise, sight.noise_rule):
            changes[sight.key] = (found.noise, found.rule)
            counts[Change(sight.noise_rule, found.rule)] += sight.seen
    if not dry_run:
        labels.relabel(server, day, changes)
    return counts


def _labelled(
    server: clickhouse.Connection, day: labels.Day, wanted: noise.Rules
) -> Iterator[tuple[labels.Sight, noise.Label]]:
    """Yield what is stored of a day with the label that the rules give it."""
    for page in labels.sights(server, day):
        policies = labels.policies(server, day.project_id, {sight.policy for sight in page})
        for sight in page:
            found = _report(sight, policies.get(sight.policy, ""))
            yield sight, noise.label(found, _traits(sight), wanted, impossible=bool(sight.impossible))


def _report(sight: labels.Sight, policy: str) -> report.Report:
    return report.Report(
        kind=sight.kind,
        directive=sight.directive,
        blocked=_url(sight.blocked),
        document=urls.URL("", sight.document_host, ""),
        source_file=_url(sight.source_file),
        sample=sight.sample,
        policy=policy,
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
    """Return the rules on user agents that a row meets: the user agent itself was not stored.

    Its browser and version tell most; a rule that saw the whole of it keeps its label.
    """
    traits = noise.traits_of(f"{sight.browser}/{sight.browser_version}")
    known = rules.by_id().get(sight.noise_rule)
    return (*traits, known.id) if known and known.has_agent and known.id not in traits else traits
