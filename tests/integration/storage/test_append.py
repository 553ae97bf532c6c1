"""Each append is carried out once, whatever is lost, repeated or given up on its way to Redis."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import redis.asyncio

from deploy.servers import backends
from ingest.backend import connection
from storage import errors
from storage.ledger import equations
from storage.queue import appenders, appends, batches, envelope, streams
from storage.servers import scripts
from tests.helpers import relay, waiting

if TYPE_CHECKING:
    from collections.abc import Iterable

    import redis as redis_sync

    from tests.helpers import harness

TIMEOUT_S = waiting.PATIENCE_S
NEVER_S = 3600.0
"""Where an answer is held back: the test alone gives up, also on a machine that stood still for minutes."""


def payload(body: str, project_id: int = 1) -> envelope.Payload:
    return envelope.Payload(project_id, "key", "prod", "1.0", "", "", 0, body.encode())


def bodies(client: redis_sync.Redis, shards: Iterable[int] = range(16)) -> Counter[str]:
    """Return every payload in the queue, by its body."""
    queue = batches.Queue(client)
    return Counter(
        item.body.decode()
        for shard in shards
        for stored in queue.read_between(shard, "-", "+")
        for item in envelope.decode(stored.id, stored.value).payloads
    )


def acknowledged(client: redis_sync.Redis) -> int:
    return sum(equations.counters(client, 16)["acknowledged"].values())


def refused_scripts(client: redis_sync.Redis) -> int:
    errors_seen: dict[str, dict[str, int]] = client.info("errorstats")
    return errors_seen.get("errorstat_NOSCRIPT", {"count": 0})["count"]


def test_scripts_that_are_lost_and_loaded_in_the_middle_of_an_append(
    client: redis_sync.Redis, redis_server: harness.RedisServer
) -> None:
    """Redis forgets its scripts; of an append some commands are refused, and then another edge loads them."""

    async def scenario() -> dict[int, str]:
        edge = connection.connect(between.url, TIMEOUT_S)
        client.script_flush()
        stored = await appenders.AsyncAppender(edge).append({0: [payload("a")], 1: [payload("b")]})
        await edge.aclose()
        return stored

    before = refused_scripts(client)

    def load() -> None:
        waiting.until(lambda: refused_scripts(client) > before, "Redis refuses a script that it lost")
        client.script_load(scripts.APPEND_ENTRIES.text)

    with relay.Relay(redis_server.url, load) as between:
        assert asyncio.run(scenario()).keys() == {0, 1}
    assert bodies(client) == {"a": 1, "b": 1}
    assert acknowledged(client) == 2


def test_edges_that_append_while_redis_loses_its_scripts(
    client: redis_sync.Redis, redis_server: harness.RedisServer
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - shown when it fails
    chance = random.Random(seed)
    edges, rounds = 6, 60

    async def edge(number: int) -> list[str]:
        own = connection.connect(redis_server.url, TIMEOUT_S)
        appender = appenders.AsyncAppender(own)
        sent = []
        for turn in range(rounds):
            groups = {shard: [payload(f"{number}.{turn}.{shard}")] for shard in chance.sample(range(16), k=8)}
            stored = await appender.append(groups)
            assert stored.keys() == groups.keys()
            sent += [group[0].body.decode() for group in groups.values()]
            if chance.random() < 0.2:
                await own.script_flush()
        await own.aclose()
        return sent

    async def all_edges() -> list[list[str]]:
        return await asyncio.gather(*(edge(number) for number in range(edges)))

    sent = [body for mine in asyncio.run(all_edges()) for body in mine]
    assert bodies(client) == Counter(sent)
    assert acknowledged(client) == len(sent) == edges * rounds * 8
    assert not appends.repeated(client)


@pytest.mark.parametrize("flushed", [False, True])
def test_an_answer_that_is_lost_is_asked_for_again(
    client: redis_sync.Redis, redis_server: harness.RedisServer, *, flushed: bool
) -> None:
    async def scenario() -> dict[int, str]:
        edge = connection.connect(between.url, TIMEOUT_S)
        appender = appenders.AsyncAppender(edge)
        await appender.append({3: [payload("a")]})
        if flushed:
            client.script_flush()
        between.cut = 1
        stored = await appender.append({3: [payload("b")], 4: [payload("c", 7)]})
        await edge.aclose()
        return stored

    with relay.Relay(redis_server.url) as between:
        second = asyncio.run(scenario())
    assert bodies(client) == {"a": 1, "b": 1, "c": 1}
    assert second[3] == batches.Queue(client).read_between(3, "-", "+")[-1].id
    assert acknowledged(client) == 3
    assert appends.repeated(client) == ({} if flushed else {1: 1, 7: 1}), (
        "a doubling that was prevented shows"
    )


def test_a_lost_answer_to_the_command_line_is_asked_for_again(
    client: redis_sync.Redis, redis_server: harness.RedisServer
) -> None:
    with relay.Relay(redis_server.url) as between:
        between.cut = appenders.ATTEMPTS - 1
        with contextlib.closing(backends.connect_redis(between.url)) as operator:
            stored = appenders.Appender(operator).append({3: [payload("a")], 4: [payload("b")]})
    assert stored.keys() == {3, 4}
    assert bodies(client) == {"a": 1, "b": 1}
    assert acknowledged(client) == 2


def test_an_append_that_comes_again_or_too_late_changes_nothing(client: redis_sync.Redis) -> None:
    producer = appends.Producer(whole=False)
    names = streams.keys(3)

    def numbered(body: str) -> appends.Call:
        return producer.next_call([appends.Group(names.stream, names.ledger, [payload(body)])], 0.0)

    given_up, kept = numbered("given up"), numbered("kept")
    answer = scripts.APPEND_ENTRIES.run(client, kept.keys, *kept.arguments)
    assert scripts.APPEND_ENTRIES.run(client, kept.keys, *kept.arguments) == answer
    with pytest.raises(redis.exceptions.ResponseError, match="LATE"):
        scripts.APPEND_ENTRIES.run(client, given_up.keys, *given_up.arguments)
    assert bodies(client) == {"kept": 1}
    assert acknowledged(client) == 1
    assert appends.repeated(client) == {1: 1}


def test_an_append_that_is_given_up_leaves_no_answer_to_the_next(
    client: redis_sync.Redis, redis_server: harness.RedisServer
) -> None:
    """Redis answers late. Who asks next over the same client is told what it asked for."""

    async def scenario() -> dict[int, str]:
        edge = connection.connect(between.url, NEVER_S)
        appender = appenders.AsyncAppender(edge)
        await appender.append({0: [payload("first")]})
        for number in range(5):
            between.held.clear()
            between.released.clear()
            lost = asyncio.create_task(appender.append({1: [payload(f"lost {number}")]}))
            assert await asyncio.to_thread(between.held.wait, TIMEOUT_S)
            lost.cancel()
            with pytest.raises(asyncio.CancelledError):
                await lost
            between.released.set()
            assert isinstance(await edge.time(), tuple)
        stored = await appender.append({2: [payload("last")], 5: [payload("too")]})
        await edge.aclose()
        return stored

    with relay.Relay(redis_server.url) as between:
        stored = asyncio.run(scenario())
    queue = batches.Queue(client)
    assert stored == {shard: queue.read_between(shard, "-", "+")[-1].id for shard in (2, 5)}
    assert bodies(client) == Counter(["first", *(f"lost {number}" for number in range(5)), "last", "too"])
    assert acknowledged(client) == 8


@pytest.mark.parametrize("broken", ["stream", "ledger", "count", "end"])
def test_a_shard_that_cannot_be_stored_in_takes_no_other_with_it(
    client: redis_sync.Redis, redis_server: harness.RedisServer, broken: str
) -> None:
    names = streams.keys(4)
    if broken == "end":
        client.xadd(names.stream, {"n": "", "p": ""}, id="18446744073709551615-18446744073709551615")
    elif broken == "count":
        client.hset(names.ledger, "acknowledged:7", "no number")
    else:
        client.set(getattr(names, broken), "no such thing")
    groups = {3: [payload("a")], 4: [payload("b", 1), payload("c", 7)], 5: [payload("d")]}

    async def scenario() -> dict[int, str]:
        edge = connection.connect(redis_server.url, TIMEOUT_S)
        stored = await appenders.AsyncAppender(edge).append(groups)
        await edge.aclose()
        return stored

    assert asyncio.run(scenario()).keys() == {3, 5}
    assert bodies(client, (3, 5)) == {"a": 1, "d": 1}
    if broken == "count":
        assert client.hget(names.ledger, "acknowledged:1") == b"0"
        assert client.xlen(names.stream) == 0
    with pytest.raises(errors.RedisUnavailableError):
        appenders.Appender(client).append(groups)
    assert bodies(client, (3, 5)) == {"a": 1, "d": 1}, "the command line stores all or nothing"
    assert {client.hget(streams.keys(shard).ledger, "acknowledged:1") for shard in (3, 5)} == {b"1"}


def test_a_process_that_was_forked_is_another_producer() -> None:
    producer = appends.Producer(whole=False)
    mine = producer.next_call([], 0.0).keys[0]
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, producer.next_call([], 0.0).keys[0].encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100).decode() != mine == producer.next_call([], 0.0).keys[0]
    os.close(read)
    os.close(write)
