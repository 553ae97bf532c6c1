"""Short ways to ask a limit decider of a real Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.limits import exhausted_quotas, limit_decider
from storage.projects import project_settings
from storage.queue import batches

if TYPE_CHECKING:
    import redis

    from storage.limits.decisions import Grant

KEY = "k"


def decider(client: redis.Redis, batch: str, shard: int = 3, token: int = 1) -> limit_decider.LimitDecider:
    """Return the limit decider of a batch."""
    return limit_decider.LimitDecider(client, batches.StreamLease(shard, token, None, 0, begun=False), batch)


def settings(**values: object) -> project_settings.ProjectSettings:
    """Return the settings of a project, of which some are given."""
    return project_settings.ProjectSettings(**values)  # type: ignore[arg-type]


def granted(client: redis.Redis, batch: str, second: int, reports: int, **values: object) -> Grant:
    """Return the answer to a batch that asks for so many reports of one second."""
    answer = decider(client, batch).grant(1, settings(**values), {(second, KEY): reports})
    return answer[second, KEY]


def exhausted(client: redis.Redis) -> list[exhausted_quotas.Exhausted]:
    """Return the quotas that the edges are told to be used up."""
    members: Any = client.zrange(exhausted_quotas.EXHAUSTED_KEY, 0, -1, withscores=True)
    return exhausted_quotas.read(members)
