"""Edges tell their version of the registry by the names of their connections; no other client is an edge."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest
import redis

from deploy.embedded import redis as embedded_redis
from deploy.network import addresses, ports
from deploy.processes import child
from deploy.servers import backends
from storage import errors
from storage.projects import edges, registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.helpers import harness

pytestmark = pytest.mark.integration


@pytest.fixture
def named() -> Iterator[contextlib.ExitStack]:
    """What is entered here is closed with the test."""
    with contextlib.ExitStack() as stack:
        yield stack


def connect(named: contextlib.ExitStack, url: str, name: str) -> redis.Redis:
    """Make a connection with this name, and keep it."""
    client = redis.Redis.from_url(url, client_name=name, single_connection_client=True)
    client.ping()
    named.callback(client.close)
    return client


def rename(client: redis.Redis, version: int) -> None:
    client.client_setname(edges.name(version))


def publish(client: redis.Redis, version: int) -> None:
    client.set(registry.VERSION_KEY, str(version))


def test_a_name_is_one_word(monkeypatch: pytest.MonkeyPatch) -> None:
    for host, word in (
        ("web-1.example", "web-1.example"),
        ("ä b:c\n", "--b-c-"),
        ("", "-"),
        ("h" * 99, "h" * 64),
    ):
        monkeypatch.setattr(socket, "gethostname", lambda host=host: host)
        assert edges.name(7) == f"headrace-edge:{word}:{os.getpid()}:7"
    assert edges.name(None).endswith(":0")


def test_only_edges_of_this_database_are_waited_for(tmp_path: Path, named: contextlib.ExitStack) -> None:
    port = ports.free_port()
    program = embedded_redis.choose(tmp_path).path
    command = embedded_redis.arguments(program, tmp_path, port, maxmemory=0, appendfsync="no")
    process = child.Child([*command, "--databases", "2"], tmp_path / "redis.log")
    named.callback(process.stop)
    ours, others = (f"redis://{addresses.LOOPBACK}:{port}/{database}" for database in (1, 0))
    assert child.wait_until(lambda: backends.redis_is_ready(ours), 60, child=process)
    client = connect(named, ours, "a-command")
    publish(client, 5)
    assert edges.follow(client) == ((), ())
    connect(named, others, edges.name(4))
    for name in (edges.name(5), "headrace-edge:a:1", "headrace-edge:a:b:5", "x"):
        connect(named, ours, name)
    know, late = edges.follow(client)
    assert [(edge.pid, edge.version) for edge in know] == [(os.getpid(), 5)]
    assert late == ()


def test_each_is_waited_for_until_it_goes_by_the_newest(
    client: redis.Redis, redis_server: harness.RedisServer, named: contextlib.ExitStack
) -> None:
    publish(client, 5)
    first, second = (connect(named, redis_server.url, edges.name(version)) for version in (5, 4))
    found: list[edges.Followed] = []
    waiter = threading.Thread(target=lambda: found.append(edges.follow(redis_server.client())))
    waiter.start()
    publish(client, 6)
    rename(first, 6)
    rename(second, 6)
    waiter.join(60)
    assert [len(one) for one in found[0]] == [2, 0]


def test_one_that_is_late_is_told(
    client: redis.Redis,
    redis_server: harness.RedisServer,
    named: contextlib.ExitStack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edges, "FOLLOW_S", 0.1)
    publish(client, 6)
    for version in (0, 5, 6, 7):
        connect(named, redis_server.url, edges.name(version))
    know, late = edges.follow(client)
    assert ([edge.version for edge in know], [edge.version for edge in late]) == ([6], [0, 5, 7])
    assert str(late[0]) == f"process {os.getpid()} on {late[0].host}"
    assert edges.look(client) == (know, late)


def test_a_redis_that_is_away_is_one_sentence() -> None:
    with (
        redis.Redis(port=1) as nowhere,
        pytest.raises(errors.RedisUnavailableError, match=r"^Redis did not give the registry: .*\.$"),
    ):
        edges.follow(nowhere)
