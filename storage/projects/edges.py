"""The edge processes that are connected to Redis, and the version of the registry by which each one works.

An edge keeps one connection on which it polls Redis several times a second, and names the connection after
that version: nothing is written for it, and an edge that ends is gone from the list with its connection. A
command that changed the registry waits here until every edge works by the change.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from typing import Any, Final, NamedTuple

import redis
import redis.asyncio
import redis.exceptions

from storage.projects import registry
from storage.servers import redis_errors

FOLLOW_S: Final = 10.0
"""Seconds for which a command waits for edges. They poll five times a second; a starved one takes seconds."""
_POLL_S: Final = 0.02
_PREFIX: Final = "headrace-edge"
_NAME: Final = re.compile(_PREFIX + r":([\w.-]+):(\d+):(\d+)")
_ODD: Final = re.compile(r"[^\w.-]", re.ASCII)


class Edge(NamedTuple):
    """An edge process: its machine, its process id there, its version of the registry (0: none yet).

    ``idle_s`` is the number of seconds since it polled Redis.
    """

    host: str
    pid: int
    version: int
    idle_s: int

    def __str__(self) -> str:
        """Return the process as a person would name it."""
        return f"process {self.pid} on {self.host}"


class Followed(NamedTuple):
    """The edge processes that know the registry as it is, and those that did not learn of it in time."""

    know: tuple[Edge, ...]
    late: tuple[Edge, ...]


def name(version: int | None) -> str:
    """Return the name of this process's connection while it works by this version of the registry."""
    host = _ODD.sub("-", socket.gethostname())[:64] or "-"
    return f"{_PREFIX}:{host}:{os.getpid()}:{version or 0}"


async def announce(client: redis.asyncio.Redis, version: int | None) -> None:
    """Name this connection after the version of the registry by which this process works from now on.

    Where Redis does not let its user name connections, no command waits for this edge; nothing else is lost.
    """
    with contextlib.suppress(redis.exceptions.ResponseError):
        await client.client_setname(name(version))


def look(client: redis.Redis) -> Followed:
    """Return which of the connected edge processes know the registry as it is now.

    Raises:
        RedisUnavailableError: Redis did not answer, or does not show its connections to this user.
    """
    return _parted(_connected(client), {registry.read_version(client)})


def follow(client: redis.Redis) -> Followed:
    """Wait until every connected edge process works by the registry as it is now, or by a later one.

    An edge that has been silent for ``FOLLOW_S`` is not waited for: it is frozen, or its machine is gone.

    Raises:
        RedisUnavailableError: Redis did not answer, or does not show its connections to this user.
    """
    deadline = time.monotonic() + FOLLOW_S
    versions: set[int | None] = set()
    while True:
        versions.add(registry.read_version(client))
        found = _parted(_connected(client), versions)
        if all(edge.idle_s >= FOLLOW_S for edge in found.late) or time.monotonic() >= deadline:
            return found
        time.sleep(_POLL_S)


def _parted(found: list[Edge], versions: set[int | None]) -> Followed:
    know = tuple(edge for edge in found if edge.version in versions)
    return Followed(know, tuple(edge for edge in found if edge.version not in versions))


def _connected(client: redis.Redis) -> list[Edge]:
    """Return the edge processes that are connected to this database, in the order of their connections."""
    with redis_errors.translated("does not say who is connected"):
        connections: Any = client.client_list(_type="normal")
    database = str(client.connection_pool.connection_kwargs.get("db") or 0)
    matches = (
        (_NAME.fullmatch(connection["name"]), int(connection["idle"]))
        for connection in connections
        if connection["db"] == database
    )
    return [Edge(match[1], int(match[2]), int(match[3]), idle) for match, idle in matches if match]
