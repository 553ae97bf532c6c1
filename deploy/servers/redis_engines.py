"""Which Redis a server is, Redis itself or Valkey, and whether Headrace can rely on it.

Headrace's scripts say in their first line that they may write when memory is full, which Redis understands
since 7.0 and Valkey always did (``#!lua flags=allow-oom``). All commands that they and RQ use are older.
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
"""How long a program may take to say its version; a few ms are usual."""
_SAID: Final = re.compile(r"(\w+) server v(?:=|ersion )(\d+(?:\.\d+)*)")
_SAID_BYTES: Final = 4096
_PROBE: Final = "#!lua flags=allow-oom\nreturn 1"


class UnsuitableError(errors.HeadraceError):
    """A Redis server cannot do what Headrace needs of it, or may lose what it holds."""


class Engine(NamedTuple):
    """A server by its name and version, such as Valkey and 9.1.2; an unknown version is empty."""

    name: str
    version: str

    @property
    def number(self) -> tuple[int, ...]:
        """The version as it compares with others."""
        return tuple(map(int, re.findall(r"\d+", self.version)))

    def __str__(self) -> str:
        """Return it as people say it."""
        return f"{self.name} {self.version}".strip()


def of_program(path: str) -> Engine | None:
    """Return what a program says it is with ``--version``; None when it says nothing of the kind in time."""
    found = _SAID.search(_said(path))
    return Engine(found[1], found[2]) if found else None


def of_server(facts: dict[str, Any]) -> Engine:
    """Return what a server is by its ``INFO``, in which others name a version of Redis beside their own."""
    for name in ("valkey", "dragonfly"):
        if version := facts.get(f"{name}_version"):
            return Engine(name.capitalize(), str(version))
    return Engine("Redis", str(facts.get("redis_version", "")))


def require_suitable(client: redis.Redis, where: str) -> tuple[Engine, list[str]]:
    """Check that a server can do what Headrace needs, and return what it is.

    Args:
        client: of the server.
        where: its address, for sentences.

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
    with redis_errors.told(f"at {where} did not answer"):
        facts: Any = client.info()
    return dict(facts)


def _obstacle(facts: dict[str, Any]) -> str:
    """Return why a server cannot hold the queue; the end of a sentence, or nothing."""
    if facts.get("cluster_enabled") == 1:
        return "is a cluster: an append writes to several of its slots at once, so name a single server"
    if facts.get("role") == "slave":
        return "is a replica, which takes no writes: name its primary"
    if facts.get("maxmemory") and (policy := _policy(facts)):
        return f"evicts reports when its memory is full: set its maxmemory-policy from {policy} to noeviction"
    return ""


def _risks(facts: dict[str, Any]) -> Iterator[str]:
    """Yield what may lose reports one day: ends of sentences."""
    if policy := _policy(facts):
        change = f"set its maxmemory-policy from {policy} to noeviction"
        yield f"would evict reports once it has a maxmemory: {change}"
    if facts.get("aof_enabled") == 0:
        yield "keeps no append-only log, so what it acknowledged is gone after a crash: set appendonly to yes"


def _policy(facts: dict[str, Any]) -> str:
    """Return a policy by which a server evicts what it holds; nothing when it refuses writes instead."""
    policy = str(facts.get("maxmemory_policy", ""))
    return "" if policy == "noeviction" else policy


def _runs_scripts(client: redis.Redis) -> bool:
    with redis_errors.told("did not run a script"):
        try:
            client.eval(_PROBE, 0)
        except redis.exceptions.ResponseError:
            return False
        return True


def _said(path: str) -> str:
    """Return the first that a program says of its version; whatever it is, it ends with the call."""
    try:
        process = subprocess.Popen(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:  # it is no program for this machine, or may not be run
        return ""
    with process:
        try:
            return _first(process.stdout.fileno() if process.stdout else -1).decode("utf-8", "replace")
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended
                os.killpg(process.pid, signal.SIGKILL)


def _first(descriptor: int) -> bytes:
    """Read until a line says the version, or what comes in time: wrappers may warn first."""
    said, deadline = b"", time.monotonic() + VERSION_S
    while not _SAID.search(_lines(said)) and len(said) < _SAID_BYTES:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(descriptor, _SAID_BYTES) if ready else b""
        if not part:
            break
        said += part
    return said


def _lines(said: bytes) -> str:
    """Return what is there of whole lines: half a version is another one."""
    return said[: said.rfind(b"\n") + 1].decode("utf-8", "replace")
