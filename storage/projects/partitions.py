"""The guard of the partition key, which comes from a public query string.

Each pair (environment, release) of a project that has reports in ``reports_live`` has a partition there. A
project has at most ``max_partitions`` of them, all projects together at most a budget, and a pair keeps its
place until its partition is gone: it was archived (``storage.archive``), or all its reports were removed. A
quarter of a project's places may be taken within an hour, and all of them within a day, so that a sender of
made-up releases gets neither all of them at once, nor names without end.

A pair that was archived needs no place: its reports go to the archive from then on. The latest
``MOST_ARCHIVED`` of a project are known as archived; an older one that comes back takes a place like a new
one, and is archived again.

Reports of a refused pair land in release ``(other)``, under their own environment if it is among the first
``MOST_ENVIRONMENTS`` of the project, else under the empty one. So the partitions stay bounded whatever a
sender makes up, and few of them are written by drainers of several streams.

All this is kept in Redis. Where Redis lost it, ``admit`` says so: ClickHouse knows it too.
"""

from __future__ import annotations

import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import redis

from storage import errors
from storage.queue import envelope
from storage.servers import clocks, redis_errors, scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    import redis.exceptions
    from redis.client import Pipeline

BUDGET: Final = 10_000
"""Live partitions of all projects, unless a setting says otherwise. At ten parts each they reach ClickHouse's
``max_parts_in_total`` of 100 000, beyond which it refuses inserts."""
QUIET_DAYS: Final = 7.0
"""Days without a report after which a pair is archived, unless a setting says otherwise: nearly all browsers
have left the pages of a replaced release by then."""
MOST_ARCHIVED: Final = 5_000
"""Archived pairs of a project that are known as such: about 500 kB in Redis, and a hundred days of 50 deploys
a day."""
MOST_ENVIRONMENTS: Final = 5
"""Environments that keep their name under ``(other)``: real ones are few, and there before made-up ones."""
LIFE_MS: Final = 7 * 24 * 3600 * 1000
"""An environment that sent nothing for a week makes room among the first ones."""
_NEW_SHARE: Final = 1 / 4
"""The share of the places that may be taken within an hour."""
_LEAST_NEW: Final = 10
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_HOUR_KEPT_S: Final = 7_200
_DAY_KEPT_S: Final = 172_800

TOTALS_KEY: Final = "headrace:partitions"
"""The number of live pairs by project, and a field that is there once all of them are known."""
_KNOWN: Final = "known"
_ARCHIVED: Final = b"archived"

Pair = tuple[str, str]
Times = dict[Pair, int]
"""Pairs, each with the time of its last report in milliseconds since the epoch."""


class UnknownError(errors.RecoverableError):
    """Redis does not know which pairs have places: it was emptied, or an older release ran until now."""


class PairDecisions(NamedTuple):
    """Decisions of the guard on the pairs of a batch; a pair that is in none of both is live.

    Attributes:
        refused: the pairs beyond a limit, each with the environment under which its reports are kept.
        archived: the pairs whose reports go to the archive.
    """

    refused: Mapping[Pair, str] = MappingProxyType({})
    archived: Collection[Pair] = ()


class PairLimits(NamedTuple):
    """How many pairs may be live.

    Attributes:
        most: the project's ``max_partitions``.
        budget: the most live pairs of all projects.
    """

    most: int
    budget: int = BUDGET


class Places(NamedTuple):
    """The live and the archived pairs of a project, with the time of their last report.

    A pair that is among both is on its way into the archive.
    """

    live: Times
    archived: Times


def keys(project_id: int) -> tuple[str, str, str]:
    """Return the Redis keys of a project: its live pairs, its first environments, its archived pairs."""
    return (
        f"headrace:partitions:{project_id}",
        f"headrace:environments:{project_id}",
        f"headrace:archived:{project_id}",
    )


def most_new(most: int) -> int:
    """Return how many pairs of a project may come to live within an hour, out of so many in all."""
    return max(_LEAST_NEW, int(most * _NEW_SHARE))


def most_new_on_day(most: int) -> int:
    """Return how many pairs of a project may come to live on a day, out of so many in all."""
    return max(_LEAST_NEW, most)


def is_movable(pair: Pair) -> bool:
    """Say whether a pair may be archived: what is beyond the limits comes to ``(other)`` at any time."""
    return pair[1] != envelope.OTHER_RELEASE


