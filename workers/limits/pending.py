"""Reports that wait for limit decisions: out of their payloads in the order of the stream, and back again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from storage.limits import decisions
from storage.queue import entry_ids, reach
from workers.model import outcomes
from workers.reading import user_agents
from workers.rows import collapse, contexts, deliveries
from workers.stages import classify, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MINUTE_S: Final = 60
_ACCEPTED: Final = outcomes.Outcome.ACCEPTED.value


class PendingPayload(msgspec.Struct, frozen=True, eq=False):
    """A payload whose reports wait for a limit decision.

    Attributes:
        context: what the rows of the payload have in common.
        user_agent: the user agent of the request.
        received: when and how often the payload was received.
        evaluation: what is in the payload.
    """

    context: contexts.RowContext
    user_agent: str
    received: deliveries.Deliveries
    evaluation: evaluate.Evaluation


class DeliveryGroup(NamedTuple):
    """Deliveries of one payload for whose reports the decisions are the same.

    Attributes:
        context: what the rows of the payload have in common.
        received: the deliveries.
        occurrences: the reports that are kept.
        outcome_counts: how many of all reports of the payload are counted in which way.
    """

    context: contexts.RowContext
    received: deliveries.Deliveries
    occurrences: list[collapse.Occurrence]
    outcome_counts: dict[outcomes.OutcomeKey, int]


class _Decision(NamedTuple):
    """The decision on one report: the finding it is kept as, its weight, and how it is counted."""

    finding: classify.Finding
    agent: user_agents.Agent
    weight: float
    outcome_key: outcomes.OutcomeKey


class PendingReport(msgspec.Struct, eq=False):
    """One report of one delivery, for which a decision is being made.

    Attributes:
        payload: index of its pending payload.
        delivery: the delivery.
        finding: what the report says, or what is left of it.
        agent: the browser that the report is about.
        key: the public key with which it was sent.
        second: when it was received, in seconds since the epoch.
        forced: whether sampling must keep it.
        weight: for how many reports it stands because of sampling.
        outcome: "" unless a limit leaves the report out.
        reason: why a limit leaves it out.
    """

    payload: int
    delivery: deliveries.Delivery
    finding: classify.Finding
    agent: user_agents.Agent
    key: str
    second: int
    forced: bool = False
    weight: float = 1.0
    outcome: str = ""
    reason: str = ""

    @property
    def minute(self) -> int:
        """The start of the minute in which it was received, in seconds since the epoch."""
        return self.second - self.second % _MINUTE_S

    @property
    def sketch(self) -> int:
        """The sketch of its sender."""
        return reach.sketch_of(self.delivery[3])

    def finding_day(self, window_ms: int) -> decisions.FindingDay:
        """Return the finding, and the day of the row that would count the report.

        Args:
            window_ms: the project's dedupe window in milliseconds; 0 keeps every report.
        """
        at = max(self.delivery[0] - self.finding.report.age, 0)
        start = at - at % window_ms if window_ms else at
        return decisions.FindingDay(self.finding.fingerprint, start // collapse.DAY_MS)

    def leave_out(self, outcome: outcomes.Outcome, reason: str) -> None:
        """Decide that the report is not accepted."""
        self.outcome, self.reason = outcome.value, reason

    def decision(self) -> _Decision:
        """Return what was decided."""
        outcome_key = self.finding.outcome_key
        if self.outcome:
            outcome_key = outcomes.OutcomeKey(outcome_key.kind, self.outcome, self.reason)
        return _Decision(self.finding, self.agent, self.weight, outcome_key)


def in_order(payloads: Sequence[PendingPayload]) -> Iterator[PendingReport]:
    """Yield every report of some payloads, once for each delivery, in the order of the stream."""
    arrived = (
        (delivery, number) for number, payload in enumerate(payloads) for delivery in payload.received.each
    )
    for delivery, number in sorted(arrived, key=_order):
        payload = payloads[number]
        for _, finding in payload.evaluation.findings:
            agent = user_agents.parse(finding.report.user_agent or payload.user_agent)
            key = payload.context.account.key
            yield PendingReport(number, delivery, finding, agent, key, delivery[0] // 1000)


def _order(arrived: tuple[deliveries.Delivery, int]) -> tuple[tuple[int, int], int]:
    (_, entry_id, position, _), _ = arrived
    return entry_ids.parse(entry_id), position


def delivery_groups(
    payloads: Sequence[PendingPayload], reports: Iterable[PendingReport]
) -> Iterator[DeliveryGroup]:
    """Yield the payloads with the decisions on their reports; deliveries of equal decisions together.

    Args:
        payloads: the pending payloads.
        reports: all their reports, each with its decision.
    """
    decisions: list[dict[deliveries.Delivery, list[_Decision]]] = [
        {delivery: [] for delivery in payload.received.each} for payload in payloads
    ]
    for report in reports:
        decisions[report.payload][report.delivery].append(report.decision())
    for payload, by_delivery in zip(payloads, decisions, strict=True):
        alike: dict[tuple[_Decision, ...], list[deliveries.Delivery]] = {}
        for delivery, each in by_delivery.items():
            alike.setdefault(tuple(each), []).append(delivery)
        for shared, received in alike.items():
            yield _delivery_group(payload, shared, received)


def _delivery_group(
    payload: PendingPayload, decisions: tuple[_Decision, ...], received: list[deliveries.Delivery]
) -> DeliveryGroup:
    counts = Counter(
        {key: count for key, count in payload.evaluation.outcome_counts.items() if key.outcome != _ACCEPTED}
    )
    counts.update(decision.outcome_key for decision in decisions)
    occurrences = [
        _occurrence(decision, position)
        for (position, _), decision in zip(payload.evaluation.findings, decisions, strict=True)
        if decision.outcome_key.outcome == _ACCEPTED
    ]
    shared = deliveries.of(payload.received.stream, received)
    return DeliveryGroup(payload.context, shared, occurrences, dict(counts))


def _occurrence(decision: _Decision, position: int) -> collapse.Occurrence:
    found = decision.finding.report
    weight = decision.weight * found.weight
    return collapse.Occurrence(decision.finding, decision.agent, found.age, position, weight)
