"""From payloads to judgements: decode, detect, normalise, scrub, label and classify.

Each stage passes over many items before the next one begins. That takes a third less time than to lead one
item after the other through all stages: the code of a stage stays in the processor's caches.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from workers import impossible, noise, scrub
from workers.failures import defects, failpoints, interruption
from workers.families import contract, unknown
from workers.model import outcomes, report
from workers.reading import decode
from workers.stages import admission, classify, detect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storage.projects import project_settings


ItemResult = classify.Finding | report.Rejection


class EvaluationRules(msgspec.Struct, frozen=True, eq=False):
    """What a project's settings ask for, as far as they decide what a report says. Compared by identity.

    Attributes:
        admission: which reports are taken at all.
        scrubbing: what is taken out.
        noise: what is labelled, and what is dropped.
    """

    admission: admission.AdmissionRules = admission.DEFAULT
    scrubbing: scrub.ScrubRules = scrub.DEFAULT
    noise: noise.NoiseRules = noise.DEFAULT


DEFAULT: Final = EvaluationRules()


@functools.lru_cache(maxsize=1024)
def rules_of(settings: project_settings.ProjectSettings) -> EvaluationRules:
    """Return the rules that a project's settings ask for."""
    return EvaluationRules(admission.rules_of(settings), scrub.rules_of(settings), noise.rules_of(settings))


class Evaluation(msgspec.Struct, frozen=True, gc=False):
    """What is known of one payload, whoever sent it and however often.

    Attributes:
        findings: the accepted reports, and the index of each in the payload.
        invalid: the items that are none, and why.
        whole: why the payload is to be kept as a whole, if it is.
        verdicts: how many of the payload's reports met which verdict.
    """

    findings: list[tuple[int, classify.Finding]]
    invalid: list[tuple[report.Rejection, decode.Item]]
    whole: report.Rejection | None
    verdicts: dict[outcomes.OutcomeKey, int]


class EvaluationKey(NamedTuple):
    """A payload, and all that its judgement depends on beside its body.

    Attributes:
        body: of the request.
        rules: those of the project.
        traits: of the request's user agent, see ``noise.traits_of``; a report's own comes before it.
        resent: positions of the items that were counted when they were sent first.
        verbatim: whether its browser reports policies as they were sent, see ``impossible.reports_verbatim``;
            again a report's own comes first.
    """

    body: bytes
    rules: EvaluationRules = DEFAULT
    traits: tuple[str, ...] = ()
    resent: tuple[int, ...] = ()
    verbatim: bool = False


_OPEN: Final = report.invalid(outcomes.Reason.DEFECT)
"""The judgement of an item on which no stage has ruled yet."""


class _ItemState(msgspec.Struct, eq=False, gc=False):
    """An item on its way through the stages, and what they found so far."""

    item: decode.Item
    batch: bool
    rules: EvaluationRules
    traits: tuple[str, ...]
    verbatim: bool
    family: contract.Family = unknown.FAMILY
    parts: report.Item = report.Item("", {}, {})
    found: report.Report = report.Report(kind="")
    contradiction: impossible.Contradiction = impossible.Contradiction.NONE
    label: noise.Label = noise.NONE
    judgement: ItemResult = _OPEN


def evaluate_payload(
    body: bytes, rules: EvaluationRules = DEFAULT, traits: tuple[str, ...] = (), resent: tuple[int, ...] = ()
) -> Evaluation:
    """Judge one payload alone, see ``EvaluationKey``."""
    (judged,) = evaluate_payloads([EvaluationKey(body, rules, traits, resent)])
    return judged


def evaluate_payloads(questions: Iterable[EvaluationKey]) -> list[Evaluation]:
    """Judge every item of some payloads; a payload that no decoder reads counts as one rejection."""
    asked = [(question, decode.decode(question.body)) for question in questions]
    cases = [_item_states(*one) for one in asked]
    _evaluate(list(itertools.chain.from_iterable(cases)))
    return [_evaluation(*one, found) for one, found in zip(asked, cases, strict=True)]


