"""Limit decisions in a real Redis: exact over every span, the same for a drainer that repeats a batch."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from deploy.servers import backends
from storage import errors
from storage.limits import exhausted_quotas, limit_decider
from storage.limits.decisions import FindingDay, Grant, Want
from tests.integration.storage.limits import KEY, decider, exhausted, granted, settings

if TYPE_CHECKING:
    import redis

NOW = 1_760_000_000
AWAY = backends.connect_redis("redis://127.0.0.1:1/0")
MINUTE = 60


@pytest.mark.parametrize(
    ("setting", "reason", "span"),
    [
        ("quota_per_minute", "project_minute", 60),
        ("quota_per_day", "project_day", 86_400),
        ("key_quota_per_minute", "key_minute", 60),
        ("key_quota_per_day", "key_day", 86_400),
    ],
)
def test_a_quota_is_granted_once_in_its_span(
    client: redis.Redis, setting: str, reason: str, span: int
) -> None:
    limit = {setting: 10}
    assert granted(client, "a", NOW, 7, **limit) == Grant(7, "")
    assert granted(client, "b", NOW + 1, 7, **limit) == Grant(3, reason)
    assert granted(client, "c", NOW + span - 1, 7, **limit) == Grant(0, reason)
    later = NOW + span + (2 if span == 60 else 901)
    assert granted(client, "d", later, 20, **limit) == Grant(10, reason)


def test_no_span_holds_more_than_the_limit_in_whatever_order_it_is_asked_for(client: redis.Redis) -> None:
    """A hundred batches of four shards, their times of receipt far apart and out of order."""
    chance = random.Random(5)
    each: Counter[int] = Counter()
    for number in range(100):
        second = NOW + chance.randrange(300)
        wants = {(second + offset, KEY): chance.randrange(1, 40) for offset in range(3)}
        answer = decider(client, f"b{number}", shard=number % 4).grant(
            1, settings(quota_per_minute=100), wants
        )
        for (at, _), grant in answer.items():
            each[at] += grant.reports
    spans = [sum(each[at] for at in range(start, start + 61)) for start in range(NOW - 61, NOW + 310)]
    assert max(spans) == 100
    assert sum(each.values()) > 350


def test_a_burst_takes_its_part_of_a_second_only(client: redis.Redis) -> None:
    limit = {"quota_per_minute": 100, "quota_burst": 10}
    now = int(time.time())
    assert granted(client, "a", now, 50, **limit) == Grant(10, "project_minute")
    assert granted(client, "b", now + 1, 50, **limit) == Grant(10, "project_minute")
    assert exhausted(client) == []


def test_each_key_has_its_own_quota_and_they_share_the_projects(client: redis.Redis) -> None:
    limits = settings(key_quota_per_minute=10, quota_per_minute=15)
    answer = decider(client, "a").grant(1, limits, {(NOW, "one"): 20, (NOW, "two"): 20})
    assert answer == {
        (NOW, "one"): Grant(10, "key_minute"),
        (NOW, "two"): Grant(5, "project_minute"),
    }
    assert decider(client, "a").grant(2, limits, {(NOW, "one"): 5})[NOW, "one"] == Grant(5, "")


def test_a_repeated_batch_is_given_the_same_decisions(client: redis.Redis) -> None:
    limits = settings(quota_per_minute=10, sample_budget=60)
    want = Want(NOW // 60 * 60, NOW, 0, 50)

    def rule(batch: str, token: int = 1) -> tuple[object, ...]:
        again = decider(client, batch, token=token)
        return (
            again.grant(1, limits, {(NOW, KEY): 8}),
            again.check_new(1, "x", [(1, 8), (2, 8), (3, 8)], NOW, 2),
            again.share_budget(1, limits, [want]),
        )

    first = rule("a")
    assert [rule("a"), rule("a", token=2)] == [first, first]
    assert rule("b", token=2) != first


def test_a_batch_keeps_the_grants_of_each_minute_when_some_of_it_was_quarantined(client: redis.Redis) -> None:
    limits = settings(quota_per_minute=10)
    wants = {(NOW + second, KEY): 1 for second in range(0, 200, 5)}
    first = decider(client, "a").grant(1, limits, wants)
    del wants[NOW, KEY], wants[NOW + 60, KEY]
    again = decider(client, "a", token=2).grant(1, limits, wants)
    assert {want: again[want] for want in wants} == {want: first[want] for want in wants}
    assert sum(grant.reports for grant in first.values()) == 31


def test_a_batch_of_which_some_was_quarantined_keeps_its_decisions(client: redis.Redis) -> None:
    limits = settings(quota_per_minute=10, sample_budget=10**6)
    found = [(number, 0) for number in range(4_010)]
    want = Want(NOW // 60 * 60, NOW, 0, 50)
    whole = decider(client, "a")
    novelty = whole.check_new(1, "x", found, NOW, 4_005)
    grants = whole.grant(1, limits, {(NOW, KEY): 8, (NOW + 1, KEY): 8})
    budgets = whole.share_budget(1, limits, [want])
    rest = decider(client, "a", token=2)
    assert rest.check_new(1, "x", found[5:], NOW, 4_005) == novelty
    assert rest.grant(1, limits, {(NOW + 1, KEY): 7}) == grants
    assert rest.share_budget(1, limits, [want._replace(reports=40)]) == budgets


def test_decisions_go_when_their_batch_is_done_or_the_next_one_is_decided(client: redis.Redis) -> None:
    first, name = decider(client, "a"), "headrace:limits:{1}:rulings:3"
    first.forget()
    first.check_new(1, "x", [(number, 0) for number in range(4_001)], NOW, 0)
    assert set(client.hkeys(name)) == {b"token", b"batch", b"x/0", b"x/4000"}
    second = decider(client, "b")
    second.check_new(1, "x", [(1, 0)], NOW, 0)
    first.forget()
    assert set(client.hkeys(name)) == {b"token", b"batch", b"x/0"}
    second.forget()
    assert not client.exists(name)
    decider(AWAY, "c").forget()


def test_a_drainer_that_lost_its_shard_is_given_nothing(client: redis.Redis) -> None:
    limits = settings(quota_per_minute=10)
    decider(client, "new", token=5).grant(1, limits, {(NOW, KEY): 1})
    with pytest.raises(errors.LeaseLostError):
        decider(client, "old", token=4).grant(1, limits, {(NOW, KEY): 1})
    assert decider(client, "old", shard=4, token=4).grant(1, limits, {(NOW, KEY): 1})


def test_a_redis_that_is_away_can_be_told_from_a_lost_lease() -> None:
    with pytest.raises(errors.RedisUnavailableError):
        decider(AWAY, "a").grant(1, settings(quota_per_minute=10), {(NOW, KEY): 1})


def test_what_is_used_up_is_told_until_there_is_room_again(client: redis.Redis) -> None:
    now = int(time.time())
    granted(client, "a", now - 30, 4, key_quota_per_minute=10)
    granted(client, "b", now, 10, key_quota_per_minute=10)
    (found,) = exhausted(client)
    assert found == exhausted_quotas.Exhausted(1, KEY, "key_minute", 10, now + 31)
    assert found.stands(settings(key_quota_per_minute=10))
    assert not found.stands(settings(key_quota_per_minute=11))
    granted(client, "c", now - 400, 20, quota_per_minute=10)  # long past: nobody need hear of it
    assert exhausted(client) == [found]


def test_a_budget_is_released_second_by_second_and_shared_by_the_shards(client: redis.Redis) -> None:
    limits = settings(sample_budget=600)
    minute = NOW // 60 * 60
    assert decider(client, "a").share_budget(1, limits, [Want(minute, minute + 9, 0, 1000)]) == {minute: 100}
    assert decider(client, "b").share_budget(1, limits, [Want(minute, minute + 9, 0, 1000)]) == {minute: 1}
    want = Want(minute, minute + 19, 0, 1000)
    assert decider(client, "a", shard=4).share_budget(1, limits, [want]) == {minute: 49}
    assert decider(client, "c").share_budget(1, limits, [want._replace(forced=80)]) == {minute: 81}
    assert decider(client, "d").share_budget(1, limits, [Want(minute, minute + 59, 0, 9)]) == {minute: 9}


def check_new(
    client: redis.Redis,
    batch: str,
    items: list[tuple[int, int]],
    at_s: int = NOW,
    most: int = 0,
) -> str:
    novelty = decider(client, batch).check_new(1, "x", items, at_s, most)
    return "".join(novelty[item] for item, _ in items)


def test_a_thing_is_new_once_and_then_known_for_a_day(client: redis.Redis) -> None:
    assert check_new(client, "a", [(1, 0), (2, 0)]) == "nn"
    assert check_new(client, "b", [(2, 0), (3, 0)], NOW + 86_400) == "kn"
    assert check_new(client, "c", [(1, 0), (2, 0)], NOW + 2 * 86_400) == "nk"
    assert decider(client, "d").check_new(2, "x", [(1, 0)], NOW, 0) == {1: "n"}
    assert decider(client, "d").check_new(1, "y", [(1, 0)], NOW, 0) == {1: "n"}


def test_things_beyond_the_cap_fall_back_to_their_places_and_these_are_capped_too(
    client: redis.Redis,
) -> None:
    found = [(1, 101), (2, 101), (3, 101), (4, 102), (5, 103), (6, 101), (1, 101)]
    assert check_new(client, "a", found[:2], most=2) == "nn"
    assert check_new(client, "b", found, most=2) == "kkppopk"
    assert check_new(client, "c", found, NOW + 3600, most=2) == "kknnppk"


def test_many_things_are_told_apart_in_several_steps(client: redis.Redis) -> None:
    found = [(number, number % 7 + 10**6) for number in range(9_000)]
    assert check_new(client, "a", found, most=5_000) == "n" * 5_000 + "p" * 4_000


def test_without_a_cap_things_beyond_what_a_set_holds_are_new_each_time(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit_decider, "MOST_KNOWN", 3)
    found = [(number, 0) for number in range(5)]
    assert check_new(client, "a", found) == "nnnnn"
    assert check_new(client, "b", found) == "kkknn"


def test_with_a_cap_things_beyond_what_a_set_holds_are_nothing_new(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit_decider, "MOST_KNOWN", 3)
    assert check_new(client, "a", [(1, 101), (2, 101), (3, 101), (4, 101)], most=10) == "nnno"


@pytest.mark.parametrize("most", [0, 100])
def test_a_set_never_outgrows_its_bound_from_day_to_day(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(limit_decider, "MOST_KNOWN", 10)
    for day in range(4):
        at_s = NOW + day * 86_400
        fresh = [(100 * day + number, 1) for number in range(8)]
        known = [(100 * (day - 1) + number, 1) for number in range(8)] if day else []
        check_new(client, f"{day} new", fresh, at_s, most)
        assert check_new(client, f"{day} known", known, at_s, most) == "k" * len(known)
        (key,) = client.keys(f"*:known:{at_s // 86_400}")
        assert client.scard(key) <= 10


def test_an_hour_of_quarantine_is_kept_once(client: redis.Redis) -> None:
    assert decider(client, "a").grant_quarantine(1, 100, {7: 60, 8: 500}) == {7: 60, 8: 100}
    assert decider(client, "b", shard=4).grant_quarantine(1, 100, {7: 60}) == {7: 40}
    assert decider(client, "a").grant_quarantine(1, 100, {7: 60, 8: 500}) == {7: 60, 8: 100}
    assert decider(client, "c").grant_quarantine(1, 100, {7: 60, 9: 1}) == {7: 0, 9: 1}
    assert decider(client, "d").grant_quarantine(2, 10**12, {7: 10**12}) == {7: 10**12}
    assert all(client.ttl(key) > 0 for key in client.scan_iter("headrace:limits:*:quarantine:*"))


def test_a_batch_that_lost_many_items_finds_its_decisions_on_the_others(client: redis.Redis) -> None:
    found = [(number, 0) for number in range(4_010)]
    whole = check_new(client, "a", found, most=4_005)
    assert check_new(client, "a", found[100:], most=4_005) == whole[100:]


ONE, OTHER = FindingDay(1, 20_000), FindingDay(2**64 - 1, 20_000)


def find_sketches(client: redis.Redis, batch: str, *findings: FindingDay, at_s: int = NOW) -> list[int]:
    found = decider(client, batch).find_sketches(1, findings, at_s)
    return [found[finding] for finding in findings]


def note_sketches(client: redis.Redis, batch: str, sketches: dict[FindingDay, int], at_s: int = NOW) -> None:
    noting = decider(client, batch)
    noting.find_sketches(1, list(sketches), at_s)
    noting.note_sketches({1: sketches})


def test_sketches_grow_by_the_senders_of_inserted_rows(client: redis.Redis) -> None:
    assert find_sketches(client, "a", ONE, OTHER) == [0, 0]
    note_sketches(client, "a", {ONE: 1 << 127 | 1})
    note_sketches(client, "b", {ONE: 6, OTHER: 1 << 64})
    note_sketches(client, "b", {ONE: 6, OTHER: 1 << 64})
    assert find_sketches(client, "c", OTHER, ONE, ONE._replace(day=19_999)) == [1 << 64, 1 << 127 | 7, 0]
    assert decider(client, "c").find_sketches(2, [ONE], NOW) == {ONE: 0}
    (name,) = client.keys("headrace:limits:{1}:reach:*")
    assert 0 < client.ttl(name) <= 2 * 86_400


def test_a_sketch_begins_anew_each_day(client: redis.Redis) -> None:
    """The secret under which senders are hashed is another one then."""
    note_sketches(client, "a", {ONE: 1})
    assert find_sketches(client, "b", ONE, at_s=NOW + 86_400) == [0]


def test_a_repeated_batch_finds_the_same_sketches(client: redis.Redis) -> None:
    """Although its own senders were noted before it was interrupted."""
    findings = [FindingDay(number, 20_000) for number in range(4_010)]
    note_sketches(client, "a", dict.fromkeys(findings, 3))
    assert set(find_sketches(client, "a", *findings[100:])) == {0}
    assert set(find_sketches(client, "b", *findings)) == {3}


def test_a_finding_beyond_what_a_hash_holds_seems_to_have_all_senders(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit_decider, "MOST_SKETCHES", 1)
    note_sketches(client, "a", {ONE: 1, OTHER: 1})
    assert find_sketches(client, "b", ONE, OTHER) == [1, 2**128 - 1]


def test_sketches_that_redis_does_not_take_are_noted_later() -> None:
    decider(AWAY, "a").note_sketches({})
    with pytest.raises(errors.RedisUnavailableError):
        decider(AWAY, "a").find_sketches(1, [ONE], NOW)
