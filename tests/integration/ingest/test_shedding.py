"""An edge sheds by itself while a quota is used up, and keeps the ledger exact."""

from __future__ import annotations

import contextlib
import math
import time
from typing import TYPE_CHECKING

import pytest

from deploy import child
from storage import ledger, project_settings, quotas, refusals, registry, streams
from tests.integration.ingest import edges

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from storage import clickhouse
    from tests import harness

pytestmark = pytest.mark.integration

SETTINGS = project_settings.ProjectSettings(quota_per_minute=10, key_quota_per_day=20)
UPLOAD = {"Content-Type": "application/reports+json; charset=utf-8"}
LEARN_S = 2.0
"""Within this time every edge knows."""


@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, redis_server: harness.RedisServer
) -> Iterator[list[edges.Edge]]:
    """Two edges on one Redis."""
    with redis_server.client() as client, contextlib.ExitStack() as stack:
        limited = registry.Project(id=1, name="one", keys=(edges.KEY,), settings=SETTINGS)
        edges.publish(client, 7, (limited, *edges.PROJECTS[1:]))
        yield [
            stack.enter_context(edges.edge(tmp_path_factory.mktemp("edge"), redis_server.url))
            for _ in range(2)
        ]
        edges.publish(client, 8)


def use_up(client: redis.Redis, reason: str, seconds: float, limit: int, key: str = "") -> int:
    """Note a used-up quota of project 1, as a worker does, and return when it ends."""
    until = math.ceil(time.time() + seconds)
    client.zadd(quotas.EXHAUSTED_KEY, {f"1 {reason} {limit} {key}": until})
    return until


def shed_by(edge: edges.Edge) -> bool:
    return status(edge) == 429


def status(edge: edges.Edge, target: str = edges.TARGET, headers: dict[str, str] = edges.CSP) -> int:
    with edge.client() as http:
        return http.post(target, content=edges.REPORT, headers=headers).status_code


def test_every_edge_sheds_until_there_is_room_again(two: list[edges.Edge], redis_client: redis.Redis) -> None:
    until = use_up(redis_client, "project_minute", 6, 10)
    assert all(child.wait_until(lambda edge=edge: shed_by(edge), LEARN_S) for edge in two)
    assert [status(edge, f"/api/2/security/?sentry_key={edges.OTHER_KEY}") for edge in two] == [200, 200]
    with two[0].client() as http:
        answer = http.post(edges.TARGET, content=edges.REPORT, headers=edges.CSP)
    seconds = int(answer.headers["retry-after"])
    assert until - time.time() - 0.5 < seconds < until - time.time() + 1.5
    assert answer.headers["x-sentry-rate-limits"] == f"{seconds}:security:project:project_minute"
    assert answer.json() == {"detail": "This project's quota of a minute is used up."}
    assert edges.has_cors(answer.headers)
    assert child.wait_until(lambda: not any(map(shed_by, two)), until - time.time() + LEARN_S)
    assert time.time() > until - 0.5


def test_of_two_quotas_the_one_that_lasts_longer_is_named(
    two: list[edges.Edge], redis_client: redis.Redis
) -> None:
    use_up(redis_client, "project_minute", 3, 10)
    use_up(redis_client, "key_day", 90, 20, edges.KEY)
    assert child.wait_until(lambda: shed_by(two[0]), LEARN_S)
    time.sleep(0.6)
    with two[0].client() as http:
        answer = http.post(edges.TARGET, content=edges.REPORT, headers=edges.CSP)
    assert answer.headers["x-sentry-rate-limits"].endswith(":security:key:key_day")
    redis_client.delete(quotas.EXHAUSTED_KEY)
    assert child.wait_until(lambda: not shed_by(two[0]), LEARN_S)


def test_a_quota_that_was_raised_sheds_no_more(two: list[edges.Edge], redis_client: redis.Redis) -> None:
    use_up(redis_client, "project_minute", 60, 9)
    use_up(redis_client, "of another release", 60, 9)
    use_up(redis_client, "another_release", 60, 9)
    time.sleep(1.2)
    assert not any(map(shed_by, two))
    use_up(redis_client, "project_minute", 60, 10)
    assert child.wait_until(lambda: all(map(shed_by, two)), LEARN_S), "what can be read counts"
    redis_client.delete(quotas.EXHAUSTED_KEY)


def test_an_upload_is_answered_200_and_its_reports_are_counted(
    two: list[edges.Edge], redis_client: redis.Redis, server: clickhouse.Connection
) -> None:
    before = edges.acknowledged(redis_client)
    use_up(redis_client, "project_minute", 30, 10)
    assert child.wait_until(lambda: shed_by(two[0]), LEARN_S)
    refusals.move(redis_client, server)
    with two[0].client() as http:
        for body in (b"[{},{},{}]", b"\xef\xbb\xbf[{},{}]", edges.REPORT, b"[]"):
            answer = http.post(edges.TARGET, content=body, headers=UPLOAD)
            assert (answer.status_code, answer.content) == (200, b"")
            assert "x-headrace-receipt" not in answer.headers
        assert http.post(edges.TARGET, content=b"no", headers=UPLOAD).status_code == 400
        assert http.post(edges.TARGET, content=edges.REPORT, headers=edges.CSP).status_code == 429
    redis_client.delete(quotas.EXHAUSTED_KEY)
    counted = "SELECT sum(quantity) FROM outcomes WHERE outcome = 'quota' AND reason = 'project_minute'"

    def arrived() -> bool:
        refusals.move(redis_client, server)
        return server.execute(counted) == [(6,)]

    assert child.wait_until(arrived, 5)
    (line,) = [
        one for one in ledger.verify(server, redis_client, streams.DEFAULT_SHARDS) if one.project_id == 1
    ]
    assert (line.outcomes, line.found) == (6, 6)
    assert edges.acknowledged(redis_client) >= before
