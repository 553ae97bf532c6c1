"""From item to judgement: detect, normalise and classify, for each distinct item of a batch only once."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import msgspec

from storage import lenient
from workers import agents, classify, decode, detect, outcomes, report, text
from workers.families import envelope

_MAX_PLAIN_AGE: Final = 9
"""Digits of an age that needs no interpretation."""

_NONCE: Final = re.compile(rb"'nonce-[A-Za-z0-9+/=_-]*+'")
_QUERY: Final = re.compile(rb'(":(?<=(?:.ur[il]|.UR[IL]|rrer|file|File)":)\s*+"[^"\\?#]*+[?#])[^"\\]*+(?=")')
"""Query or fragment of a URL, told by the end of its member's name: no family keeps those of such members."""

_encoder = msgspec.json.Encoder()
_text = msgspec.json.Decoder(str)

Judgement = classify.Finding | report.Rejection


class Judged(NamedTuple):
    """What is known of one item.

    Attributes:
        judgement: the finding that it is, shared by all equal items, or why it is none.
        age: milliseconds between the event and the upload, bounded.
        user_agent: the user agent that the item itself names; "" leaves the request's.
    """

    judgement: Judgement
    age: int
    user_agent: str


class Judge:
    """Judges the items of one batch.

    Items that are equal but for age, user agent, nonces and the queries of their URLs share one judgement.
    That makes duplicates cheap: most of their text is never decoded. What is compared is text, not values,
    because to Python 1 equals true.
    """

    def __init__(self) -> None:
        self._judgements: dict[tuple[bool, bytes], Judgement] = {}

    def judge_raw(self, item: decode.RawItem, *, batch: bool) -> Judged:
        """Judge an item whose members are not decoded yet."""
        rest = item.copy()
        age = _take_age(rest)
        user_agent = _take_user_agent(rest)
        key = (batch, _encoder.encode(rest))
        judgement = self._judgements.get(key)
        if judgement is None:
            judgement = self._judgements[key] = self._judge_new(item, rest, key)
        if isinstance(judgement, report.Rejection):
            return Judged(judgement, 0, "")
        found = judgement.report
        return Judged(judgement, found.age if age is None else age, user_agent or found.user_agent)

    def judge_value(self, value: object, *, batch: bool) -> Judged:
        """Judge any decoded JSON value."""
        judgement = _judge(value, value, batch=batch)
        if isinstance(judgement, report.Rejection):
            return Judged(judgement, 0, "")
        return Judged(judgement, judgement.report.age, judgement.report.user_agent)

    def _judge_new(self, item: decode.RawItem, rest: decode.RawItem, key: tuple[bool, bytes]) -> Judgement:
        """Judge an item whose very text is new; it may still be an equal of an earlier one."""
        batch, sent = key
        essence = (batch, _essence(sent))
        judgement = self._judgements.get(essence)
        if judgement is None:
            judgement = self._judgements[essence] = _judge_raw(item, rest, batch=batch)
        return judgement


def _take_age(item: decode.RawItem) -> int | None:
    """Take the age out of an item; None if there is none, or one that needs the envelope's reader."""
    sent = item.get("age")
    if sent is None:
        return None
    digits = bytes(sent)
    if len(digits) > _MAX_PLAIN_AGE or not digits.isdigit():
        return None
    del item["age"]
    return min(int(digits), envelope.MAX_AGE)


def _take_user_agent(item: decode.RawItem) -> str:
    """Take the user agent out of an item; "" if there is none, or one that needs the envelope's reader."""
    sent = item.get("user_agent")
    if sent is None:
        return ""
    try:
        user_agent = _text.decode(sent)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    del item["user_agent"]
    return text.clean(user_agent, agents.MAX_USER_AGENT)


def _essence(sent: bytes) -> bytes:
    """Return the text of an item without what makes equal reports differ."""
    if b"'nonce-" in sent:
        sent = _NONCE.sub(b"'nonce-'", sent)
    if b"?" in sent or b"#" in sent:
        sent = _QUERY.sub(rb"\1", sent)
    return sent


def _judge_raw(item: decode.RawItem, rest: decode.RawItem, *, batch: bool) -> Judgement:
    try:
        value = decode.load(item)
    except lenient.NotJSONError as error:
        return report.invalid(outcomes.Reason.NOT_JSON, error=f"Not JSON: {error}.")
    return _judge({name: value[name] for name in rest}, value, batch=batch)


def _judge(value: object, source: object, *, batch: bool) -> Judgement:
    """Judge a value; ``source`` is the same with what was taken out of it."""
    try:
        found = detect.detect(value, batch=batch)
        if isinstance(found, report.Rejection):
            return found
        family, item = found
        normalised = family.normalise(item)
        if isinstance(normalised, report.Rejection):
            return normalised
        return classify.classify(family, normalised, source)
    except Exception as error:  # noqa: BLE001 - a defect may cost one report, never the shard it stands in
        return report.invalid(outcomes.Reason.DEFECT, error=f"{type(error).__name__}: {error}"[:1024])
