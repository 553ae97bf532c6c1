"""An edge sheds by itself while a quota is used up, and keeps the ledger exact."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest

from storage.ledger import equations
from storage.limits import exhausted_quotas
from storage.projects import project_settings
from storage.queue import streams
from storage.tables import refusals
from tests.helpers import waiting
from tests.integration.ingest import edges

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from storage.servers import clickhouse
    from tests.helpers import harness

pytestmark = pytest.mark.integration

SETTINGS = project_settings.ProjectSettings(quota_per_day=10, key_quota_per_day=20)
UPLOAD = {"Content-Type": "application/reports+json; charset=utf-8"}
HOUR_S = 3600
OTHER_TARGET = f"/api/2/security/?sentry_key={edges.OTHER_KEY}"


@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, redis_server: harness.RedisServer
) -> Iterator[list[edges.Edge]]:
    """Two edges on one Redis."""
    with redis_server.client() as client, contextlib.ExitStack() as stack:
        limited = (msgspec.structs.replace(one, settings=SETTINGS) for one in edges.PROJECTS[:2])
        edges.publish(client, 7, (*limited, *edges.PROJECTS[2:]))
        yield [
            stack.enter_context(edges.edge(tmp_path_factory.mktemp("edge"), redis_server.url))
            for _ in range(2)
        ]
        edges.publish(client, 8)


class Quota(NamedTuple):
    """A quota that is used up, as a worker notes it."""

    reason: str
    limit: int
    key: str = ""
    project_id: int = 1


DAY = Quota("project_day", 10)
OF_OTHERS = Quota("project_day", 10, project_id=2)


def use_up(client: redis.Redis, quotas_: dict[Quota, int]) -> None:
    """Note that these are used up, each for so many seconds; an edge that sees one of them sees all."""
    (now_s, _) = client.time()
    client.zadd(
        exhausted_quotas.EXHAUSTED_KEY,
        {
            f"{one.project_id} {one.reason} {one.limit} {one.key}": now_s + seconds
            for one, seconds in quotas_.items()
        },
    )


def answers(two: list[edges.Edge], target: str = edges.TARGET) -> list[int]:
    """Return what each edge answers to a report."""
    statuses = []
    for edge in two:
        with edge.client() as http:
            statuses.append(http.post(target, content=edges.REPORT, headers=edges.CSP).status_code)
    return statuses


def shed(two: list[edges.Edge], target: str = edges.TARGET) -> bool:
    return answers(two, target) == [429] * len(two)


def taken(two: list[edges.Edge], target: str = edges.TARGET) -> bool:
    return answers(two, target) == [200] * len(two)


def test_every_edge_sheds_until_there_is_room_again(two: list[edges.Edge], redis_client: redis.Redis) -> None:
    use_up(redis_client, {DAY: HOUR_S})
    waiting.until(lambda: shed(two), "both edges shed")
    assert taken(two, OTHER_TARGET)
    with two[0].client() as http:
        answer = http.post(edges.TARGET, content=edges.REPORT, headers=edges.CSP)
    seconds = int(answer.headers["retry-after"])
    assert 0 < seconds <= HOUR_S
    assert answer.headers["x-sentry-rate-limits"] == f"{seconds}:security:project:project_day"
    assert answer.json() == {"detail": "This project's quota of a day is used up."}
    assert edges.has_cors(answer.headers)
    use_up(redis_client, {DAY: 1})
    waiting.until(lambda: taken(two), "both edges take reports again")
    assert redis_client.zcard(exhausted_quotas.EXHAUSTED_KEY) == 1, "it ended by itself"


def test_of_two_quotas_the_one_that_lasts_longer_is_named(
    two: list[edges.Edge], redis_client: redis.Redis
) -> None:
    use_up(redis_client, {DAY: HOUR_S, Quota("key_day", 20, edges.KEY): 2 * HOUR_S})
    waiting.until(lambda: shed(two), "both edges shed")
    with two[0].client() as http:
        answer = http.post(edges.TARGET, content=edges.REPORT, headers=edges.CSP)
    assert answer.headers["x-sentry-rate-limits"].endswith(":security:key:key_day")
    redis_client.delete(exhausted_quotas.EXHAUSTED_KEY)
    waiting.until(lambda: taken(two), "both edges take reports again")


def test_a_quota_that_was_raised_sheds_no_more(two: list[edges.Edge], redis_client: redis.Redis) -> None:
    before = [Quota("project_day", 9), Quota("of another release", 9), Quota("another_release", 9)]
    use_up(redis_client, {**dict.fromkeys(before, HOUR_S), OF_OTHERS: HOUR_S})
    waiting.until(lambda: shed(two, OTHER_TARGET), "both edges have looked")
    assert taken(two)
    use_up(redis_client, {DAY: HOUR_S})
    waiting.until(lambda: shed(two), "what can be read counts")
    redis_client.delete(exhausted_quotas.EXHAUSTED_KEY)


def test_an_upload_is_answered_200_and_its_reports_are_counted(
    two: list[edges.Edge], redis_client: redis.Redis, server: clickhouse.Connection
) -> None:
    before = edges.acknowledged(redis_client)
    use_up(redis_client, {DAY: HOUR_S})
    waiting.until(lambda: shed(two[:1]), "the edge sheds")
    refusals.move(redis_client, server)
    with two[0].client() as http:
        for body in (b"[{},{},{}]", b"\xef\xbb\xbf[{},{}]", edges.REPORT, b"[]"):
            answer = http.post(edges.TARGET, content=body, headers=UPLOAD)
            assert (answer.status_code, answer.content) == (200, b"")
            assert "x-headrace-receipt" not in answer.headers
        assert http.post(edges.TARGET, content=b"no", headers=UPLOAD).status_code == 400
        assert http.post(edges.TARGET, content=edges.REPORT, headers=edges.CSP).status_code == 429
    redis_client.delete(exhausted_quotas.EXHAUSTED_KEY)
    counted = "SELECT sum(quantity) FROM outcomes WHERE outcome = 'quota' AND reason = 'project_day'"

    def arrived() -> bool:
        refusals.move(redis_client, server)
        ((found,),) = server.execute(counted)
        return int(found) == 6

    waiting.until(arrived, "the counts have arrived")
    (line,) = [
        one for one in equations.verify(server, redis_client, streams.DEFAULT_SHARDS) if one.project_id == 1
    ]
    assert (line.outcomes, line.found) == (6, 6)
    assert edges.acknowledged(redis_client) >= before
