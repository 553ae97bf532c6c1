"""Retries are told from reports of new events."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.projects import project_settings
from storage.queue import envelope, retry_memory
from tests.helpers import payloads
from workers import pipeline
from workers.draining import bounds, retries
from workers.model import batch_plan

SHARD = 3
SENDER = 7
START_S = 1_760_000_000


def item(age_s: float = 0, number: int = 0, **members: object) -> dict[str, Any]:
    blocked = f"https://tracker{number}.example/p.gif"
    return payloads.modern(age=int(age_s * 1000), blockedURL=blocked) | members


def upload(*items: object, sender: int = SENDER, **known: Any) -> envelope.Payload:
    return payloads.payload(list(items), sender=sender, **known)


def entry(at_s: float, *uploads: envelope.Payload) -> envelope.Entry:
    return envelope.Entry(f"{int((START_S + at_s) * 1000)}-0", list(uploads))


def plan(window_s: int = 1200) -> batch_plan.Plan:
    settings = project_settings.ProjectSettings(retry_window=window_s)
    return batch_plan.Plan(projects={1: batch_plan.ProjectPlan(settings=settings)})


class Shard:
    """Batch after batch, each of which knows the counted reports of the earlier ones."""

    def __init__(self, window_s: int = 1200) -> None:
        self.plan = plan(window_s)
        self.memories: dict[int, retry_memory.CountedReport] = {}

    def lookup(self, wanted: Any) -> dict[int, retry_memory.CountedReport]:
        keys = set().union(*wanted.values())
        return {key: seen for key, seen in self.memories.items() if key in keys}

    def batch(self, *entries: envelope.Entry) -> dict[tuple[str, str], int]:
        """Process a batch and return its outcomes."""
        found = retries.candidates(SHARD, entries, self.plan)
        decided, counted = retries.decide(self.plan, found, self.lookup)
        again = bounds.decode(bounds.encode(bounds.BatchBounds("1-0", "2-0", decided))).plan
        assert again == decided
        self.memories |= {
            key: retry_memory.CountedReport.decode(seen.encode()) for key, seen in counted.items()
        }
        tables = pipeline.process(SHARD, entries, decided)
        payloads.assert_balanced(tables)
        return payloads.outcome_counts(tables)


ACCEPTED = ("accepted", "")
RESENT = ("filtered", "resent")


def test_an_upload_that_is_tried_again_is_counted_once() -> None:
    shard = Shard()
    assert shard.batch(entry(0, upload(item(10), item(5, 1)))) == {ACCEPTED: 2}
    assert shard.batch(entry(61, upload(item(71), item(66, 1), item(3, 2)))) == {RESENT: 2, ACCEPTED: 1}
    assert shard.batch(entry(180, upload(item(190), item(122, 2)))) == {RESENT: 2}


def test_tried_again_within_one_batch() -> None:
    assert Shard().batch(entry(0, upload(item(10))), entry(61, upload(item(71)))) == {ACCEPTED: 1, RESENT: 1}


def test_what_happens_again_is_counted_again() -> None:
    shard = Shard()
    assert shard.batch(entry(0, upload(item(10)))) == {ACCEPTED: 1}
    assert shard.batch(entry(61, upload(item(20)))) == {ACCEPTED: 1}
    assert shard.batch(entry(122, upload(item(81)))) == {RESENT: 1}


def test_equal_reports_of_one_upload_are_several() -> None:
    shard = Shard()
    assert shard.batch(entry(0, upload(item(9), item(9), item(9)))) == {ACCEPTED: 3}
    assert shard.batch(entry(61, upload(item(70), item(70), item(70), item(1)))) == {RESENT: 3, ACCEPTED: 1}


def test_what_comes_more_often_than_a_browser_tries_comes_from_several_people() -> None:
    shard = Shard()
    assert shard.batch(entry(0, *[upload(item(0))] * 20)) == {ACCEPTED: 16, RESENT: 4}
    assert shard.batch(entry(10, upload(item(10)))) == {ACCEPTED: 1}
    assert shard.batch(entry(1220, upload(item(0)))) == {ACCEPTED: 1}
    assert shard.batch(entry(2421, upload(item(0)))) == {ACCEPTED: 1}
    assert shard.batch(entry(2430, upload(item(9)))) == {RESENT: 1}


def test_after_the_window_it_is_counted_again() -> None:
    shard = Shard(window_s=60)
    assert shard.batch(entry(0, upload(item(0)))) == {ACCEPTED: 1}
    assert shard.batch(entry(60, upload(item(60)))) == {RESENT: 1}
    assert shard.batch(entry(61, upload(item(61)))) == {ACCEPTED: 1}


@pytest.mark.parametrize(
    "other",
    [
        upload(item(61), sender=8),
        upload(item(61), sender=0),
        upload(item(61), environment="staging"),
        upload(item(61), release="2"),
        upload(item(61, url="https://www.example.com/other")),
        upload(item(61), project_id=2),
    ],
)
def test_another_sender_place_or_text_is_another_report(other: envelope.Payload) -> None:
    shard = Shard()
    assert shard.batch(entry(0, upload(item(0)))) == {ACCEPTED: 1}
    assert shard.batch(entry(61, other)) == {ACCEPTED: 1}


def test_a_window_of_nothing_counts_everything() -> None:
    shard = Shard(window_s=0)
    for at_s in (0, 1):
        assert shard.batch(entry(at_s, upload(item(at_s)))) == {ACCEPTED: 1}
    assert shard.memories == {}


def test_nothing_is_a_repetition_of_what_was_dated_later() -> None:
    """A clock was ahead when the first one came: what happens afterwards happens again."""
    shard = Shard()
    assert shard.batch(entry(600, upload(item()))) == {ACCEPTED: 1}
    assert shard.batch(entry(30, upload(item()))) == {ACCEPTED: 1}
    assert shard.batch(entry(90, upload(item(60)))) == {RESENT: 1}


def test_what_was_invalid_is_not_kept_twice() -> None:
    shard = Shard()
    first, again = ({"age": age, "body": payloads.Row()} for age in (0, 61_000))
    assert shard.batch(entry(0, upload(first, item(0)))) == {("invalid", "no_type"): 1, ACCEPTED: 1}
    assert shard.batch(entry(61, upload(again, item(61)))) == {RESENT: 2}


def test_what_has_no_age_occurs_when_it_is_received() -> None:
    shard = Shard()
    for at_s, expected in (
        (0, ("invalid", "not_an_object")),
        (4, RESENT),
        (61, ("invalid", "not_an_object")),
    ):
        assert shard.batch(entry(at_s, upload(17, item(0, at_s)))) == {expected: 1, ACCEPTED: 1}


def test_an_age_may_stand_anywhere_and_be_anything() -> None:
    shard = Shard()
    late = {name: value for name, value in item(0).items() if name != "age"} | {"age": 5000}
    assert shard.batch(entry(0, upload(late))) == {ACCEPTED: 1}
    assert shard.batch(entry(61, upload(late | {"age": 66_000.0}))) == {RESENT: 1}
    assert shard.batch(entry(99, upload(late | {"age": "nonsense"}))) == {ACCEPTED: 1}
    assert shard.batch(entry(100, upload(late | {"age": -9e9}))) == {RESENT: 1}


def test_a_body_that_only_the_lenient_decoder_reads() -> None:
    shard = Shard()
    for at_s, expected in ((0, ACCEPTED), (61, RESENT)):
        body = json.dumps([item(at_s, sample="\ud83d")]).encode()
        assert shard.batch(entry(at_s, payloads.payload(body, sender=SENDER))) == {expected: 1}


@pytest.mark.parametrize("body", [b"nope", b'"text"', b"[", b"[]", b"\xff"])
def test_a_body_without_reports_costs_nothing(body: bytes) -> None:
    shard = Shard()
    shard.batch(entry(0, payloads.payload(body, sender=SENDER)))
    assert shard.memories == {}


def test_the_rest_of_the_plan_stays() -> None:
    entries = [entry(0, upload(item(0))), entry(1, upload(item(1)))]
    before = msgspec.structs.replace(plan(), poison={"3-1-0-0": "It crashed."})
    decided, _ = retries.decide(before, retries.candidates(SHARD, entries, before), lambda _: {})
    assert decided.retries == {f"3-{(START_S + 1) * 1000}-0-0": (0,)}
    assert msgspec.structs.replace(decided, retries={}) == before


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 90), st.booleans()), max_size=12))
def test_run_again_it_is_the_same(sent: list[tuple[int, int, bool]]) -> None:
    entries = [
        entry(at * 20, upload(item(age, number), item(age), sender=SENDER if known else 0))
        for at, (number, age, known) in enumerate(sent)
    ]
    found = retries.candidates(SHARD, entries, plan())
    decided, counted = retries.decide(plan(), found, lambda _: {})
    assert pipeline.process(SHARD, entries, decided) == pipeline.process(SHARD, entries, decided)
    assert retries.candidates(SHARD, entries, decided) == found
    again = retries.counted_reports(decided, found)
    assert again == {key: seen._replace(retries=0) for key, seen in counted.items()}
