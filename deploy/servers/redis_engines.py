"""The engine of a Redis server, Redis itself or Valkey, and whether Headrace can rely on it.

The first line of Headrace's scripts, ``#!lua flags=allow-oom``, lets them write when memory is full. Redis
understands it since 7.0, and Valkey always did. All commands of the scripts and of RQ are older.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis
import redis.exceptions

from storage import errors
from storage.servers import redis_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST: Final = (7, 0)
"""The oldest version that runs the scripts; forks of Redis count on from the version that they began with."""
NEEDED: Final = "Redis 7.0 or newer, or Valkey"

VERSION_S: Final = 5.0
"""How long a program may take to print its version; a few ms are usual."""
_SAID: Final = re.compile(r"(\w+) server v(?:=|ersion )(\d+(?:\.\d+)*)")
_SAID_BYTES: Final = 4096
_PROBE: Final = "#!lua flags=allow-oom\nreturn 1"


class UnsuitableError(errors.HeadraceError):
    """A Redis server cannot hold the queue, or may lose entries of it."""


class Engine(NamedTuple):
    """A server by its name and version, such as Valkey and 9.1.2; an unknown version is empty."""

    name: str
    version: str

    @property
    def number(self) -> tuple[int, ...]:
        """The version as it compares with others."""
        return tuple(map(int, re.findall(r"\d+", self.version)))

    def __str__(self) -> str:
        """Return the name and the version, for a sentence."""
        return f"{self.name} {self.version}".strip()


def of_program(path: str) -> Engine | None:
    """Return the engine that a program prints with ``--version``; None when it prints none in time."""
    found = _SAID.search(_said(path))
    return Engine(found[1], found[2]) if found else None


def of_server(facts: dict[str, Any]) -> Engine:
    """Return the engine of a server by its ``INFO``; others name a version of Redis beside their own."""
    for name in ("valkey", "dragonfly"):
        if version := facts.get(f"{name}_version"):
            return Engine(name.capitalize(), str(version))
    return Engine("Redis", str(facts.get("redis_version", "")))


def require_suitable(client: redis.Redis, where: str) -> tuple[Engine, list[str]]:
    """Check that a server can hold the queue, and return its engine.

    Args:
        client: a connection to the server.
        where: the address of the server, for sentences.

    Returns:
        The engine, and one sentence about each risk that it poses.

    Raises:
        UnsuitableError: it is too old, a cluster or a replica, or evicts what it holds when memory is full.
        RedisUnavailableError: it did not answer.
    """
    facts = _asked(client, where)
    engine = of_server(facts)
    obstacle = _obstacle(facts)
    if not obstacle and not _runs_scripts(client):
        obstacle = f"does not run Headrace's scripts: it must be {NEEDED}"
    if obstacle:
        raise UnsuitableError(f"Redis at {where} ({engine}) {obstacle}.")
    return engine, [f"Redis at {where} {risk}." for risk in _risks(facts)]


def _asked(client: redis.Redis, where: str) -> dict[str, Any]:
    with redis_errors.translated(f"at {where} did not answer"):
        facts: Any = client.info()
    return dict(facts)


def _obstacle(facts: dict[str, Any]) -> str:
    """Return why a server cannot hold the queue, as the end of a sentence; empty when it can."""
    if facts.get("cluster_enabled") == 1:
        return "is a cluster: an append writes to several of its slots at once, so name a single server"
    if facts.get("role") == "slave":
        return "is a replica, which takes no writes: name its primary"
    if facts.get("maxmemory") and (policy := _policy(facts)):
        return f"evicts reports when its memory is full: set its maxmemory-policy from {policy} to noeviction"
    return ""


def _risks(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the ways in which a server may lose reports, as ends of sentences."""
    if policy := _policy(facts):
        change = f"set its maxmemory-policy from {policy} to noeviction"
        yield f"would evict reports once it has a maxmemory: {change}"
    if facts.get("aof_enabled") == 0:
        yield "keeps no append-only log, so what it acknowledged is gone after a crash: set appendonly to yes"


def _policy(facts: dict[str, Any]) -> str:
    """Return the policy by which a server evicts entries; empty when it refuses writes instead."""
    policy = str(facts.get("maxmemory_policy", ""))
    return "" if policy == "noeviction" else policy


def _runs_scripts(client: redis.Redis) -> bool:
    with redis_errors.translated("did not run a script"):
        try:
            client.eval(_PROBE, 0)
        except redis.exceptions.ResponseError:
            return False
        return True


def _said(path: str) -> str:
    """Return the first output of a program about its version; the program ends with the call."""
    try:
        process = subprocess.Popen(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:  # the file is no program for this machine, or may not be run
        return ""
    with process:
        try:
            return _first(process.stdout.fileno() if process.stdout else -1).decode("utf-8", "replace")
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended
                os.killpg(process.pid, signal.SIGKILL)


def _first(descriptor: int) -> bytes:
    """Read until a line has the version, or the time is over: a wrapper may print warnings first."""
    said, deadline = b"", time.monotonic() + VERSION_S
    while not _SAID.search(_lines(said)) and len(said) < _SAID_BYTES:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(descriptor, _SAID_BYTES) if ready else b""
        if not part:
            break
        said += part
    return said


def _lines(said: bytes) -> str:
    """Return the complete lines: half a version would be another version."""
    return said[: said.rfind(b"\n") + 1].decode("utf-8", "replace")