def evaluate_item(
    item: decode.Item,
    rules: EvaluationRules = DEFAULT,
    traits: tuple[str, ...] = (),
    *,
    batch: bool,
    verbatim: bool = False,
) -> ItemResult:
    """Return the finding that an item is, or why it is none.

    Args:
        item: the decoded item.
        rules: those of the project.
        traits: of the request's user agent; the report's own comes before it.
        batch: whether it comes from a Reporting API array.
        verbatim: see ``EvaluationKey``.
    """
    case = _ItemState(item, batch, rules, traits, verbatim)
    _evaluate([case])
    return case.judgement


def _item_states(question: EvaluationKey, decoded: decode.DecodedBody | report.Rejection) -> list[_ItemState]:
    if isinstance(decoded, report.Rejection):
        return []
    _, rules, traits, _, verbatim = question
    return [_ItemState(item, decoded.batch, rules, traits, verbatim) for item in decoded.items]


def _evaluation(
    question: EvaluationKey, decoded: decode.DecodedBody | report.Rejection, cases: Sequence[_ItemState]
) -> Evaluation:
    if isinstance(decoded, report.Rejection):
        return Evaluation([], [], decoded, {decoded.verdict: 1})
    judged = Evaluation([], [], decoded.surplus, {})
    verdicts = judged.verdicts
    for position, case in enumerate(cases):
        judgement = case.judgement
        if position in question.resent:
            judgement = report.resent(judgement.verdict.kind)
        verdict = judgement.verdict
        verdicts[verdict] = verdicts.get(verdict, 0) + 1
        if isinstance(judgement, classify.Finding):
            judged.findings.append((position, judgement))
        elif judgement.outcome is outcomes.Outcome.INVALID:
            judged.invalid.append((judgement, case.item))
    if decoded.surplus is not None:
        verdicts[decoded.surplus.verdict] = decoded.left_out
    return judged


def _evaluate(cases: list[_ItemState]) -> None:
    """Give each of these items its judgement.

    Raises:
        MemoryError, OSError, ImportError: something around this process is at fault, and no item.
    """
    for stage in (_detect, _normalise, _compare, _scrub, _label, _classify):
        for case in cases:
            try:
                stage(case)
            except interruption.SURROUNDINGS:
                raise
            except Exception as error:  # noqa: BLE001 - a defect may cost one report, never its shard
                case.judgement = report.invalid(outcomes.Reason.DEFECT, error=defects.told(error))
        cases = [case for case in cases if case.judgement is _OPEN]


def _detect(case: _ItemState) -> None:
    found = detect.detect(case.item, batch=case.batch)
    if isinstance(found, report.Rejection):
        case.judgement = found
    else:
        case.family, case.parts = found


def _normalise(case: _ItemState) -> None:
    failpoints.hit(failpoints.EVALUATING)
    found = case.family.normalise(case.parts)
    if isinstance(found, report.Rejection):
        case.judgement = found
        return
    case.found = found
    refused = admission.refusal(found, case.rules.admission)
    if refused is not None:
        case.judgement = refused


def _compare(case: _ItemState) -> None:
    """Compare the report with its policy: before it is scrubbed, for a policy speaks of URLs as they were."""
    own = case.found.user_agent
    verbatim = impossible.reports_verbatim(own) if own else case.verbatim
    case.contradiction = impossible.of_report(case.found, verbatim=verbatim)


def _scrub(case: _ItemState) -> None:
    case.found = scrub.apply(case.found, case.rules.scrubbing)


def _label(case: _ItemState) -> None:
    found, traits = case.found, case.traits
    if found.user_agent:
        traits = noise.traits_of(found.user_agent)
    case.label = noise.label(
        found,
        traits,
        case.rules.noise,
        impossible=case.contradiction is impossible.Contradiction.IMPOSSIBLE,
        allowed=case.contradiction is not impossible.Contradiction.NONE,
    )
    if case.label.dropped:
        case.judgement = report.filtered(case.label.rule, found.kind)


def _classify(case: _ItemState) -> None:
    case.judgement = classify.classify(
        case.family,
        case.found,
        case.parts,
        case.label,
        contradiction=case.contradiction,
        scrubbing=case.rules.scrubbing,
    )
