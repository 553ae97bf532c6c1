"""Quotas, budgets and known findings of projects, as Redis keeps them, and the rulings on batches.

A ruling says how much of a batch gets through. Guarantees:

* A ruling on a batch is made once. Whoever repeats the batch is given the same one, whatever happened since,
  also when some of its payloads were set aside meanwhile.
* A drainer that lost its shard without noticing is given none (``LeaseLostError``).
* No span of a quota's length, wherever it begins, holds more granted reports than its limit.

Time is the time of receipt: a backlog that is drained late is charged to when it arrived. Counters are kept
for ``KEEP_S`` beyond their span. What was charged to a time that is still to come, because a clock was ahead
for a moment, is forgotten: it would keep reports out that arrive until then, and for a span after it.

Warning: the last guarantee ends where one shard is more than ``KEEP_S`` behind another of the same project,
and where clocks are set.
"""

from __future__ import annotations

import contextlib
import struct
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import redis
import redis.asyncio

from storage import errors
from storage.servers import clocks, redis_errors, scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import redis.exceptions

    from storage.projects import project_settings
    from storage.queue import streams

EXHAUSTED_KEY: Final = "headrace:limits"
"""Redis sorted set: the quotas that are used up, by the second in which there is room again."""
KEEP_S: Final = 3600
MOST_KNOWN: Final = 200_000
"""Findings that a project's set of one day holds at most, about 12 MB; two sets are in use."""

_DAY_S: Final = 86_400
_HOUR_S: Final = 3600
_MINUTE_S: Final = 60
_SIGHTING: Final = struct.Struct("<QQ")
_LETTER: Final = struct.Struct("<Qs")
_CHUNK: Final = 4000
"""Sightings of one script: Redis is busy for a few milliseconds."""


class Quota(NamedTuple):
    """One kind of quota: its reason in ``outcomes``, and how it is counted.

    Attributes:
        reason: the reason of reports that it keeps out.
        setting: the field of ``ProjectSettings`` that holds its limit.
        each_key: whether each public key has its own.
        slot_s: seconds that are counted together.
        slots: how many of them make its span.
    """

    reason: str
    setting: str
    each_key: bool
    slot_s: int
    slots: int


QUOTAS: Final = (
    Quota("project_day", "quota_per_day", each_key=False, slot_s=900, slots=96),
    Quota("key_day", "key_quota_per_day", each_key=True, slot_s=900, slots=96),
    Quota("project_minute", "quota_per_minute", each_key=False, slot_s=1, slots=60),
    Quota("key_minute", "key_quota_per_minute", each_key=True, slot_s=1, slots=60),
)
"""Of two that leave equally little the first one is the reason: the one that lasts longer."""
_BY_REASON: Final = {quota.reason: quota for quota in QUOTAS}


class Grant(NamedTuple):
    """How many reports get through, and which quota keeps the others out; "" if none does."""

    reports: int
    reason: str


class Exhausted(NamedTuple):
    """A quota that is used up.

    Attributes:
        project_id: whose it is.
        key: the public key whose it is; "" if it is the project's.
        reason: which quota.
        limit: the limit that was reached.
        until_s: when there is room again, in seconds since the epoch by Redis' clock.
    """

    project_id: int
    key: str
    reason: str
    limit: int
    until_s: int

    def stands(self, settings: project_settings.ProjectSettings) -> bool:
        """Return whether the limit is still the one that the project's settings name."""
        quota = _BY_REASON.get(self.reason)
        return quota is not None and getattr(settings, quota.setting) == self.limit

    def is_credible(self, now_s: float) -> bool:
        """Return whether it may end when it says: none is used up for longer than its span.

        Args:
            now_s: seconds since the epoch by Redis' clock.
        """
        quota = _BY_REASON.get(self.reason)
        return quota is None or self.until_s - now_s <= (quota.slots + 2) * quota.slot_s


