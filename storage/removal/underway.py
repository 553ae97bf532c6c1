"""Batches under way by an older registry: they must be done before rows are counted and deleted.

A drainer reads the registry, binds its batch, and then looks whether the registry changed meanwhile; if it
did, the batch is bound again before anything of it is stored. So once a registry is published, a batch by an
older one either shows in the bounds of its stream, or stores nothing under the older one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
import redis

from storage import errors
from storage.projects import model, registry
from storage.queue import streams
from storage.servers import redis_errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    import redis.exceptions

_POLL_S: Final = 0.05


class _Plan(msgspec.Struct):
    projects: dict[int, msgspec.Raw] = {}
    registry: int = 0


class _Bounds(msgspec.Struct):
    plan: _Plan


_decoder: Final = msgspec.json.Decoder(_Bounds)


def published(client: redis.Redis, source: registry.Registry) -> model.Snapshot:
    """Publish the registry, and return the snapshot that workers and edges find from now on.

    Raises:
        RecoverableError: Redis or ClickHouse did not answer, or something newer stands there for now.
    """
    source.publish(client)
    found = registry.read_snapshot(client)
    if found is None:
        raise errors.RedisUnavailableError("Redis lost the project registry just now.")
    return found


def older(client: redis.Redis, numbers: Iterable[int], version: int, project_id: int) -> list[int]:
    """Return the streams with a batch under way that holds payloads of a project by an older registry.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    wanted = list(numbers)
    with redis_errors.translated():
        found: Any = client.mget([streams.keys(number).bounds for number in wanted])
    plans = (
        (number, _decoder.decode(value).plan) for number, value in zip(wanted, found, strict=True) if value
    )
    return [number for number, plan in plans if plan.registry < version and project_id in plan.projects]


def settled(
    client: redis.Redis, numbers: Iterable[int], version: int, project_id: int, wait_s: float
) -> bool:
    """Wait until no batch of a project by an older registry is under way; return whether that is so.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    left, deadline = list(numbers), time.monotonic() + wait_s
    while left := older(client, left, version, project_id):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True
