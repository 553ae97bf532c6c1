"""The limits of a project, applied to a batch in this order: the cap on new variants, sampling, quotas.

All that a project has in a batch is looked at together, report by report in the order of the stream. A limit
decider counts over all batches, and gives a batch the same decisions whenever it is repeated; the rest is
pure, so that the same reports get through each time.

Only what would be accepted is limited. A project without limits never comes here.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

from storage.limits import decisions, quotas
from workers.failures import failpoints
from workers.limits import pending, sampling, variants
from workers.model import outcomes
from workers.reading import user_agents
from workers.rows import identity, quarantine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from storage.projects import project_settings

_REDUCTIONS: Final = {
    decisions.Novelty.COARSE: variants.to_coarse,
    decisions.Novelty.OTHER: variants.to_other,
}
"""Reductions of a variant beyond the cap, by its novelty."""


class ProjectLimitDecider(quarantine.QuarantineLimitDecider, Protocol):
    """Makes the limit decisions on one batch, see ``storage.limits.limit_decider.LimitDecider``."""

    def check_new(
        self, project_id: int, kind: str, items: Sequence[tuple[int, int]], at_s: int, most: int
    ) -> Mapping[int, decisions.Novelty]:
        """Return how new each item is to its project."""

    def find_sketches(
        self, project_id: int, findings: Sequence[decisions.FindingDay], at_s: int
    ) -> Mapping[decisions.FindingDay, int]:
        """Return of which senders reports of each finding were accepted before."""

    def share_budget(
        self, project_id: int, settings: project_settings.ProjectSettings, wants: Sequence[decisions.Want]
    ) -> Mapping[int, int]:
        """Return how many reports of each minute sampling may keep."""

    def grant(
        self,
        project_id: int,
        settings: project_settings.ProjectSettings,
        wants: Mapping[tuple[int, str], int],
    ) -> Mapping[tuple[int, str], decisions.Grant]:
        """Return what the quotas leave of the reports, by second of receipt and public key."""


def apply(
    project_id: int,
    settings: project_settings.ProjectSettings,
    payloads: Sequence[pending.PendingPayload],
    decider: ProjectLimitDecider,
    seed: str,
) -> Iterator[pending.DeliveryGroup]:
    """Yield what becomes of one project's payloads.

    Args:
        project_id: the project.
        settings: the project's settings.
        payloads: all payloads of the project in a batch.
        decider: makes the limit decisions on the batch.
        seed: a text that tells the batch from others, for sampling.

    Raises:
        RecoverableError: the decider cannot be reached.
        LeaseLostError: another drainer has the stream.
    """
    reports = list(pending.in_order(payloads))
    if reports:
        _Limiter(project_id, settings, decider, f"{project_id}\0{seed}").limit(reports)
    yield from pending.delivery_groups(payloads, reports)


class _Limiter:
    """Decides what becomes of one project's reports."""

    def __init__(
        self,
        project_id: int,
        settings: project_settings.ProjectSettings,
        decider: ProjectLimitDecider,
        seed: str,
    ) -> None:
        self._project_id = project_id
        self._settings = settings
        self._decider = decider
        self._seed = seed

    def limit(self, reports: Sequence[pending.PendingReport]) -> None:
        """Apply each limit that is set."""
        if self._settings.new_variants_per_hour:
            self._cap_variants(reports)
        if self._settings.sampling != "off":
            self._sample(reports)
        if quotas.has_quotas(self._settings):
            self._charge([report for report in reports if not report.outcome])

    def _cap_variants(self, reports: Sequence[pending.PendingReport]) -> None:
        """Reduce the reports whose variant is one too many."""
        found: dict[int, list[pending.PendingReport]] = {}
        for report in reports:
            found.setdefault(identity.variant_of(report.finding, report.agent), []).append(report)
        items = [(variant, identity.coarse_key_of(same[0].finding)) for variant, same in found.items()]
        most = self._settings.new_variants_per_hour
        novelties = self._decider.check_new(self._project_id, "variants", items, reports[-1].second, most)
        for variant, same in found.items():
            reduce = _REDUCTIONS.get(novelties[variant])
            if reduce:
                reduced = reduce(same[0].finding)
                for report in same:
                    report.finding, report.agent = reduced, user_agents.UNKNOWN

    def _sample(self, reports: Sequence[pending.PendingReport]) -> None:
        """Leave reports out, but never the first one of a finding, and never one by which its sketch grows.

        So sampling leaves out no sender: those of the reports that it leaves out are in the sketch already.
        """
        self._force_first(reports)
        self._force_senders([report for report in reports if report.sketch])
        samplers = {
            minute: sampling.samplers(rates, counts, f"{self._seed}\0{minute}")
            for minute, counts, rates in self._rates(reports)
        }
        for report in reports:
            if not report.forced:
                sampler = samplers[report.minute][report.finding.fingerprint]
                if sampler.keeps_next():
                    report.weight = 1 / sampler.rate
                else:
                    report.leave_out(outcomes.Outcome.FILTERED, outcomes.Reason.SAMPLED.value)

    def _force_first(self, reports: Sequence[pending.PendingReport]) -> None:
        findings: dict[int, pending.PendingReport] = {}
        for report in reports:
            findings.setdefault(report.finding.fingerprint, report)
        items = [(fingerprint, 0) for fingerprint in findings]
        novelties = self._decider.check_new(self._project_id, "findings", items, reports[-1].second, 0)
        for fingerprint, report in findings.items():
            report.forced = novelties[fingerprint] is decisions.Novelty.NEW

    def _force_senders(self, reports: Sequence[pending.PendingReport]) -> None:
        """Keep the reports by which the sketch of their finding grows, at most one for each of its bits."""
        window_ms = self._settings.dedupe_window * 1000
        findings = [report.finding_day(window_ms) for report in reports]
        if not findings:
            return
        asked = list(dict.fromkeys(findings))
        sketches = dict(self._decider.find_sketches(self._project_id, asked, reports[-1].second))
        for report, finding in zip(reports, findings, strict=True):
            if report.sketch & ~sketches[finding]:
                report.forced = True
                sketches[finding] |= report.sketch

    def _rates(
        self, reports: Sequence[pending.PendingReport]
    ) -> Iterator[tuple[int, Mapping[int, int], dict[int, float]]]:
        """Yield each minute, its reports by fingerprint, and the shares of them that are kept."""
        minutes: dict[int, list[pending.PendingReport]] = {}
        for report in reports:
            minutes.setdefault(report.minute, []).append(report)
        counts = {minute: _counted(each) for minute, each in minutes.items()}
        if self._settings.sampling == "fixed":
            for minute, each in counts.items():
                yield minute, each, dict.fromkeys(each, self._settings.sample_rate)
            return
        wants = [_want(minute, each) for minute, each in minutes.items()]
        budgets = self._decider.share_budget(self._project_id, self._settings, wants)
        for want in wants:
            minute, each = want.minute_s, counts[want.minute_s]
            yield minute, each, sampling.fitting(each, budgets[minute] - want.forced)

    def _charge(self, reports: Sequence[pending.PendingReport]) -> None:
        """Leave out what the quotas do not grant; the reports that came first get through."""
        wants = Counter((report.second, report.key) for report in reports)
        if not wants:
            return
        grants = self._decider.grant(self._project_id, self._settings, wants)
        failpoints.hit("after_grant")
        left = {want: grant.reports for want, grant in grants.items() if grant.reason}
        for report in reports:
            want = (report.second, report.key)
            if want in left:
                left[want] -= 1
                if left[want] < 0:
                    report.leave_out(outcomes.Outcome.QUOTA, grants[want].reason)


def _counted(reports: Iterable[pending.PendingReport]) -> Counter[int]:
    """Return how many reports are to be sampled, by fingerprint."""
    return Counter(report.finding.fingerprint for report in reports if not report.forced)


def _want(minute: int, reports: Sequence[pending.PendingReport]) -> decisions.Want:
    return decisions.Want(
        minute_s=minute,
        last_s=max(report.second for report in reports),
        forced=sum(report.forced for report in reports),
        reports=len(reports),
    )
