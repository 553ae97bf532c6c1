"""From payload to judgement: decode, detect, normalise and classify, item by item."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import msgspec

from workers import admission, classify, decode, detect, impossible, noise, outcomes, report, scrub

if TYPE_CHECKING:
    from storage import registry
    from workers.families import contract

Judgement = classify.Finding | report.Rejection


class Rules(msgspec.Struct, frozen=True):
    """What a project's settings ask for, as far as they decide what a report says.

    Attributes:
        admission: which reports are taken at all.
        scrubbing: what is taken out.
        noise: what is labelled, and what is dropped.
    """

    admission: admission.Rules = admission.DEFAULT
    scrubbing: scrub.Rules = scrub.DEFAULT
    noise: noise.Rules = noise.DEFAULT


DEFAULT: Final = Rules()


@functools.lru_cache(maxsize=1024)
def rules_of(settings: registry.ProjectSettings) -> Rules:
    """Return the rules that a project's settings ask for."""
    return Rules(admission.rules_of(settings), scrub.rules_of(settings), noise.rules_of(settings))


class Judged(msgspec.Struct, frozen=True, gc=False):
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
    verdicts: dict[outcomes.Verdict, int]


def judge_payload(
    body: bytes, rules: Rules = DEFAULT, traits: tuple[str, ...] = (), resent: tuple[int, ...] = ()
) -> Judged:
    """Judge every item of a payload; one that no decoder reads counts as one rejection.

    Args:
        body: of the request.
        rules: those of the project.
        traits: of the request's user agent, see ``noise.traits_of``.
        resent: positions of the items that were counted when they were sent first.
    """
    decoded = decode.decode(body)
    if isinstance(decoded, report.Rejection):
        return Judged([], [], decoded, {decoded.verdict: 1})
    judged = Judged([], [], decoded.surplus, {})
    verdicts = judged.verdicts
    for position, item in enumerate(decoded.items):
        judgement = judge(item, rules, traits, batch=decoded.batch)
        if position in resent:
            judgement = report.resent(judgement.verdict.kind)
        verdicts[judgement.verdict] = verdicts.get(judgement.verdict, 0) + 1
        if isinstance(judgement, classify.Finding):
            judged.findings.append((position, judgement))
        elif judgement.outcome is outcomes.Outcome.INVALID:
            judged.invalid.append((judgement, item))
    if decoded.surplus is not None:
        verdicts[decoded.surplus.verdict] = decoded.left_out
    return judged


def judge(
    item: decode.Item, rules: Rules = DEFAULT, traits: tuple[str, ...] = (), *, batch: bool
) -> Judgement:
    """Return the finding that an item is, or why it is none.

    Args:
        item: the decoded item.
        rules: those of the project.
        traits: of the request's user agent; the report's own comes before it.
        batch: whether it comes from a Reporting API array.
    """
    try:
        found = detect.detect(item, batch=batch)
        if isinstance(found, report.Rejection):
            return found
        family, parts = found
        normalised = family.normalise(parts)
        if isinstance(normalised, report.Rejection):
            return normalised
        refused = admission.refusal(normalised, rules.admission)
        if refused is not None:
            return refused
        return _understood(family, normalised, parts, rules, traits)
    except Exception as error:  # noqa: BLE001 - a defect may cost one report, never the shard it stands in
        return report.invalid(outcomes.Reason.DEFECT, error=f"{type(error).__name__}: {error}"[:1024])


def _understood(
    family: contract.Family,
    normalised: report.Report,
    parts: report.Item,
    rules: Rules,
    traits: tuple[str, ...],
) -> Judgement:
    """Scrub, label and classify a normalised report."""
    allowed = impossible.impossible(normalised)  # asked first: a policy speaks of URLs as they were
    found = scrub.apply(normalised, rules.scrubbing)
    if found.user_agent:
        traits = noise.traits_of(found.user_agent)
    label = noise.label(found, traits, rules.noise, impossible=allowed)
    if label.dropped:
        return report.filtered(label.rule, found.kind)
    return classify.classify(family, found, parts, label, impossible=allowed, scrubbing=rules.scrubbing)
