"""Limit decisions: how much of a batch a project's quotas, budgets and caps let through, as Redis decides it.

Guarantees:

* A decision on a batch is made once. A drainer that repeats the batch is given the same decision, whatever
  happened since, also when some of its payloads were quarantined meanwhile.
* A drainer that lost its stream without noticing is given none (``LeaseLostError``).
* No span of a quota's length, wherever it begins, holds more granted reports than its limit.

Time is the time of receipt: a backlog that is drained late is charged to when it arrived. Counters are kept
for ``quotas.KEEP_S`` beyond their span. A charge to a time that is still to come, because a clock was ahead
for a moment, is forgotten: it would keep reports out that arrive until then, and for a span after it.

Warning: the last guarantee ends where one stream is more than ``quotas.KEEP_S`` behind another of the same
project, and where clocks are set.
"""

from __future__ import annotations

import contextlib
import struct
import time
from typing import TYPE_CHECKING, Final

import msgspec

from storage import errors
from storage.limits import decisions, exhausted_quotas, quotas
from storage.queue import reach
from storage.servers import clocks, redis_errors, scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import redis

    from storage.projects import project_settings
    from storage.queue import batches

MOST_KNOWN: Final = 200_000
"""Hashes that a project's set of one day holds at most, about 12 MB; two sets are in use."""
MOST_SKETCHES: Final = 20_000
"""Findings whose sketch a project's hash of one day holds at most, about 2 MB; two hashes are in use."""

_DAY_S: Final = 86_400
_HOUR_S: Final = 3600
_MINUTE_S: Final = 60
_ITEM: Final = struct.Struct("<QQ")
_ANSWER: Final = struct.Struct("<Qs")
_FINDING_DAY: Final = struct.Struct("<QQ")
_SKETCH: Final = struct.Struct(f"<QQ{reach.BYTES}s")
_CHUNK: Final = 4000
"""Items of one script: Redis is busy for a few milliseconds."""


