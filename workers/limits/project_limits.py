"""The limits of a project, applied to a batch in this order: the cap on new variants, sampling, quotas.

All that a project has in a batch is looked at together, report by report in the order of the stream. What has
to be counted over all batches is asked of an arbiter, which gives a batch the same answers whenever it is
repeated; the rest is pure, so that the same reports get through each time.

Only what would be accepted is limited. A project without limits never comes here.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from storage.limits import limit_decider, quotas
from storage.queue import entry_ids
from workers.failures import failpoints
from workers.limits import sampling
from workers.limits import variants as collapsed
from workers.model import outcomes
from workers.reading import user_agents
from workers.rows import collapse, deliveries, identity, quarantine
from workers.stages import classify, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from storage.projects import project_settings

_MINUTE_S = 60
_BEYOND = {
    limit_decider.Novelty.COARSE: collapsed.to_coarse,
    limit_decider.Novelty.OTHER: collapsed.to_other,
}


class ProjectLimitDecider(quarantine.QuarantineLimitDecider, Protocol):
    """Rules on one batch, see ``storage.limits.limit_decider.LimitDecider``."""

    def check_new(
        self, project_id: int, kind: str, items: Sequence[tuple[int, int]], at_s: int, most: int
    ) -> Mapping[int, limit_decider.Novelty]:
        """Return how new each item is to its project."""

    def share_budget(
        self, project_id: int, settings: project_settings.ProjectSettings, wants: Sequence[limit_decider.Want]
    ) -> Mapping[int, int]:
        """Return how many reports of each minute sampling may keep."""

    def grant(
        self,
        project_id: int,
        settings: project_settings.ProjectSettings,
        wants: Mapping[tuple[int, str], int],
    ) -> Mapping[tuple[int, str], limit_decider.Grant]:
        """Return what the quotas leave of the reports, by second of receipt and public key."""


class PendingPayload(msgspec.Struct, frozen=True, eq=False):
    """A payload whose reports wait for a ruling.

    Attributes:
        context: whose it is.
        user_agent: of the request.
        received: when and how often it was received.
        judged: what is in it.
    """

    context: collapse.RowContext
    user_agent: str
    received: deliveries.Deliveries
    judged: evaluate.Evaluation


class DeliveryGroup(NamedTuple):
    """Deliveries of a payload that fared alike.

    Attributes:
        context: whose the payload is.
        received: the deliveries.
        sightings: the reports that are kept.
        verdicts: how many of all its reports met which verdict.
    """

    context: collapse.RowContext
    received: deliveries.Deliveries
    sightings: list[collapse.Occurrence]
    verdicts: dict[outcomes.OutcomeKey, int]


class _Decision(NamedTuple):
    """What becomes of one report: the finding it is kept as, its weight, and how it is counted."""

    finding: classify.Finding
    agent: user_agents.Agent
    weight: float
    verdict: outcomes.OutcomeKey


class _Report(msgspec.Struct, eq=False):
    """One report of one delivery, while its fate is being decided."""

    claim: int
    delivery: deliveries.Delivery
    finding: classify.Finding
    agent: user_agents.Agent
    key: str
    second: int
    first: bool = False
    weight: float = 1.0
    outcome: str = ""
    reason: str = ""

    @property
    def minute(self) -> int:
        return self.second - self.second % _MINUTE_S

    @property
    def fate(self) -> _Decision:
        verdict = self.finding.verdict
        if self.outcome:
            verdict = outcomes.OutcomeKey(verdict.kind, self.outcome, self.reason)
        return _Decision(self.finding, self.agent, self.weight, verdict)

    def leave_out(self, outcome: outcomes.Outcome, reason: str) -> None:
        self.outcome, self.reason = outcome.value, reason


def apply(
    project_id: int,
    settings: project_settings.ProjectSettings,
    claims: Sequence[PendingPayload],
    arbiter: ProjectLimitDecider,
    seed: str,
) -> Iterator[DeliveryGroup]:
    """Yield what becomes of one project's payloads, in portions.

    Args:
        project_id: the project.
        settings: its settings.
        claims: all that it has in a batch.
        arbiter: for this batch.
        seed: what tells the batch from others, for sampling.

    Raises:
        RecoverableError: the arbiter cannot be reached.
        LeaseLostError: another drainer has the shard.
    """
    reports = list(_in_order(claims))
    if reports:
        _Limiter(project_id, settings, arbiter, f"{project_id}\0{seed}").limit(reports)
    yield from _portions(claims, reports)


class _Limiter:
    """Decides the fates of one project's reports."""

    def __init__(
        self,
        project_id: int,
        settings: project_settings.ProjectSettings,
        arbiter: ProjectLimitDecider,
        seed: str,
    ) -> None:
        self._project_id = project_id
        self._settings = settings
        self._arbiter = arbiter
        self._seed = seed

    def limit(self, reports: Sequence[_Report]) -> None:
        """Apply each limit that is set."""
        if self._settings.new_variants_per_hour:
            self._collapse(reports)
        if self._settings.sampling != "off":
            self._sample(reports)
        if quotas.has_quotas(self._settings):
            self._charge([report for report in reports if not report.outcome])

    def _collapse(self, reports: Sequence[_Report]) -> None:
        """Reduce the reports that are one variant too many."""
        variants: dict[int, list[_Report]] = {}
        for report in reports:
            variants.setdefault(identity.variant_of(report.finding, report.agent), []).append(report)
        sightings = [(variant, identity.coarse_key_of(same[0].finding)) for variant, same in variants.items()]
        most = self._settings.new_variants_per_hour
        novelty = self._arbiter.check_new(self._project_id, "variants", sightings, reports[-1].second, most)
        for variant, same in variants.items():
            reduce = _BEYOND.get(novelty[variant])
            if reduce:
                reduced = reduce(same[0].finding)
                for report in same:
                    report.finding, report.agent = reduced, user_agents.UNKNOWN

    def _sample(self, reports: Sequence[_Report]) -> None:
        """Leave reports out, but never the first sighting of a finding."""
        self._mark_first(reports)
        samplers = {
            minute: sampling.samplers(rates, counts, f"{self._seed}\0{minute}")
            for minute, counts, rates in self._rates(reports)
        }
        for report in reports:
            if not report.first:
                sampler = samplers[report.minute][report.finding.fingerprint]
                if sampler.keeps_next():
                    report.weight = 1 / sampler.rate
                else:
                    report.leave_out(outcomes.Outcome.FILTERED, outcomes.Reason.SAMPLED.value)

    def _mark_first(self, reports: Sequence[_Report]) -> None:
        findings: dict[int, _Report] = {}
        for report in reports:
            findings.setdefault(report.finding.fingerprint, report)
        sightings = [(fingerprint, 0) for fingerprint in findings]
        novelty = self._arbiter.check_new(self._project_id, "findings", sightings, reports[-1].second, 0)
        for fingerprint, report in findings.items():
            report.first = novelty[fingerprint] is limit_decider.Novelty.NEW

    def _rates(self, reports: Sequence[_Report]) -> Iterator[tuple[int, Mapping[int, int], dict[int, float]]]:
        """Yield each minute, its reports by fingerprint, and the shares of them that are kept."""
        minutes: dict[int, list[_Report]] = {}
        for report in reports:
            minutes.setdefault(report.minute, []).append(report)
        counts = {minute: _counted(each) for minute, each in minutes.items()}
        if self._settings.sampling == "fixed":
            for minute, each in counts.items():
                yield minute, each, dict.fromkeys(each, self._settings.sample_rate)
            return
        wants = [_want(minute, each) for minute, each in minutes.items()]
        budgets = self._arbiter.share_budget(self._project_id, self._settings, wants)
        for want in wants:
            minute, each = want.minute_s, counts[want.minute_s]
            yield minute, each, sampling.fitting(each, budgets[minute] - want.forced)

    def _charge(self, reports: Sequence[_Report]) -> None:
        """Leave out what the quotas do not grant; who came first gets through."""
        wants = Counter((report.second, report.key) for report in reports)
        if not wants:
            return
        grants = self._arbiter.grant(self._project_id, self._settings, wants)
        failpoints.hit("after_grant")
        left = {want: grant.reports for want, grant in grants.items() if grant.reason}
        for report in reports:
            want = (report.second, report.key)
            if want in left:
                left[want] -= 1
                if left[want] < 0:
                    report.leave_out(outcomes.Outcome.QUOTA, grants[want].reason)


