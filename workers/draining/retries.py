"""Reports that a browser sends again because it did not see the answer, told from those that happen again.

Chrome and Firefox upload a report once more, up to five times within 15 minutes, when an answer does not
reach them; the first upload may have been stored all the same. The second one has the same text, but for its
``age``, and it cannot have happened later than the first. So a report is taken for one that was sent again if

* the same sender sent an equal one to the same place within the project's retry window, before it, and
* it says that it occurred no later than that one, give or take ``SLACK_S``, and
* no more than ``RETRIES`` were taken for that one yet: what comes more often comes from several people.

Equal reports within one upload are several: no browser uploads a report twice at once. Only what names its
sender is looked at, which is what arrives as ``application/reports+json``; a ``report-uri`` report is sent
once, so an equal one is a repetition.

All of this is decided once, before a batch is bound, against what earlier batches left; the decision is part
of the plan, so that a batch that is run again decides the same.

Warning: people behind one address with the same browser are one sender. Equal reports of theirs that were
uploaded in another order than they occurred, or within ``SLACK_S``, are taken for one, ``RETRIES`` times at
most.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec
import xxhash

from storage.queue import envelope, retry_memory
from storage.text import lenient
from workers.model import report
from workers.reading import decode, values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from workers import pipeline

    Recall = Callable[[Mapping[int, set[int]]], Mapping[int, retry_memory.Seen]]

SLACK_S: Final = 5
"""Seconds by which the occurrence of a report may seem later in a second upload: its age is noted when an
upload begins, and the second one may take longer to arrive. Whoever reloads a page later reports anew."""
RETRIES: Final = 4
"""Chrome makes five attempts, Firefox four."""
MAX_AGE_S: Final = 7 * 86_400

_array: Final = msgspec.json.Decoder(list[msgspec.Raw])
_AGE_FIRST: Final = re.compile(rb'\{\s*"age"\s*:\s*(\d{1,12})\s*,')
"""How both senders that try again begin an item."""


class RetryCandidate(msgspec.Struct, frozen=True, gc=False):
    """One report that may be sent again.

    Attributes:
        receipt: of its payload.
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


def decided(
    plan: pipeline.Plan, found: Sequence[RetryCandidate], recall: Recall
) -> tuple[pipeline.Plan, dict[int, retry_memory.Seen]]:
    """Return the plan of a new batch with the reports in it that were sent again, and what the batch leaves.

    Args:
        plan: of the batch.
        found: its ``sightings``.
        recall: returns what earlier batches left, see ``retry_memory.recall``; asked once, if at all.
    """
    if not found:
        return plan, {}
    wanted: dict[int, set[int]] = {}
    for sighting in found:
        for number in retry_memory.slices(sighting.received_s, sighting.window_s):
            wanted.setdefault(number, set()).add(sighting.key)
    known = recall(wanted)
    left: dict[int, retry_memory.Seen] = {}
    repeated: dict[str, tuple[int, ...]] = {}
    for sighting in found:
        before = left.get(sighting.key) or known.get(sighting.key)
        if before is not None and _is_repeat(sighting, before):
            repeated[sighting.receipt] = (*repeated.get(sighting.receipt, ()), sighting.position)
            left[sighting.key] = before._replace(again=before.again + 1)
        else:
            left[sighting.key] = _seen(sighting, before)
    return msgspec.structs.replace(plan, resent=repeated), left


def left_again(plan: pipeline.Plan, found: Sequence[RetryCandidate]) -> dict[int, retry_memory.Seen]:
    """Return what a batch leaves whose plan was decided before: what it counts, by key."""
    return {
        sighting.key: _seen(sighting, None)
        for sighting in found
        if sighting.position not in plan.resent.get(sighting.receipt, ())
    }


def sightings(shard: int, entries: Sequence[envelope.Entry], plan: pipeline.Plan) -> list[RetryCandidate]:
    """Return the reports of a batch that may be sent again, in its order.

    Args:
        shard: of the batch.
        entries: of the batch.
        plan: with the settings of each project.
    """
    windows = {project_id: project.settings.retry_window for project_id, project in plan.projects.items()}
    found: list[RetryCandidate] = []
    for entry in entries:
        for index, payload in enumerate(entry.payloads):
            if payload.sender and (window_s := windows.get(payload.project_id, 0)):
                receipt = envelope.receipt(shard, entry.id, index)
                received_s = entry.received_ms // 1000
                found += [
                    RetryCandidate(receipt, position, key, received_s, max(received_s - age_s, 0), window_s)
                    for position, (key, age_s) in enumerate(_keys(payload))
                ]
    return found


def _is_repeat(sighting: RetryCandidate, before: retry_memory.Seen) -> bool:
    return (
        -SLACK_S <= sighting.received_s - before.received_s <= sighting.window_s
        and sighting.occurred_s <= before.occurred_s + SLACK_S
        and before.again < RETRIES
    )


def _seen(sighting: RetryCandidate, before: retry_memory.Seen | None) -> retry_memory.Seen:
    """Return what is left of a report that is counted. Whether several people send it is remembered."""
    recent = before is not None and sighting.received_s - before.received_s <= sighting.window_s
    again = before.again if before is not None and recent else 0
    return retry_memory.Seen(sighting.received_s, sighting.occurred_s, again)


def _keys(payload: envelope.Payload) -> list[tuple[int, int]]:
    """Return key and age (s) of each item; of equal items each one has a key of its own."""
    place = f"{payload.sender}\0{payload.project_id}\0{payload.environment}\0{payload.release}"
    seed = xxhash.xxh3_64_intdigest(place.encode())
    met: dict[int, int] = {}
    keys = []
    for item in _items(payload.body):
        text, age_s = _parted(item)
        digest = xxhash.xxh3_64_intdigest(text, seed)
        ordinal = met[digest] = met.get(digest, -1) + 1
        keys.append((xxhash.xxh3_64_intdigest(b"%d" % ordinal, digest) if ordinal else digest, age_s))
    return keys


def _items(body: bytes) -> Sequence[decode.Item]:
    """Return the items that are read from a payload."""
    try:
        lenient.require_shallow(body)
        sent = _array.decode(body)[: decode.MAX_ITEMS]
    except (msgspec.DecodeError, UnicodeDecodeError, lenient.NotJSONError):
        decoded = decode.decode(body)
        return [] if isinstance(decoded, report.Rejection) else decoded.items
    return [bytes(item) for item in sent]


def _parted(item: decode.Item) -> tuple[bytes, int]:
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