class LimitDecider:
    """Decides what the limits of projects let through of one batch.

    Args:
        client: a synchronous client without retries.
        lease: the drainer's lease of the stream.
        batch: a text that tells the batch from all others of its stream, without spaces.
        clock: seconds since the epoch.

    Every method but ``forget`` raises ``RedisUnavailableError`` when Redis does not answer, and
    ``LeaseLostError`` when a newer drainer was given a decision.
    """

    def __init__(
        self,
        client: redis.Redis,
        lease: batches.StreamLease,
        batch: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._lease = lease
        self._batch = batch
        self._clock = clock
        self._decision_keys: set[str] = set()
        self._days: dict[int, int] = {}

    def check_new(
        self, project_id: int, kind: str, items: Sequence[tuple[int, int]], at_s: int, most: int
    ) -> dict[int, decisions.Novelty]:
        """Return how new each item is to its project.

        An item is known if it was checked within a day or two and there was room to remember it.

        Args:
            project_id: the project.
            kind: the kind of the items; each kind is remembered apart.
            items: hash of each item and of its coarse key, in the order in which they may take what is left.
            at_s: time of receipt, in seconds since the epoch.
            most: new items in an hour, and as many coarse keys; with 0 any number of items is new.
        """
        bounds = (at_s // _DAY_S, at_s // _HOUR_S, most, MOST_KNOWN, 2 * _DAY_S + quotas.KEEP_S)
        found: dict[int, decisions.Novelty] = {}
        left, part = items, 0
        while left:  # of a batch that lost some items, a part tells of items that were to be in the next
            packed = b"".join(_ITEM.pack(*item) for item in left[:_CHUNK])
            answer = self._decide(scripts.CHECK_NEW, project_id, kind, *bounds, packed, part=part)
            found.update(
                {item: decisions.Novelty(letter.decode()) for item, letter in _ANSWER.iter_unpack(answer)}
            )
            left, part = [item for item in left if item[0] not in found], part + _CHUNK
        return found

    def find_sketches(
        self, project_id: int, findings: Sequence[decisions.FindingDay], at_s: int
    ) -> dict[decisions.FindingDay, int]:
        """Return of which senders reports of these findings were accepted, as far as it was noted.

        A finding for which there is no room seems to have all senders.

        Args:
            project_id: the project.
            findings: findings of the batch, each once.
            at_s: time of receipt, in seconds since the epoch.
        """
        day = self._days[project_id] = at_s // _DAY_S
        found: dict[decisions.FindingDay, int] = {}
        left, part = findings, 0
        while left:
            asked = (day, MOST_SKETCHES, b"".join(_FINDING_DAY.pack(*finding) for finding in left[:_CHUNK]))
            answer = self._decide(scripts.FIND_SKETCHES, project_id, "reach", *asked, part=part)
            for fingerprint, of_day, sketch in _SKETCH.iter_unpack(answer):
                found[decisions.FindingDay(fingerprint, of_day)] = int.from_bytes(sketch, "little")
            left, part = [finding for finding in left if finding not in found], part + _CHUNK
        return found

    def note_sketches(self, accepted: Mapping[int, Mapping[decisions.FindingDay, int]]) -> None:
        """Note the senders of the rows that were inserted; to repeat it changes nothing.

        Args:
            accepted: the sketches of the rows by project and finding, of projects that were asked about.

        Raises:
            RedisUnavailableError: Redis did not answer.
        """
        with redis_errors.translated(), self._client.pipeline(transaction=False) as pipeline:
            for project_id, sketches in accepted.items():
                name = f"headrace:limits:{{{project_id}}}:reach:{self._days[project_id]}"
                items = [
                    _SKETCH.pack(*finding, sketch.to_bytes(reach.BYTES, "little"))
                    for finding, sketch in sketches.items()
                ]
                for start in range(0, len(items), _CHUNK):
                    packed = b"".join(items[start : start + _CHUNK])
                    scripts.NOTE_SKETCHES.add_to(pipeline, (name,), MOST_SKETCHES, 2 * _DAY_S, packed)
            pipeline.execute()

    def share_budget(
        self, project_id: int, settings: project_settings.ProjectSettings, wants: Sequence[decisions.Want]
    ) -> dict[int, int]:
        """Return by minute how many of the wanted reports sampling may keep; always more than the forced."""
        encoded = msgspec.json.encode(wants)
        bounds = (settings.sample_budget, encoded, quotas.KEEP_S, int(self._clock()))
        return dict(_by_time.decode(self._decide(scripts.SHARE_BUDGET, project_id, "budget", *bounds)))

    def grant(
        self,
        project_id: int,
        settings: project_settings.ProjectSettings,
        wants: Mapping[tuple[int, str], int],
    ) -> dict[tuple[int, str], decisions.Grant]:
        """Return how many of the wanted reports the quotas grant, by second of receipt and public key.

        Args:
            project_id: the project.
            settings: the project's, with its quotas.
            wants: reports by second and key, in the order of the stream.
        """
        limits = msgspec.json.encode(quotas.limits(settings))
        now = (int(self._clock()), clocks.SLACK_MS // 1000)
        minutes: dict[int, list[tuple[int, str, int]]] = {}
        for (second, key), count in wants.items():
            minutes.setdefault(second // _MINUTE_S, []).append((second, key, count))
        grants = {}
        for minute, each in minutes.items():  # one at a time: Redis does nothing else meanwhile
            asked = (project_id, limits, msgspec.json.encode(each), *now)
            answer = self._decide(scripts.GRANT_QUOTAS, project_id, "quota", *asked, part=minute)
            rows = _grants.decode(answer)
            grants.update(
                {(second, key): decisions.Grant(reports, reason) for second, key, reports, reason in rows}
            )
        return grants

    def grant_quarantine(self, project_id: int, most: int, wants: Mapping[int, int]) -> dict[int, int]:
        """Return how many of the wanted bytes of each hour of receipt the project may keep in quarantine.

        Args:
            project_id: the project.
            most: the most bytes that the project may keep of an hour.
            wants: the bytes to keep, by hour since the epoch.
        """
        asked = (most, msgspec.json.encode(list(wants.items())), 2 * quotas.KEEP_S)
        answer = self._decide(scripts.GRANT_QUARANTINE, project_id, "quarantine", *asked)
        return dict(_by_time.decode(answer))

    def forget(self) -> None:
        """Forget the decisions, once the batch is committed; the next batch removes those that are left."""
        if self._decision_keys:
            with contextlib.suppress(*redis_errors.FAILURES):
                scripts.FORGET_DECISIONS.run(self._client, sorted(self._decision_keys), self._batch)

    def _decide(
        self, script: scripts.Script, project_id: int, subject: str, *arguments: object, part: int = 0
    ) -> bytes:
        prefix = f"headrace:limits:{{{project_id}}}"
        # The key keeps the name that earlier releases gave it: batches under work have decisions there.
        decision_key = f"{prefix}:rulings:{self._lease.stream}"
        names = (decision_key, f"{prefix}:{subject}", exhausted_quotas.EXHAUSTED_KEY, clocks.KEY)
        identity = (f"{subject}/{part}", self._lease.token, self._batch)
        with redis_errors.translated():
            answer = script.run(self._client, names, *identity, *arguments)
        if answer is None:
            raise errors.LeaseLostError(
                f"Stream {self._lease.stream} was taken over: a newer drainer has a decision on its batch."
            )
        self._decision_keys.add(decision_key)
        decision: bytes = answer
        return decision


_by_time: Final = msgspec.json.Decoder(list[tuple[int, int]])
_grants: Final = msgspec.json.Decoder(list[tuple[int, str, int, str]])
