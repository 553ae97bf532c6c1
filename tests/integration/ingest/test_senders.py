"""Senders are told apart by every edge alike, and by nothing that would tell who they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from deploy.network import addresses, ports
from ingest.backend import connection, senders
from storage.queue import envelope, reach
from tests.helpers import waiting
from tests.integration.ingest import edges

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    import redis

    from tests.helpers import harness

pytestmark = pytest.mark.integration

NOW = 1_790_000_000.0
DAY_S = 86_400
REPORTING = {"Content-Type": "application/reports+json", "User-Agent": "Firefox"}
ITEM = b'[{"age":1,"type":"csp-violation","url":"https://www.example.com/","body":{}}]'


def found(url: str, *moments: float, user_agent: bytes = b"Firefox") -> list[senders.Sender]:
    """Return what an edge makes of one sender at each of these moments."""

    async def main() -> list[senders.Sender]:
        clock = iter(moments)
        client = connection.connect(url, edges.REDIS_S)
        tested = senders.Senders(client, edges.REDIS_S, lambda: next(clock))
        each = []
        for _ in moments:
            await tested.refresh()
            each.append(tested.find("192.0.2.1", user_agent, 1))
        await client.aclose()
        return each

    return asyncio.run(main())


def test_all_edges_agree_for_a_day(redis_server: harness.RedisServer) -> None:
    one, same, tomorrow = found(redis_server.url, NOW, NOW + 1, NOW + DAY_S)
    assert found(redis_server.url, NOW, NOW + DAY_S) == [one, tomorrow]
    assert one == same
    assert one.digest != tomorrow.digest
    assert 0 < one.digest < 2**64
    assert reach.sketch_of(one.slot)


def test_the_secret_of_a_day_is_forgotten(
    redis_server: harness.RedisServer, redis_client: redis.Redis
) -> None:
    found(redis_server.url, NOW)
    (name,) = (key for key in redis_client.scan_iter("headrace:senders:*") if key.endswith(b":20717"))
    assert 0 < redis_client.ttl(name) <= 2 * DAY_S


def test_without_redis_nobody_is_told_apart() -> None:
    assert found(f"redis://{addresses.LOOPBACK}:{ports.free_port()}", NOW) == [senders.UNKNOWN]


@pytest.mark.parametrize("damaged", [b"", b"short", b"x" * 100])
def test_a_damaged_secret_hashes_nobody(
    redis_server: harness.RedisServer, redis_client: redis.Redis, damaged: bytes
) -> None:
    redis_client.set(f"headrace:senders:{int(NOW) // DAY_S + 7}", damaged)
    assert found(redis_server.url, NOW + 7 * DAY_S) == [senders.UNKNOWN]


def test_what_is_not_kept_of_a_user_agent_does_not_count(redis_server: harness.RedisServer) -> None:
    long = b"x" * envelope.MAX_USER_AGENT
    assert found(redis_server.url, NOW, user_agent=long) == found(
        redis_server.url, NOW, user_agent=long + b"y" * 100_000
    )


def test_at_midnight_the_next_secret_is_read_at_once(redis_server: harness.RedisServer) -> None:
    """Until then the secret of the day before would be that of another day's rows."""

    async def main() -> tuple[float, ...]:
        clock = NOW // DAY_S * DAY_S + DAY_S - 0.25
        client = connection.connect(redis_server.url, edges.REDIS_S)
        tested = senders.Senders(client, edges.REDIS_S, lambda: clock)
        missing = tested.wait_s()
        await tested.refresh()
        before = tested.wait_s()
        clock += 0.5
        await tested.refresh()
        await client.aclose()
        after = tested.wait_s()
        clock += DAY_S
        return missing, before, after, tested.wait_s()

    assert asyncio.run(main()) == (0.25, 0.25, 10.0, 1.0)


def test_what_is_stored_names_the_sender_by_its_hash_alone(
    edge: edges.Edge, redis_client: redis.Redis
) -> None:
    def sender(headers: dict[str, str]) -> senders.Sender:
        with edge.client() as http:
            answer = http.post(edges.TARGET, content=ITEM, headers=headers)
        payload = edges.stored(redis_client, answer.headers["x-headrace-receipt"])
        assert b"127.0.0.1" not in repr(payload).encode()
        return senders.Sender(payload.sender, payload.slot)

    behind_proxy = REPORTING | {"X-Forwarded-For": "198.51.100.7"}
    first = sender(behind_proxy)
    assert first.digest
    assert first.slot
    assert sender(behind_proxy) == first
    assert sender(behind_proxy | {"User-Agent": "Chrome"}).digest not in {0, first.digest}
    assert sender(behind_proxy | {"X-Forwarded-For": "198.51.100.8"}).digest not in {0, first.digest}
    never_retried = behind_proxy | {"Content-Type": "application/csp-report"}
    assert sender(never_retried) == senders.Sender(0, first.slot), "reach counts all senders"
    assert sender(REPORTING) == senders.UNKNOWN, "who connects may be a proxy that nobody told us of"


def test_one_network_of_version_6_is_one_sender(edge: edges.Edge, redis_client: redis.Redis) -> None:
    def slot(address: str) -> int:
        with edge.client() as http:
            headers = edges.CSP | {"X-Forwarded-For": address}
            answer = http.post(edges.TARGET, content=edges.REPORT, headers=headers)
        return edges.stored(redis_client, answer.headers["x-headrace-receipt"]).slot

    assert slot("2001:4860::1") == slot("2001:4860::2:3:4:5") != 0
    assert len({slot(f"2001:4860:0:{network}::1") for network in range(8)}) > 1


def test_one_address_cannot_flood(
    tmp_path: Path, redis_server: harness.RedisServer, redis_client: redis.Redis
) -> None:
    assert redis_client.ping()  # it is not emptied: other edges of these tests go by it
    with edges.edge(tmp_path, redis_server.url, address_rate=1.0) as limited:
        waiting.until(limited.is_ready, "the edge is ready")

        def send(address: str) -> httpx.Response:
            with limited.client() as http:
                headers = edges.CSP | {"X-Forwarded-For": address}
                return http.post(edges.TARGET, content=edges.REPORT, headers=headers)

        answers = [send("198.51.100.7") for _ in range(11)]
        assert [answer.status_code for answer in answers] == [200] * 11
        while answers[-1].is_success:  # one more comes free with each second that this takes
            answers.append(send("198.51.100.7"))
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert edges.has_cors(answers[-1].headers)
        assert send("198.51.100.8").status_code == 200


@pytest.mark.parametrize("path", ["/api/1/unknown/", "/api/0/security/"])
def test_paths_without_a_route_count_for_the_rate_of_an_address(
    tmp_path: Path, redis_server: harness.RedisServer, redis_client: redis.Redis, path: str
) -> None:
    assert redis_client.ping()
    with edges.edge(tmp_path, redis_server.url, address_rate=0.01) as limited, limited.client() as http:
        headers = edges.CSP | {"X-Forwarded-For": "198.51.100.7"}
        answers = [http.post(path, content=edges.REPORT, headers=headers).status_code for _ in range(3)]
        assert answers == [404, 429, 429]
        assert http.get(path, headers=headers).status_code == 404