class Want(NamedTuple):
    """What a batch has of one minute: its start, its last second, the reports it must keep, and all."""

    minute_s: int
    last_s: int
    forced: int
    reports: int


class LimitDecider:
    """Rules on one batch.

    Args:
        client: a synchronous client without retries.
        lease: of the shard.
        batch: what tells the batch from all others of its shard, without spaces.
        clock: seconds since the epoch.

    Every method but ``forget`` raises ``RedisUnavailableError`` when Redis does not answer, and
    ``LeaseLostError`` when a newer drainer was given a ruling.
    """

    def __init__(
        self,
        client: redis.Redis,
        lease: streams.ShardLease,
        batch: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._lease = lease
        self._batch = batch
        self._clock = clock
        self._rulings: set[str] = set()

    def sight(
        self, project_id: int, what: str, sightings: Sequence[tuple[int, int]], at_s: int, most: int
    ) -> dict[int, str]:
        """Return a letter for each thing: ``k`` known, ``n`` new, ``p`` its place only, ``o`` not even it.

        What is known is what was sighted within a day or two, as long as there was room to remember it.

        Args:
            project_id: whose sightings these are.
            what: is sighted; each kind of thing is remembered apart.
            sightings: hash of each thing and of its place, in the order in which they may claim what is left.
            at_s: time of receipt, in seconds since the epoch.
            most: new ones in an hour, and as many places; 0 is any number, and nothing falls back.
        """
        bounds = (at_s // _DAY_S, at_s // _HOUR_S, most, MOST_KNOWN, 2 * _DAY_S + KEEP_S)
        letters = {}
        for start in range(0, len(sightings), _CHUNK):
            packed = b"".join(_SIGHTING.pack(*one) for one in sightings[start : start + _CHUNK])
            answer = self._rule(scripts.SIGHT, project_id, what, *bounds, packed, part=start)
            letters.update({thing: letter.decode() for thing, letter in _LETTER.iter_unpack(answer)})
        return letters

    def budget(
        self, project_id: int, settings: project_settings.ProjectSettings, wants: Sequence[Want]
    ) -> dict[int, int]:
        """Return by minute how many of the wanted reports sampling may keep; always more than the forced."""
        encoded = msgspec.json.encode(wants)
        bounds = (settings.sample_budget, encoded, KEEP_S, int(self._clock()))
        rows = self._rule(scripts.BUDGET, project_id, "budget", *bounds)
        return dict(_budgets.decode(rows))

    def grant(
        self,
        project_id: int,
        settings: project_settings.ProjectSettings,
        wants: Mapping[tuple[int, str], int],
    ) -> dict[tuple[int, str], Grant]:
        """Return what the quotas leave of the wanted reports, by second of receipt and public key.

        Args:
            project_id: whose reports they are.
            settings: with its quotas.
            wants: reports by second and key, in the order of the stream.
        """
        limits = msgspec.json.encode(_limits(settings))
        now = (int(self._clock()), clocks.SLACK_MS // 1000)
        minutes: dict[int, list[tuple[int, str, int]]] = {}
        for (second, key), count in wants.items():
            minutes.setdefault(second // _MINUTE_S, []).append((second, key, count))
        grants = {}
        for minute, each in minutes.items():  # one at a time: Redis does nothing else meanwhile
            asked = msgspec.json.encode(each)
            answer = self._rule(
                scripts.GRANT, project_id, "quota", project_id, limits, asked, *now, part=minute
            )
            rows = _grants.decode(answer)
            grants.update({(second, key): Grant(reports, reason) for second, key, reports, reason in rows})
        return grants

    def keep(self, project_id: int, most: int, wants: Mapping[int, int]) -> dict[int, int]:
        """Return how many of the wanted bytes of each hour of receipt the project may keep in quarantine.

        Args:
            project_id: whose bytes they are.
            most: bytes of an hour.
            wants: bytes by hour since the epoch.
        """
        asked = msgspec.json.encode(list(wants.items()))
        return dict(_kept.decode(self._rule(scripts.KEEP, project_id, "quarantine", most, asked, 2 * KEEP_S)))

    def forget(self) -> None:
        """Forget the rulings, once the batch is committed; what this leaves, the next batch removes."""
        if self._rulings:
            with contextlib.suppress(*redis_errors.FAILURES):
                names = sorted(self._rulings)
                self._client.eval(scripts.FORGET.text, len(names), *names, self._batch)

    def _rule(
        self, script: scripts.Script, project_id: int, what: str, *arguments: object, part: int = 0
    ) -> bytes:
        prefix = f"headrace:limits:{{{project_id}}}"
        rulings = f"{prefix}:rulings:{self._lease.shard}"
        names = (rulings, f"{prefix}:{what}", EXHAUSTED_KEY, clocks.KEY)
        whose = (f"{what}/{part}", self._lease.token, self._batch)
        with redis_errors.told():
            answer: Any = self._client.eval(script.text, len(names), *names, *whose, *arguments)  # type: ignore[arg-type]
        if answer is None:
            raise errors.LeaseLostError(f"Shard {self._lease.shard} was taken over: its batch is ruled on.")
        self._rulings.add(rulings)
        ruling: bytes = answer
        return ruling


_budgets: Final = msgspec.json.Decoder(list[tuple[int, int]])
_kept: Final = msgspec.json.Decoder(list[tuple[int, int]])
_grants: Final = msgspec.json.Decoder(list[tuple[int, str, int, str]])


def has_quotas(settings: project_settings.ProjectSettings) -> bool:
    """Return whether any quota is set."""
    return any(getattr(settings, quota.setting) for quota in QUOTAS)


class ExhaustedQuotas(NamedTuple):
    """What edges shed by, and what they tell the time by.

    Attributes:
        exhausted: the quotas that are used up.
        redis_s: Redis' clock, in seconds since the epoch.
        told_s: maintenance's clock as it told last, likewise; 0 where it never did.
    """

    exhausted: list[Exhausted]
    redis_s: float
    told_s: float


async def load_exhausted(client: redis.asyncio.Redis) -> ExhaustedQuotas:
    """Return the quotas that are used up, and drop what says so for longer than any can be."""
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.time()
        pipeline.get(clocks.KEY)
        pipeline.zrange(EXHAUSTED_KEY, 0, -1, withscores=True)
        now, told, members = await pipeline.execute()
    redis_s = clocks.redis_ms(now) / 1000
    credible = [pair for pair in members if all(one.is_credible(redis_s) for one in read_exhausted([pair]))]
    if len(credible) < len(
        members
    ):  # told while a clock was ahead: it would be believed when that time comes
        kept = {member for member, _ in credible}
        await client.zrem(EXHAUSTED_KEY, *(member for member, _ in members if member not in kept))
    return ExhaustedQuotas(read_exhausted(credible), redis_s, clocks.told_ms(told) / 1000)


def read_exhausted(members: Sequence[tuple[bytes, float]]) -> list[Exhausted]:
    """Return what the sorted set ``EXHAUSTED_KEY`` holds, from its members with their scores.

    What another release may have written and this one cannot read is left out.
    """
    found = []
    for member, until in members:
        with contextlib.suppress(ValueError, OverflowError):
            project_id, reason, limit, key = member.decode().split(" ", 3)
            found.append(Exhausted(int(project_id), key, reason, int(limit), int(until)))
    return found


def _limits(settings: project_settings.ProjectSettings) -> list[dict[str, object]]:
    """Return the quotas that are set, as the script takes them."""
    found: list[dict[str, object]] = []
    for quota in QUOTAS:
        limit = getattr(settings, quota.setting)
        if limit:
            bursts = quota.slots == _MINUTE_S and settings.quota_burst
            counted = {**quota._asdict(), "limit": limit, "burst": settings.quota_burst if bursts else limit}
            found.append({**counted, "keep_s": 2 * quota.slots * quota.slot_s + KEEP_S})
    return found
