"""Evaluation: from the body of a payload to the findings in it, and to how its reports are counted.

Each stage passes over many items before the next one begins. This order takes a third less time than
leading one item after the other through all stages: the code of a stage stays in the processor's caches.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec

from workers.failures import defects, interruption
from workers.model import outcomes, report
from workers.reading import decode
from workers.stages import classify, state, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Evaluation(msgspec.Struct, frozen=True, gc=False):
    """The content of a payload, whenever it was received.

    Attributes:
        findings: the accepted reports, and the index of each in the payload.
        invalid: the items that are no reports, and the reason.
        whole: the reason to keep the payload as a whole, if there is one.
        outcome_counts: how many of the payload's reports are counted in which way.
    """

    findings: list[tuple[int, classify.Finding]]
    invalid: list[tuple[report.Rejection, decode.Item]]
    whole: report.Rejection | None
    outcome_counts: dict[outcomes.OutcomeKey, int]


class EvaluationKey(msgspec.Struct, frozen=True, gc=False):
    """A payload, and all on which its evaluation depends.

    Attributes:
        body: the body of the request.
        rules: the rules of the project.
        agent_matches: ids of the noise rules that its user agent meets; a report's own comes first.
        retries: positions of the items that were counted when they were sent first.
        verbatim: whether its browser reports policies as they were sent, see ``impossible.reports_verbatim``;
            again a report's own comes first.
        charset: the character set that its ``Content-Type`` declares, see ``charsets.codec_of``.
    """

    body: bytes
    rules: state.EvaluationRules = state.DEFAULT
    agent_matches: tuple[str, ...] = ()
    retries: tuple[int, ...] = ()
    verbatim: bool = False
    charset: str = ""


def evaluate_payload(
    body: bytes,
    rules: state.EvaluationRules = state.DEFAULT,
    agent_matches: tuple[str, ...] = (),
    retries: tuple[int, ...] = (),
) -> Evaluation:
    """Evaluate one payload alone, see ``EvaluationKey``."""
    (evaluation,) = evaluate_payloads([EvaluationKey(body, rules, agent_matches, retries)])
    return evaluation


def evaluate_payloads(keys: Iterable[EvaluationKey]) -> list[Evaluation]:
    """Evaluate every item of some payloads; a payload that no decoder reads counts as one rejection."""
    payloads = [(key, decode.decode(key.body, key.charset)) for key in keys]
    states = [_item_states(*payload) for payload in payloads]
    evaluate_items(list(itertools.chain.from_iterable(states)))
    return [_evaluation(*payload, each) for payload, each in zip(payloads, states, strict=True)]


def evaluate_items(states: Sequence[state.ItemState]) -> None:
    """Lead items through all stages until each item has its result.

    Raises:
        MemoryError, OSError, ImportError: something around this process is at fault, and no item.
    """
    for stage in table.STAGES:
        run_stage(stage, states)
        states = [each for each in states if each.result is state.UNDECIDED]


def run_stage(stage: table.ReportStage, states: Iterable[state.ItemState]) -> None:
    """Lead items through one stage. A defect of the stage costs the report that it meets, never the batch.

    Raises:
        MemoryError, OSError, ImportError: something around this process is at fault, and no item.
    """
    run = stage.run
    for each in states:
        try:
            run(each)
        except interruption.SURROUNDINGS:
            raise
        except Exception as error:  # noqa: BLE001 - a defect may cost one report, never its shard
            each.result = report.invalid(outcomes.Reason.DEFECT, error=defects.describe(error))


def _item_states(key: EvaluationKey, decoded: decode.DecodedBody | report.Rejection) -> list[state.ItemState]:
    if isinstance(decoded, report.Rejection):
        return []
    rules, matches, verbatim = key.rules, key.agent_matches, key.verbatim
    batch, mended = decoded.batch, decoded.mended
    return [state.ItemState(item, batch, rules, matches, verbatim, mended) for item in decoded.items]


def _evaluation(
    key: EvaluationKey, decoded: decode.DecodedBody | report.Rejection, states: Sequence[state.ItemState]
) -> Evaluation:
    if isinstance(decoded, report.Rejection):
        return Evaluation([], [], decoded, {decoded.outcome_key: 1})
    evaluation = Evaluation([], [], decoded.surplus, {})
    counts = evaluation.outcome_counts
    for position, each in enumerate(states):
        result = each.result
        if position in key.retries:
            result = report.retry(result.outcome_key.kind)
        counts[result.outcome_key] = counts.get(result.outcome_key, 0) + 1
        if isinstance(result, classify.Finding):
            evaluation.findings.append((position, result))
        elif result.outcome is outcomes.Outcome.INVALID:
            evaluation.invalid.append((result, each.item))
    if decoded.surplus is not None:
        counts[decoded.surplus.outcome_key] = decoded.left_out
    return evaluation