def admit(  # noqa: PLR0913 - the time of receipt, and the clock that bounds it
    client: redis.Redis,
    project_id: int,
    pairs: Sequence[Pair],
    limits: PairLimits,
    *,
    now_ms: int,
    clock: Callable[[], float] = time.time,
) -> PairDecisions:
    """Give places to the pairs of a project that have none yet, as far as there are any.

    Args:
        client: a synchronous client without retries.
        project_id: the project of the pairs.
        pairs: the pairs, in the order in which they may take the places that are left.
        limits: how many may be live.
        now_ms: time of receipt, in milliseconds since the epoch.
        clock: seconds since the epoch; a later time of receipt was told by a clock that was ahead.

    Raises:
        RedisUnavailableError: Redis did not answer.
        UnknownError: Redis does not know which pairs have places; nothing was decided.
    """
    hour, day = now_ms // _HOUR_MS, now_ms // _DAY_MS
    new = (f"headrace:partitions:{project_id}:{hour}", f"headrace:partitions:{project_id}:day:{day}")
    most = limits.most
    bounds = (*limits, MOST_ENVIRONMENTS, LIFE_MS, most_new(most), most_new_on_day(most))
    clocked = (_HOUR_KEPT_S, _DAY_KEPT_S, int(clock() * 1000), clocks.SLACK_MS)
    where = (*keys(project_id), *new, TOTALS_KEY)
    with redis_errors.translated():
        answers = scripts.ADMIT_PARTITIONS.run(
            client, where, now_ms, project_id, *bounds, *clocked, *map(_member, pairs)
        )
    if answers is None:
        raise UnknownError("Redis does not know which releases have partitions.")
    decided = list(zip(pairs, answers, strict=True))
    return PairDecisions(
        {pair: answer[1:].decode() for pair, answer in decided if answer.startswith(b"=")},
        {pair for pair, answer in decided if answer == _ARCHIVED},
    )


def adjust(
    client: redis.Redis,
    project_id: int,
    *,
    live: Mapping[Pair, int] = MappingProxyType({}),
    archived: Mapping[Pair, int] = MappingProxyType({}),
    gone: Iterable[Pair] = (),
) -> None:
    """Note what is known of a project's pairs; idempotent.

    Args:
        client: a synchronous client.
        project_id: the project of the pairs.
        live: pairs that have a partition, and the time of their last report (ms since the epoch).
        archived: pairs that are archived from now on, likewise.
        gone: pairs that have no partition any more.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated():
        _adjustment(project_id, live, archived, gone).run_on(client)


def restore(client: redis.Redis, known: Mapping[int, Places]) -> None:
    """Give Redis back what it lost: all pairs that have a partition, or are archived, by project.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated(), client.pipeline(transaction=True) as pipeline:
        for project_id, places in known.items():
            _adjustment(project_id, places.live, places.archived, ()).add_to(pipeline)
        pipeline.hset(TOTALS_KEY, _KNOWN, 0)
        pipeline.execute()


def forget(pipeline: Pipeline, project_id: int) -> None:
    """Add to a pipeline the commands that forget a project."""
    pipeline.delete(*keys(project_id))
    pipeline.hdel(TOTALS_KEY, str(project_id))


def is_known(client: redis.Redis) -> bool:
    """Say whether Redis knows which pairs have places.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated():
        return bool(client.hexists(TOTALS_KEY, _KNOWN))


def places(client: redis.Redis) -> dict[int, Places]:
    """Return the live pairs that Redis knows, by project, and which of them are archived, too.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated(), client.pipeline(transaction=False) as pipeline:
        found: Any = client.hkeys(TOTALS_KEY)
        projects = sorted(int(name) for name in found if name != _KNOWN.encode())
        for project_id in projects:
            live_key, _, archived_key = keys(project_id)
            pipeline.zrange(live_key, 0, -1, withscores=True)
            pipeline.zinter({archived_key: 1, live_key: 0}, withscores=True)
        answers = iter(pipeline.execute())
        return {project_id: Places(_times(next(answers)), _times(next(answers))) for project_id in projects}


class _Adjustment(NamedTuple):
    """A call of the script that notes pairs."""

    names: tuple[str, str, str]
    arguments: list[Any]

    def run_on(self, client: redis.Redis) -> None:
        scripts.ADJUST_PARTITIONS.run(client, self.names, *self.arguments)

    def add_to(self, pipeline: Pipeline) -> None:
        scripts.ADJUST_PARTITIONS.add_to(pipeline, self.names, *self.arguments)


def _adjustment(
    project_id: int, live: Mapping[Pair, int], archived: Mapping[Pair, int], gone: Iterable[Pair]
) -> _Adjustment:
    live_key, _, archived_key = keys(project_id)
    flat: list[Any] = [project_id, MOST_ARCHIVED, len(live), len(archived)]
    for times in (live, archived):
        for pair, time_ms in times.items():
            flat += [time_ms, _member(pair)]
    flat += map(_member, gone)
    return _Adjustment((live_key, archived_key, TOTALS_KEY), flat)


def _member(pair: Pair) -> bytes:
    return msgspec.json.encode(pair)


def _times(scored: Iterable[tuple[bytes, float]]) -> Times:
    return {msgspec.json.decode(member, type=Pair): int(score) for member, score in scored}