def _in_order(claims: Sequence[PendingPayload]) -> Iterator[_Report]:
    """Yield every report in the order of the stream."""
    arrived = ((delivery, number) for number, claim in enumerate(claims) for delivery in claim.received.each)
    for delivery, number in sorted(arrived, key=_order):
        claim = claims[number]
        for _, finding in claim.judged.findings:
            agent = user_agents.parse(finding.report.user_agent or claim.user_agent)
            yield _Report(number, delivery, finding, agent, claim.context.account.key, delivery[0] // 1000)


def _order(arrived: tuple[deliveries.Delivery, int]) -> tuple[int, int, int]:
    (_, entry_id, position), _ = arrived
    return *entry_ids.parse(entry_id), position


def _counted(reports: Iterable[_Report]) -> Counter[int]:
    """Return how many reports are to be sampled, by fingerprint."""
    return Counter(report.finding.fingerprint for report in reports if not report.first)


def _want(minute: int, reports: Sequence[_Report]) -> limit_decider.Want:
    return limit_decider.Want(
        minute_s=minute,
        last_s=max(report.second for report in reports),
        forced=sum(report.first for report in reports),
        reports=len(reports),
    )


def _portions(claims: Sequence[PendingPayload], reports: Iterable[_Report]) -> Iterator[DeliveryGroup]:
    """Yield the payloads with the fates of their reports; deliveries that fared alike together."""
    fates: list[dict[deliveries.Delivery, list[_Decision]]] = [
        {delivery: [] for delivery in claim.received.each} for claim in claims
    ]
    for report in reports:
        fates[report.claim][report.delivery].append(report.fate)
    for claim, by_delivery in zip(claims, fates, strict=True):
        alike: dict[tuple[_Decision, ...], list[deliveries.Delivery]] = {}
        for delivery, each in by_delivery.items():
            alike.setdefault(tuple(each), []).append(delivery)
        for shared, received in alike.items():
            yield _portion(claim, shared, received)


def _portion(
    claim: PendingPayload, fates: tuple[_Decision, ...], received: list[deliveries.Delivery]
) -> DeliveryGroup:
    accepted = outcomes.Outcome.ACCEPTED.value
    verdicts = Counter(
        {verdict: count for verdict, count in claim.judged.verdicts.items() if verdict.outcome != accepted}
    )
    verdicts.update(fate.verdict for fate in fates)
    sightings = [
        _sighting(fate, position)
        for (position, _), fate in zip(claim.judged.findings, fates, strict=True)
        if fate.verdict.outcome == accepted
    ]
    return DeliveryGroup(
        claim.context, deliveries.of(claim.received.shard, received), sightings, dict(verdicts)
    )


def _sighting(fate: _Decision, position: int) -> collapse.Occurrence:
    found = fate.finding.report
    return collapse.Occurrence(fate.finding, fate.agent, found.age, position, fate.weight * found.weight)
