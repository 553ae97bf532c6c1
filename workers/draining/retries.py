"""Retries: reports that a browser uploads again because no answer reached it. They are not new events.

Chrome and Firefox upload a report again, up to five times within 15 minutes, when no answer reaches them;
the first upload may have been stored all the same. A retry has the text of the first upload, but for its
``age``, and its event cannot be later than that of the first upload. So a report is a retry if

* the same sender sent an equal report to the same destination before, within the project's retry window, and
* its event is no later than that of the equal report, give or take ``SLACK_S``, and
* fewer than ``RETRIES`` retries of that report came before: more come from several people.

Equal reports within one upload are several events: no browser uploads a report twice at once. Only payloads
with a sender are compared, those of ``application/reports+json``; a ``report-uri`` report is uploaded once,
so an equal one is a new event.

Retries are found once, before a batch is bound, by the counted reports of earlier batches; the decision is
part of the plan, so that a batch that is run again decides the same.

Warning: people behind one address with the same browser are one sender. Equal reports of theirs that were
uploaded in another order than they occurred, or within ``SLACK_S``, are taken for retries, ``RETRIES`` times
at most.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec
import xxhash

from storage.queue import envelope, retry_memory
from storage.text import charsets, lenient
from workers.model import batch_plan, report
from workers.reading import decode, values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Lookup = Callable[[Mapping[int, set[int]]], Mapping[int, retry_memory.CountedReport]]

SLACK_S: Final = 5
"""Seconds by which the event of a retry may seem later: the age is noted when an upload begins, and a retry
may take longer to arrive. A page that is reloaded later reports a new event."""
RETRIES: Final = 4
"""Retries of one report: Chrome makes five attempts, Firefox four."""
MAX_AGE_S: Final = 7 * 86_400
"""Seconds beyond which the age of a report is not believed."""

_array: Final = msgspec.json.Decoder(list[msgspec.Raw])
_AGE_FIRST: Final = re.compile(rb'\{\s*"age"\s*:\s*(\d{1,12})\s*,')
"""The beginning of an item as Chrome and Firefox write it, the only browsers that retry."""


class RetryCandidate(msgspec.Struct, frozen=True, gc=False):
    """One report of a sender: a first upload, or a retry.

    Attributes:
        receipt: the receipt of its payload.
        position: its index in the payload.
        key: hash of its sender, its destination and its text but for the age.
        received_s: when it was received, in seconds since the epoch.
        occurred_s: when it occurred, by its own age.
        window_s: the retry window of its project.
    """

    receipt: str
    position: int
    key: int
    received_s: int
    occurred_s: int
    window_s: int


def decide(
    plan: batch_plan.Plan, found: Sequence[RetryCandidate], lookup: Lookup
) -> tuple[batch_plan.Plan, dict[int, retry_memory.CountedReport]]:
    """Return the plan of a new batch with its retries, and the counted reports that later batches must know.

    Args:
        plan: the plan of the batch.
        found: the ``candidates`` of the batch.
        lookup: returns counted reports of earlier batches, see ``retry_memory.find``; called once at most.
    """
    if not found:
        return plan, {}
    wanted: dict[int, set[int]] = {}
    for candidate in found:
        for number in retry_memory.slices(candidate.received_s, candidate.window_s):
            wanted.setdefault(number, set()).add(candidate.key)
    known = lookup(wanted)
    counted: dict[int, retry_memory.CountedReport] = {}
    retried: dict[str, tuple[int, ...]] = {}
    for candidate in found:
        before = counted.get(candidate.key) or known.get(candidate.key)
        if before is not None and _is_retry(candidate, before):
            retried[candidate.receipt] = (*retried.get(candidate.receipt, ()), candidate.position)
            counted[candidate.key] = before._replace(retries=before.retries + 1)
        else:
            counted[candidate.key] = _counted(candidate, before)
    return msgspec.structs.replace(plan, retries=retried), counted


def counted_reports(
    plan: batch_plan.Plan, found: Sequence[RetryCandidate]
) -> dict[int, retry_memory.CountedReport]:
    """Return the counted reports of a batch whose plan was decided before, by key."""
    return {
        candidate.key: _counted(candidate, None)
        for candidate in found
        if candidate.position not in plan.retries.get(candidate.receipt, ())
    }


def candidates(stream: int, entries: Sequence[envelope.Entry], plan: batch_plan.Plan) -> list[RetryCandidate]:
    """Return the reports of a batch that have a sender, in its order.

    Args:
        stream: number of the stream of the batch.
        entries: the entries of the batch.
        plan: the plan of the batch, with the settings of each project.
    """
    windows = {project_id: project.settings.retry_window for project_id, project in plan.projects.items()}
    found: list[RetryCandidate] = []
    for entry in entries:
        for index, payload in enumerate(entry.payloads):
            if payload.sender and (window_s := windows.get(payload.project_id, 0)):
                receipt = envelope.receipt(stream, entry.id, index)
                received_s = entry.received_ms // 1000
                found += [
                    RetryCandidate(receipt, position, key, received_s, max(received_s - age_s, 0), window_s)
                    for position, (key, age_s) in enumerate(_keys(payload))
                ]
    return found


def _is_retry(candidate: RetryCandidate, before: retry_memory.CountedReport) -> bool:
    return (
        -SLACK_S <= candidate.received_s - before.received_s <= candidate.window_s
        and candidate.occurred_s <= before.occurred_s + SLACK_S
        and before.retries < RETRIES
    )


def _counted(
    candidate: RetryCandidate, before: retry_memory.CountedReport | None
) -> retry_memory.CountedReport:
    """Return a report that is counted. The retries so far stay: they tell that several people send it."""
    recent = before is not None and candidate.received_s - before.received_s <= candidate.window_s
    retries = before.retries if before is not None and recent else 0
    return retry_memory.CountedReport(candidate.received_s, candidate.occurred_s, retries)


def _keys(payload: envelope.Payload) -> list[tuple[int, int]]:
    """Return key and age (s) of each item; equal items have different keys."""
    destination = f"{payload.sender}\0{payload.project_id}\0{payload.environment}\0{payload.release}"
    seed = xxhash.xxh3_64_intdigest(destination.encode())
    ordinals: dict[int, int] = {}
    keys = []
    for item in _items(payload):
        text, age_s = _without_age(item)
        digest = xxhash.xxh3_64_intdigest(text, seed)
        ordinal = ordinals[digest] = ordinals.get(digest, -1) + 1
        keys.append((xxhash.xxh3_64_intdigest(b"%d" % ordinal, digest) if ordinal else digest, age_s))
    return keys


def _items(payload: envelope.Payload) -> Sequence[decode.Item]:
    """Return the items that are read from a payload."""
    try:
        lenient.require_shallow(payload.body)
        sent = _array.decode(payload.body)[: decode.MAX_ITEMS]
    except (msgspec.DecodeError, UnicodeDecodeError, lenient.NotJSONError):
        decoded = decode.decode(payload.body, charsets.codec_of(payload.content_type))
        return [] if isinstance(decoded, report.Rejection) else decoded.items
    return [bytes(item) for item in sent]


def _without_age(item: decode.Item) -> tuple[bytes, int]:
    """Return the text of an item without its age, and the age (s)."""
    if isinstance(item, bytes):
        if match := _AGE_FIRST.match(item):
            return item[match.end() :], min(int(match[1]) // 1000, MAX_AGE_S)
        members = decode.members(item)
        if members is None:
            return item, 0
        item = members
    age = values.integer_of(item.get("age", b"0")) or 0
    text = b"\0".join(name.encode() + b"\0" + sent for name, sent in sorted(item.items()) if name != "age")
    return text, max(0, min(age // 1000, MAX_AGE_S))
