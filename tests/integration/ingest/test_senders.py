"""Senders are told apart by every edge alike, and by nothing that would tell who they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from deploy.network import addresses, ports
from ingest.backend import connection, senders
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


def hashes(url: str, *moments: float, media_type: bytes = senders.RETRIED) -> list[int]:
    """Return what an edge makes of one sender at each of these moments; 0 without a secret."""

    async def main() -> list[int]:
        clock = iter(moments)
        client = connection.connect(url, edges.REDIS_S)
        tested = senders.Senders(client, edges.REDIS_S, lambda: next(clock))
        found = []
        for _ in moments:
            await tested.refresh()
            found.append(tested.hash_of("192.0.2.1", media_type, b"Firefox"))
        await client.aclose()
        return found

    return asyncio.run(main())


def test_all_edges_agree_for_a_day(redis_server: harness.RedisServer) -> None:
    one, same, tomorrow = hashes(redis_server.url, NOW, NOW + 1, NOW + DAY_S)
    assert hashes(redis_server.url, NOW, NOW + DAY_S) == [one, tomorrow]
    assert one == same
    assert one != tomorrow
    assert 0 < one < 2**64


def test_the_secret_of_a_day_is_forgotten(
    redis_server: harness.RedisServer, redis_client: redis.Redis
) -> None:
    hashes(redis_server.url, NOW)
    (name,) = (key for key in redis_client.scan_iter("headrace:senders:*") if key.endswith(b":20717"))
    assert 0 < redis_client.ttl(name) <= 2 * DAY_S


def test_without_redis_nobody_is_told_apart() -> None:
    assert hashes(f"redis://{addresses.LOOPBACK}:{ports.free_port()}", NOW) == [0]


@pytest.mark.parametrize("media_type", [b"", b"application/csp-report", b"application/json"])
def test_who_never_tries_again_need_not_be_known(
    redis_server: harness.RedisServer, media_type: bytes
) -> None:
    assert hashes(redis_server.url, NOW, media_type=media_type) == [0]


def test_what_is_stored_names_the_sender_by_its_hash_alone(
    edge: edges.Edge, redis_client: redis.Redis
) -> None:
    def sender(headers: dict[str, str]) -> int:
        with edge.client() as http:
            answer = http.post(edges.TARGET, content=ITEM, headers=headers)
        payload = edges.stored(redis_client, answer.headers["x-headrace-receipt"])
        assert b"127.0.0.1" not in repr(payload).encode()
        return payload.sender

    behind_proxy = REPORTING | {"X-Forwarded-For": "198.51.100.7"}
    first = sender(behind_proxy)
    assert first
    assert sender(behind_proxy) == first
    assert sender(behind_proxy | {"User-Agent": "Chrome"}) not in {0, first}
    assert sender(behind_proxy | {"X-Forwarded-For": "198.51.100.8"}) not in {0, first}
    assert sender(behind_proxy | {"Content-Type": "application/csp-report"}) == 0
    assert sender(REPORTING) == 0, "who connects may be a proxy that nobody told us of"


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
