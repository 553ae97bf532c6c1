"""From item to judgement: detect, normalise and classify, for each distinct item of a batch only once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from storage import lenient
from workers import classify, decode, detect, outcomes, report

if TYPE_CHECKING:
    import msgspec

_MAX_PLAIN_AGE: Final = 9
"""Digits of an age that needs no interpretation; anything else is left to the family's reader."""

Judgement = classify.Finding | report.Rejection


class Judge:
    """Judges the items of one batch.

    Items that are equal byte for byte but for their age share one judgement, which is what makes duplicates
    cheap: their members are not even decoded. Bytes are compared, not values: to Python 1 equals true.
    """

    def __init__(self) -> None:
        self._judgements: dict[tuple[object, ...], Judgement] = {}

    def judge_raw(self, item: decode.RawItem, *, batch: bool) -> tuple[Judgement, int]:
        """Return the judgement about an item, and its age in milliseconds."""
        sent_age = item.pop("age", None)
        key: tuple[object, ...] = (batch, b"\0".join(item.values()), *item)
        age = None
        if sent_age is not None:
            item["age"] = sent_age
            age = _plain_age(sent_age)
            key = (*key, bytes(sent_age)) if age is None else key
        judgement = self._judgements.get(key)
        if judgement is None:
            judgement = self._judgements[key] = _judge_undecoded(item, batch=batch)
        return judgement, _age(judgement) if age is None else age

    def judge_value(self, value: object, *, batch: bool) -> tuple[Judgement, int]:
        """Return the judgement about any decoded JSON value, and its age in milliseconds."""
        judgement = _judge(value, batch=batch)
        return judgement, _age(judgement)


def _plain_age(sent: msgspec.Raw) -> int | None:
    digits = bytes(sent)
    return int(digits) if digits.isdigit() and len(digits) <= _MAX_PLAIN_AGE else None


def _age(judgement: Judgement) -> int:
    return judgement.report.age if isinstance(judgement, classify.Finding) else 0


def _judge_undecoded(item: decode.RawItem, *, batch: bool) -> Judgement:
    try:
        value = decode.load(item)
    except lenient.NotJSONError as error:
        return report.invalid(outcomes.Reason.NOT_JSON, error=f"Not JSON: {error}.")
    return _judge(value, batch=batch)


def _judge(value: Any, *, batch: bool) -> Judgement:  # noqa: ANN401 - a JSON value has any shape
    try:
        found = detect.detect(value, batch=batch)
        if isinstance(found, report.Rejection):
            return found
        family, item = found
        normalised = family.normalise(item)
        if isinstance(normalised, report.Rejection):
            return normalised
        return classify.classify(family, normalised, value)
    except Exception as error:  # noqa: BLE001 - a defect may cost one report, never the shard it stands in
        return report.invalid(outcomes.Reason.DEFECT, error=f"{type(error).__name__}: {error}"[:1024])
