"""The expiry stage: reports of a time that retention has removed are left out.

Retention counts rows and deletes them; a row that came in behind it would be missing in the ledger.

Equal bodies are evaluated once; whether a report is of such a time depends on when each of them was received.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.model import outcomes, report
from workers.rows import deliveries
from workers.stages import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable

_DAY_MS: Final = 86_400_000
"""The longest dedupe window. No report of the last day is left out, even if the limit is in the future."""


def parted(
    evaluation: evaluate.Evaluation, received: deliveries.Deliveries, before_ms: int, window_ms: int
) -> list[tuple[deliveries.Deliveries, evaluate.Evaluation]]:
    """Return the deliveries of a payload with what is in it for them: bygone reports are *expired*.

    Args:
        evaluation: what is in the payload.
        received: when it was received.
        before_ms: reports whose window starts before this are bygone, in milliseconds since the epoch.
        window_ms: the project's dedupe window in milliseconds; 0 keeps every report.
    """
    if not before_ms or not evaluation.findings:
        return [(received, evaluation)]
    oldest = max(finding.report.age for _, finding in evaluation.findings)
    if min(received.counts_by_time) - oldest - window_ms >= before_ms:
        return [(received, evaluation)]
    alike: dict[tuple[int, ...], list[deliveries.Delivery]] = {}
    for delivery in received.each:
        alike.setdefault(_bygone(evaluation, delivery[0], before_ms, window_ms), []).append(delivery)
    return [
        (deliveries.of(received.stream, each), _without(evaluation, gone)) for gone, each in alike.items()
    ]


def _bygone(
    evaluation: evaluate.Evaluation, received_ms: int, before_ms: int, window_ms: int
) -> tuple[int, ...]:
    """Return the positions of the reports that are bygone, if the payload was received at this time."""
    limit = min(before_ms, received_ms - _DAY_MS)
    return tuple(
        position
        for position, finding in evaluation.findings
        if _window_start(max(received_ms - finding.report.age, 0), window_ms) < limit
    )


def _window_start(occurred_ms: int, window_ms: int) -> int:
    return occurred_ms - occurred_ms % window_ms if window_ms else occurred_ms


def _without(evaluation: evaluate.Evaluation, gone: Iterable[int]) -> evaluate.Evaluation:
    """Return an evaluation in which the reports at these positions are expired."""
    left_out = set(gone)
    if not left_out:
        return evaluation
    counts = dict(evaluation.outcome_counts)
    for position, finding in evaluation.findings:
        if position in left_out:
            counts[finding.outcome_key] -= 1
            expired = report.left_out(outcomes.Reason.EXPIRED, finding.report.kind).outcome_key
            counts[expired] = counts.get(expired, 0) + 1
    return evaluate.Evaluation(
        findings=[each for each in evaluation.findings if each[0] not in left_out],
        invalid=evaluation.invalid,
        whole=evaluation.whole,
        outcome_counts={key: count for key, count in counts.items() if count},
    )
