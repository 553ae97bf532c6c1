"""From payload to judgement: decode, detect, normalise and classify, item by item."""

from __future__ import annotations

import msgspec

from workers import classify, decode, detect, outcomes, report

Judgement = classify.Finding | report.Rejection


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


def judge_payload(body: bytes) -> Judged:
    """Judge every item of a payload; one that no decoder reads counts as one rejection."""
    decoded = decode.decode(body)
    if isinstance(decoded, report.Rejection):
        return Judged([], [], decoded, {decoded.verdict: 1})
    judged = Judged([], [], decoded.surplus, {})
    verdicts = judged.verdicts
    for position, item in enumerate(decoded.items):
        judgement = judge(item, batch=decoded.batch)
        verdicts[judgement.verdict] = verdicts.get(judgement.verdict, 0) + 1
        if isinstance(judgement, classify.Finding):
            judged.findings.append((position, judgement))
        elif judgement.outcome is outcomes.Outcome.INVALID:
            judged.invalid.append((judgement, item))
    if decoded.surplus is not None:
        verdicts[decoded.surplus.verdict] = decoded.left_out
    return judged


def judge(item: decode.Item, *, batch: bool) -> Judgement:
    """Return the finding that an item is, or why it is none.

    Args:
        item: the decoded item.
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
        return classify.classify(family, normalised, parts)
    except Exception as error:  # noqa: BLE001 - a defect may cost one report, never the shard it stands in
        return report.invalid(outcomes.Reason.DEFECT, error=f"{type(error).__name__}: {error}"[:1024])
