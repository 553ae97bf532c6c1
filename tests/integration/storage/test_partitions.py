"""The guard of partitions: places are bounded by project and in all, and come back with their partitions."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from storage.archive import books
from storage.projects import partitions
from tests.helpers import stored

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse

pytestmark = pytest.mark.integration

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_MS = 20_000 * DAY_MS


class Guard:
    """The guard with these limits."""

    def __init__(self, client: redis.Redis, most: int = 3, budget: int = partitions.BUDGET) -> None:
        self.client = client
        self.most = most
        self.budget = budget

    def ask(
        self, *pairs: partitions.Pair, project: int = 1, now_ms: int = NOW_MS
    ) -> partitions.PairDecisions:
        """Return what becomes of reports of these pairs."""
        return partitions.admit(
            self.client,
            project,
            pairs,
            partitions.PairLimits(self.most, self.budget),
            now_ms=now_ms,
            clock=lambda: now_ms / 1000,
        )

    def places(self, project: int = 1) -> partitions.Places:
        """Return what Redis knows of a project."""
        return partitions.places(self.client).get(project, partitions.Places({}, {}))


def store(
    server: clickhouse.Connection, project: int, *pairs: partitions.Pair, table: str = "reports_live"
) -> None:
    """Store a report of each pair."""
    common = {"project_id": project, "window_start": NOW_MS, "first_seen": NOW_MS, "last_seen": NOW_MS}
    rows = [{**common, "environment": one, "release": other, "seen": 1} for one, other in pairs]
    stored.insert(server, rows, table)


@pytest.fixture
def guard(client: redis.Redis) -> Guard:
    partitions.restore(client, {})
    return Guard(client)


def test_nothing_is_decided_while_redis_does_not_know_the_places(client: redis.Redis) -> None:
    with pytest.raises(partitions.UnknownError):
        Guard(client).ask(("prod", "1"))
    assert client.keys("*") == []


def test_partitions_are_bounded_per_project(guard: Guard) -> None:
    assert guard.ask(("prod", "1"), ("prod", "2"), ("dev", "1")) == ({}, set())
    refused = guard.ask(("prod", "3"), ("prod", "1"), ("made-up", "3")).refused
    assert refused == {("prod", "3"): "prod", ("made-up", "3"): ""}
    assert guard.ask(("made-up", "3"), project=2) == ({}, set())
    later = NOW_MS + 30 * DAY_MS
    assert guard.ask(("prod", "3"), now_ms=later).refused, "a silent pair keeps its place with its partition"
    partitions.adjust(guard.client, 1, gone=[("prod", "2")])
    assert guard.ask(("prod", "3"), now_ms=later) == ({}, set())


def test_partitions_are_bounded_over_all_projects(guard: Guard) -> None:
    guard.most, guard.budget = 10, 5
    assert not guard.ask(*[("prod", f"{n}") for n in range(4)]).refused
    assert guard.ask(*[("prod", f"{n}") for n in range(3)], project=2).refused == {
        ("prod", "1"): "prod",
        ("prod", "2"): "prod",
    }
    assert not guard.ask(*[("prod", f"{n}") for n in range(4)]).refused, "what is live stays so"
    partitions.adjust(guard.client, 1, gone=[("prod", "2"), ("prod", "3")])
    assert not guard.ask(("prod", "1"), ("prod", "2"), project=2).refused
    assert guard.ask(("prod", "3"), project=3).refused
    with guard.client.pipeline() as pipeline:
        partitions.forget(pipeline, 1)
        pipeline.execute()
    assert not guard.ask(("prod", "3"), project=3).refused, "a deleted project takes no places"


def test_an_archived_pair_needs_no_place_and_keeps_its_name(guard: Guard) -> None:
    guard.ask(("prod", "1"), ("prod", "2"), ("prod", "3"))
    partitions.adjust(guard.client, 1, archived={("prod", "1"): NOW_MS})
    later = NOW_MS + HOUR_MS
    assert guard.ask(("prod", "1"), now_ms=later) == ({}, {("prod", "1")})
    assert guard.places().live["prod", "1"] == NOW_MS, "until its partition is gone it holds a place"
    assert guard.ask(("prod", "4"), now_ms=later).refused
    partitions.adjust(guard.client, 1, gone=[("prod", "1")])
    assert guard.ask(("prod", "1"), ("prod", "4"), now_ms=later) == ({}, {("prod", "1")})
    assert guard.client.zscore("headrace:archived:1", '["prod","1"]') == later


def test_so_many_archived_pairs_are_known_and_older_ones_come_back_like_new_ones(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "MOST_ARCHIVED", 2)
    archived = {("prod", f"{n}"): NOW_MS + n for n in range(4)}
    partitions.adjust(guard.client, 1, archived=archived)
    assert guard.ask(*archived) == ({}, {("prod", "2"), ("prod", "3")})
    assert set(guard.places().live) == {("prod", "0"), ("prod", "1")}


def test_what_overflows_keeps_its_environment_if_that_was_among_the_first(guard: Guard) -> None:
    most = partitions.MOST_ENVIRONMENTS
    live = [(f"e{number}", "1") for number in range(most + 1)]  # fewer than may come within an hour
    guard.most = len(live)

    def ask(*pairs: partitions.Pair, now_ms: int = NOW_MS) -> list[str]:
        refused = guard.ask(*pairs, now_ms=now_ms).refused
        return [refused.get(pair, "admitted") for pair in pairs]

    assert ask(*live) == ["admitted"] * len(live)
    assert ask(("e0", "2"), (f"e{most - 1}", "2"), (f"e{most}", "2")) == ["e0", f"e{most - 1}", ""]
    partitions.adjust(guard.client, 1, gone=[live[1]])
    later = NOW_MS + partitions.LIFE_MS
    assert ask(live[-1], ("e0", "3"), now_ms=later) == ["admitted", "admitted"], "silent ones make room"
    assert ask((f"e{most}", "2"), now_ms=later) == [f"e{most}"]


def test_a_quarter_of_the_places_may_be_taken_within_an_hour_and_all_within_a_day(guard: Guard) -> None:
    guard.most = 200
    made_up = [("prod", f"{number}") for number in range(1000)]
    taken = 0
    for hour in range(26):
        now_ms = NOW_MS + hour * HOUR_MS
        for _ in range(2):
            refused = guard.ask(*made_up, now_ms=now_ms).refused
        live = list(guard.places().live)
        assert len(live) + len(refused) == len(made_up)
        taken += len(live)
        assert len(live) <= 50
        assert taken <= (200 if hour < 24 else 400)
        partitions.adjust(guard.client, 1, gone=live)
    assert taken == 300


def test_a_sender_of_made_up_releases_takes_nothing_from_those_that_are_live(guard: Guard) -> None:
    guard.most = 40
    real = [("prod", f"real {n}") for n in range(10)]
    guard.ask(*real)
    chance = random.Random(13)
    for hour in range(48):
        made_up = [("prod", f"{chance.random()}") for _ in range(500)]
        assert guard.ask(*made_up, *real, now_ms=NOW_MS + hour * HOUR_MS).refused.keys() <= set(made_up)


def test_redis_is_given_back_what_it_lost(
    guard: Guard, client: redis.Redis, server: clickhouse.Connection
) -> None:
    odd = ("prod", 'it\'s \\ "odd"\n\0 é')
    store(server, 1, ("prod", "live"), odd, ("prod", "(other)"))
    store(server, 2, ("", ""))
    store(server, 1, ("prod", "old"), table="reports_archive")
    client.flushall()
    books.restore(client, server)
    found = partitions.places(client)
    assert found[1].live.keys() == {("prod", "live"), odd}
    assert found[2] == partitions.Places({("", ""): NOW_MS}, {})
    assert guard.ask(("prod", "old"), ("prod", "live"), ("prod", "new"), ("prod", "newer")) == (
        {("prod", "newer"): "prod"},
        {("prod", "old")},
    )


def test_the_books_follow_the_partitions(
    guard: Guard, client: redis.Redis, server: clickhouse.Connection
) -> None:
    guard.ask(("prod", "gone"), ("prod", "coming"), now_ms=NOW_MS)
    guard.ask(("prod", "coming"), now_ms=NOW_MS + 2 * HOUR_MS)
    store(server, 1, ("prod", "unknown"), ("prod", "(other)"))
    found = books.reconcile(client, server, NOW_MS + 2 * HOUR_MS)
    assert found[1].live.keys() == {("prod", "coming"), ("prod", "unknown")}
    assert books.reconcile(client, server, NOW_MS + 2 * HOUR_MS) == found
