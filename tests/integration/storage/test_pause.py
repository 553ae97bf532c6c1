"""Pauses of the drains over a real Redis: no batch is under way in one, and none is bound."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from storage import errors
from storage.queue import appenders, batches, envelope, pause, streams
from storage.servers import leases
from tests.helpers import waiting

if TYPE_CHECKING:
    import redis

pytestmark = pytest.mark.integration

SHARDS = 16
STREAM = 3
TTL_MS = 60_000


def planned(client: redis.Redis) -> int:
    newest = pause.newest(client)
    assert newest is not None
    return newest


def acquired(client: redis.Redis, stream: int = STREAM) -> batches.StreamLease:
    lease = batches.Queue(client).acquire(stream, TTL_MS)
    assert lease
    return lease


def append(client: redis.Redis) -> str:
    body = envelope.Payload(1, "key", "prod", "1.0", "agent", "application/json", 0, b"{}")
    return appenders.Appender(client).append({STREAM: [body]})[STREAM]


@pytest.mark.parametrize("stream", [STREAM, SHARDS + STREAM, 2 * SHARDS + STREAM])
def test_no_stream_is_given_bounds_during_a_pause(client: redis.Redis, stream: int) -> None:
    queue, lease = batches.Queue(client), acquired(client, stream)
    with pause.drains(client, SHARDS) as held:
        assert pause.newest(client) is None
        for newest in (None, held.token):
            with pytest.raises(pause.PausedError):
                queue.bind(lease, b"bounds", planned=newest)
        held.require()
    assert not client.exists(streams.keys(stream).bounds)
    queue.bind(lease, b"bounds", planned=planned(client))
    assert client.get(streams.keys(stream).bounds) == b"bounds"


def test_a_batch_that_was_planned_before_a_pause_is_not_bound_after_it(client: redis.Redis) -> None:
    queue, lease = batches.Queue(client), acquired(client)
    before = planned(client)
    with pause.drains(client, SHARDS):
        pass
    with pytest.raises(pause.PausedError):
        queue.bind(lease, b"bounds", planned=before)
    queue.bind(lease, b"bounds", planned=planned(client))


@pytest.mark.parametrize("stream", [STREAM, SHARDS + STREAM, 2 * SHARDS + STREAM])
def test_a_pause_waits_for_a_batch_under_way_which_may_be_bound_again_and_finished(
    client: redis.Redis, stream: int
) -> None:
    queue, lease = batches.Queue(client), acquired(client, stream)
    client.hset(streams.keys(stream).ledger, "acknowledged:1", 0)  # a stream beyond the shards has a ledger
    queue.bind(lease, b"bounds")
    began = threading.Event()

    def paused() -> None:
        with pause.drains(client, SHARDS):
            began.set()

    thread = threading.Thread(target=paused)
    thread.start()
    waiting.until(lambda: pause.newest(client) is None, "a pause is in force")
    queue.bind(lease, b"better bounds")
    queue.begin(lease, TTL_MS)
    assert not client.exists(pause.HELD)
    assert not began.is_set()
    queue.commit(lease, b"better bounds", "1-1", [])
    thread.join()
    assert began.is_set()


def test_a_pause_gives_up_where_nobody_finishes_a_batch(client: redis.Redis) -> None:
    queue, lease = batches.Queue(client), acquired(client)
    queue.bind(lease, b"bounds")
    message = "No worker finishes the batch of stream 3: see that workers run."
    with pytest.raises(pause.NotPausedError, match=message), pause.drains(client, SHARDS, wait_s=0.1):
        pytest.fail("a batch is under way")
    assert pause.newest(client) is not None
    queue.bind(acquired(client, 4), b"bounds", planned=planned(client))


def test_one_pause_waits_for_another(client: redis.Redis) -> None:
    with pause.drains(client, SHARDS):
        with pytest.raises(pause.NotPausedError), pause.drains(client, SHARDS, wait_s=0.1):
            pytest.fail("two pauses")
        assert pause.newest(client) is None
    with pause.drains(client, SHARDS) as held:
        held.require()


def test_a_pause_that_lapsed_is_lost_though_nobody_took_it(client: redis.Redis) -> None:
    with pause.drains(client, SHARDS) as held:
        client.delete(pause.KEY, pause.HELD)  # as when it expires while its holder is suspended
        with pytest.raises(errors.LeaseLostError):
            held.require()
        assert pause.newest(client) == held.token
        with pause.drains(client, SHARDS) as other:
            with pytest.raises(errors.LeaseLostError):
                held.require()
            other.require()
    assert pause.newest(client) == other.token


def test_a_pause_expires_by_itself_and_is_prolonged(client: redis.Redis) -> None:
    with pause.drains(client, SHARDS) as held:
        for key in (pause.KEY, pause.HELD):
            assert 0 < client.pttl(key) <= leases.TTL_MS
            client.pexpire(key, 1_000)
        held.require()
        for key in (pause.KEY, pause.HELD):
            assert client.pttl(key) > 1_000


def test_a_pause_of_a_clock_that_was_set_back_does_not_last(client: redis.Redis) -> None:
    queue, lease = batches.Queue(client), acquired(client)
    client.set(pause.KEY, 1, px=86_400_000)
    assert pause.newest(client) == 0
    with pytest.raises(pause.PausedError):
        queue.bind(lease, b"bounds")
    assert 0 < client.pttl(pause.KEY) <= leases.TTL_MS


def test_a_batch_that_an_earlier_release_bound_meanwhile_waits(client: redis.Redis) -> None:
    queue, lease = batches.Queue(client), acquired(client)
    entry_id = append(client)
    with pause.drains(client, SHARDS):
        client.set(streams.keys(STREAM).bounds, b"bounds")  # its script knows nothing of pauses
        with pytest.raises(pause.PausedError):
            queue.begin(lease, TTL_MS)
    queue.begin(lease, TTL_MS)
    queue.commit(lease, b"bounds", entry_id, [])
