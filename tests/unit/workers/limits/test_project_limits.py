"""What the limits of a project do to its reports, by a limit decider that answers what a test wants."""

from __future__ import annotations

import functools
import math
import operator
import statistics
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.limits import quotas
from storage.queue import envelope, reach
from tests.helpers import payloads
from tests.unit.workers.limits.deciders import NOW, FakeLimitDecider, Settings, blocked, process
from workers import pipeline
from workers.limits import variants
from workers.model import batch_plan


def seen(tables: pipeline.Tables, column: str = "blocked_host") -> dict[str, int]:
    return dict(zip(tables.reports[column], tables.reports["seen"], strict=True))


def test_a_project_without_limits_asks_nobody() -> None:
    decider = FakeLimitDecider()
    process(decider, blocked("a"))
    assert decider.asked == []
    assert not quotas.are_set(Settings(sample_rate=0.5, sample_budget=1, quota_burst=3))


def test_without_a_limit_decider_nothing_is_limited() -> None:
    tables = process(None, blocked("a"), blocked("b"), quota_per_minute=1)
    assert payloads.outcome_counts(tables) == {("accepted", ""): 2}


def test_who_comes_first_in_the_stream_gets_through_whatever_its_clock_says() -> None:
    plan = batch_plan.Plan(projects={1: batch_plan.ProjectPlan(settings=Settings(quota_per_minute=9))})
    entries = [
        envelope.Entry(f"{NOW}-{number}", [payloads.payload(blocked(name))], NOW - number * 100)
        for number, name in enumerate("abc")
    ]
    tables = pipeline.process(3, entries, plan, FakeLimitDecider(room=2))
    payloads.assert_balanced(tables)
    assert seen(tables) == {"a.example": 1, "b.example": 1}


def test_a_batch_without_accepted_reports_asks_nobody() -> None:
    decider = FakeLimitDecider()
    limits_of_reports: Any = {"quota_per_minute": 1, "sampling": "adaptive", "new_variants_per_hour": 1}
    tables = process(decider, b"nope", [], quarantine_per_hour=0, **limits_of_reports)
    assert decider.asked == []
    assert payloads.outcome_counts(tables) == {("invalid", "not_json"): 1}


def test_who_comes_first_gets_through() -> None:
    tables = process(FakeLimitDecider(room=3), *map(blocked, "abacab"), quota_per_minute=3)
    assert seen(tables) == {"a.example": 2, "b.example": 1}
    assert payloads.outcome_counts(tables) == {("accepted", ""): 3, ("quota", "project_minute"): 3}


def test_a_quota_may_end_within_a_payload() -> None:
    array = [payloads.modern(blockedURL=f"https://{name}.example/") for name in "abcde"]
    tables = process(FakeLimitDecider(room=7), array, array, [1], quota_per_minute=7)
    assert payloads.outcome_counts(tables) == {
        ("accepted", ""): 7,
        ("quota", "project_minute"): 3,
        ("invalid", "not_an_object"): 1,
    }
    assert seen(tables)["a.example"] == 2
    assert seen(tables)["e.example"] == 1
    assert [sum(counts) for counts in tables.receipts["accepted"]] == [5, 2, 0]


def test_quotas_are_asked_for_by_second_and_key() -> None:
    decider = FakeLimitDecider()
    process(decider, *[blocked("a")] * 3, at=NOW - NOW % 1000 + 999 - 1, key_quota_per_day=5)
    second = NOW // 1000
    assert decider.asked == [("grant", 1, {(second, "k"): 2, (second + 1, "k"): 1})]


def test_sampling_out_everything_asks_for_no_quota() -> None:
    decider = FakeLimitDecider()
    decider.known.add(("findings", process(None, blocked("a")).reports["fingerprint"][0]))
    for shard in range(20):
        process(decider, blocked("a"), shard=shard, sampling="fixed", sample_rate=0.0001, quota_per_minute=5)
    assert not any(name == "grant" for name, *_ in decider.asked)


def test_the_first_report_of_a_finding_is_kept_and_stands_for_itself() -> None:
    tables = process(FakeLimitDecider(), *map(blocked, "abcdefgh"), sampling="fixed", sample_rate=0.0001)
    assert tables.reports["weight"] == [1.0] * 8
    assert payloads.outcome_counts(tables) == {("accepted", ""): 8}


def test_fixed_sampling_keeps_a_share_of_each_finding() -> None:
    bodies = [blocked("frequent")] * 400 + [blocked("quiet")] * 40
    tables = process(FakeLimitDecider(), *bodies, sampling="fixed", sample_rate=0.1)
    kept = seen(tables)
    assert kept["frequent.example"] in {40, 41}
    assert kept["quiet.example"] in {4, 5}
    assert payloads.outcome_counts(tables)["filtered", "sampled"] == 440 - sum(kept.values())
    assert tables.reports["weight"][0] == pytest.approx(1 + 10 * (kept["frequent.example"] - 1))


def test_adaptive_sampling_spares_the_quiet() -> None:
    bodies = [blocked("frequent")] * 500 + [blocked(f"quiet{chr(97 + n)}") for n in range(20)] * 2
    decider = FakeLimitDecider()
    tables = process(decider, *bodies, sampling="adaptive", sample_budget=100)
    kept = Counter(seen(tables))
    assert kept.pop("frequent.example") == 60
    assert set(kept.values()) == {2}
    assert sum(tables.reports["weight"]) == pytest.approx(540, rel=0.03)
    (_, _, want) = decider.asked[-1]
    assert (want.forced, want.reports) == (21, 540)


def test_sampled_rows_that_are_not_collapsed_keep_their_weights() -> None:
    tables = process(
        FakeLimitDecider(), *[blocked("a")] * 21, sampling="fixed", sample_rate=0.5, dedupe_window=0
    )
    assert Counter(tables.reports["weight"]) == {1.0: 1, 2.0: 10}


def test_the_sum_of_weights_is_an_unbiased_count() -> None:
    """Three hundred batches: whatever one of them errs, on average they do not."""
    bodies = [blocked("a")] * 37 + [blocked("b")] * 11 + [blocked("c")] * 3
    decider, weights = FakeLimitDecider(), []
    process(decider, *map(blocked, "abc"), sampling="fixed")
    for batch in range(300):
        tables = process(decider, *bodies, shard=batch, sampling="fixed", sample_rate=0.07)
        weights.append(sum(tables.reports["weight"]))
    error = statistics.stdev(weights) / math.sqrt(len(weights))
    assert abs(statistics.mean(weights) - len(bodies)) < 4 * error
    assert error < 1


def sketch_of_all(tables: pipeline.Tables) -> int:
    return functools.reduce(operator.or_, tables.reports["reach"], 0)


@given(
    batches=st.lists(
        st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 12)), min_size=1, max_size=40), max_size=4
    ),
    window=st.sampled_from((0, 60)),
    sampling=st.sampled_from((("fixed", 0.01, 0), ("fixed", 0.5, 0), ("adaptive", 1, 1), ("adaptive", 1, 9))),
)
def test_sampling_leaves_out_no_sender(
    batches: list[list[tuple[str, int]]], window: int, sampling: tuple[str, float, int]
) -> None:
    decider, found, expected = FakeLimitDecider(), Counter[str](), Counter[str]()
    how, rate, budget = sampling
    for batch in batches:
        tables = process(
            decider,
            *[blocked(name) for name, _ in batch],
            slots=[slot for _, slot in batch],
            sampling=how,
            sample_rate=rate,
            sample_budget=budget,
            dedupe_window=window,
        )
        for host, sketch in zip(tables.reports["blocked_host"], tables.reports["reach"], strict=True):
            found[host] |= sketch
    for name, slot in (one for batch in batches for one in batch):
        expected[f"{name}.example"] |= reach.sketch_of(slot)
    assert found == expected


def test_of_known_senders_sampling_keeps_no_more_than_of_unknown_ones() -> None:
    decider, again = FakeLimitDecider(), FakeLimitDecider()
    slots = [1, 2, 3] * 20
    for known in (decider, again):
        process(known, *[blocked("a")] * 3, slots=[1, 2, 3], sampling="fixed", sample_rate=0.1)
    tables = process(decider, *[blocked("a")] * 60, slots=slots, sampling="fixed", sample_rate=0.1)
    unknown = process(again, *[blocked("a")] * 60, sampling="fixed", sample_rate=0.1)
    assert tables.reports["seen"] == unknown.reports["seen"] == [6]
    assert tables.reports["weight"] == [60]


def test_each_sender_that_is_new_is_kept_with_the_weight_of_one() -> None:
    tables = process(
        FakeLimitDecider(), *[blocked("a")] * 30, slots=range(1, 31), sampling="fixed", sample_rate=0.001
    )
    assert (tables.reports["seen"], tables.reports["weight"]) == ([30], [30])


def test_a_batch_that_an_older_release_began_knows_no_senders() -> None:
    """Its reports may be stored already, as that release kept them: its outcomes must be of the same ones."""
    sampling: Any = {"sampling": "fixed", "sample_rate": 0.001}
    bodies = [blocked("a")] * 30
    found = process(FakeLimitDecider(), *bodies, slots=range(1, 31), senders=False, **sampling)
    assert found == process(FakeLimitDecider(), *bodies, **sampling)
    assert found.reports["seen"] == [1]


def test_with_senders_weights_are_right_on_average() -> None:
    weights = []
    for batch in range(200):
        decider = FakeLimitDecider()
        slots = [1 + (batch * 7 + number) % 5 for number in range(50)]
        tables = process(
            decider, *[blocked("a")] * 50, slots=slots, shard=batch, sampling="fixed", sample_rate=0.07
        )
        weights.append(sum(tables.reports["weight"]))
    assert statistics.mean(weights) == pytest.approx(50, rel=0.05)


def test_the_senders_that_are_kept_count_for_the_budget() -> None:
    decider = FakeLimitDecider()
    tables = process(
        decider, *[blocked("a")] * 90, slots=[*range(1, 31)] * 3, sampling="adaptive", sample_budget=40
    )
    assert tables.reports["seen"] == [40]
    (want,) = (asked[2] for asked in decider.asked if asked[0] == "budget")
    assert (want.forced, want.reports) == (30, 90)


def test_a_sender_whose_report_a_quota_leaves_out_is_kept_when_it_comes_again() -> None:
    decider = FakeLimitDecider(room=1)
    limits: Any = {"sampling": "fixed", "sample_rate": 0.001, "quota_per_minute": 5}
    first = process(decider, *[blocked("a")] * 2, slots=[1, 2], **limits)
    assert first.reports["reach"] == [reach.sketch_of(1)], "what is not accepted does not count"
    decider.room = 5
    second = process(decider, *[blocked("a")] * 2, slots=[1, 2], **limits)
    assert second.reports["reach"] == [reach.sketch_of(2)]


def test_a_collapsed_variant_keeps_its_senders() -> None:
    bodies = [blocked(name) for name in "abcdefgh"]
    tables = process(FakeLimitDecider(), *bodies, slots=range(1, 9), new_variants_per_hour=2)
    assert sketch_of_all(tables) == (1 << 8) - 1
    assert len(tables.reports["reach"]) < 8
    assert tables.sketches == {}, "a project that samples nothing needs none"


def test_a_late_report_counts_for_the_day_of_its_row() -> None:
    decider = FakeLimitDecider()
    start = NOW - NOW % 86_400_000
    late = [[payloads.modern(age=age)] for age in (0, 1000)]
    for _ in range(2):
        tables = process(decider, *late, at=start + 5, slots=[1, 1], sampling="fixed", sample_rate=0.0001)
        assert sorted(finding.day - start // 86_400_000 for finding in decider.sketches) == [-1, 0]
    assert tables.reports["reach"] == []


@pytest.mark.parametrize("sampling", ["fixed", "adaptive"])
def test_a_repeated_batch_keeps_the_same_reports(sampling: str) -> None:
    values: Any = {"sampling": sampling, "sample_rate": 0.3, "sample_budget": 20, "quota_per_minute": 9}
    first, again = (
        process(FakeLimitDecider(room=9), *map(blocked, "abacadabra" * 9), **values) for _ in range(2)
    )
    assert first == again


def made_up(number: int) -> payloads.Row:
    name = chr(97 + number)
    return payloads.legacy(
        document_uri=f"https://shop.example/{name}",
        blocked_uri=f"https://cdn.example/{name}",
        script_sample=name,
        line_number=number,
        original_policy=f"img-src {name}.example",
    )


def test_beyond_the_cap_reports_collapse_to_their_place() -> None:
    bodies = [made_up(number) for number in range(10)]
    tables = process(FakeLimitDecider(), *bodies, new_variants_per_hour=4)
    rows = payloads.rows(tables.reports)
    assert [row["seen"] for row in rows] == [1, 1, 1, 1, 6]
    last = rows[-1]
    assert (last["document"], last["blocked"], last["blocked_host"]) == (
        "shop.example",
        "cdn.example",
        "cdn.example",
    )
    assert (last["sample"], last["line"], last["policy"], last["browser"]) == ("", 0, 0, "")
    assert last["details"] == {variants.NOTE: "place"}
    assert last["title"] == "Many different csp reports from shop.example"
    assert len(tables.policies["hash"]) == 4


def test_places_are_capped_too() -> None:
    bodies = [
        payloads.legacy(document_uri=f"https://{name}.example/", blocked_uri="inline") for name in "abcdefgh"
    ]
    tables = process(FakeLimitDecider(), *bodies, new_variants_per_hour=2)
    rows = payloads.rows(tables.reports)
    assert [row["seen"] for row in rows] == [1, 1, 1, 1, 4]
    assert rows[2]["blocked"] == "inline"
    other = rows[-1]
    assert (other["document"], other["blocked"], other["directive"]) == ("", "", "")
    assert other["details"] == {variants.NOTE: "other"}
    assert other["title"] == "Many different csp reports"


def test_a_known_variant_is_left_as_it_is() -> None:
    decider = FakeLimitDecider()
    for _ in range(3):
        tables = process(decider, made_up(1), made_up(2), new_variants_per_hour=2)
        assert all(row["line"] for row in payloads.rows(tables.reports))


def test_a_collapsed_report_counts_as_of_its_receipt() -> None:
    bodies = [[payloads.modern(age=age, url=f"https://a.example/{age}")] for age in (10, 10**6)]
    tables = process(FakeLimitDecider(), *bodies, new_variants_per_hour=1)
    assert tables.reports["last_seen"] == [NOW - 10, NOW + 1]


def test_a_report_without_a_place_collapses_too() -> None:
    certificates = [payloads.certificate(port=port, date_time=None) for port in range(1, 9)]
    tables = process(
        FakeLimitDecider(), *({"expect-ct-report": one} for one in certificates), new_variants_per_hour=3
    )
    assert tables.reports["seen"] == [1, 1, 1, 5]
    assert tables.reports["hostname"] == ["www.example.com"] * 4


def test_the_limits_of_projects_are_apart() -> None:
    values = Settings(quota_per_minute=1)
    plan = batch_plan.Plan(projects={number: batch_plan.ProjectPlan(settings=values) for number in (1, 2)})
    batch = [payloads.payload(blocked("a"), project_id=number) for number in (1, 2, 3)]
    decider = FakeLimitDecider()
    tables = pipeline.process(3, [envelope.Entry(f"{NOW}-0", batch)], plan, decider)
    assert sorted(tables.reports["project_id"]) == [1, 2, 3]
    assert [project for _, project, _ in decider.asked] == [1, 2]


def test_a_payload_received_often_is_parted_by_what_became_of_it() -> None:
    body = payloads.payload(blocked("a"))
    entries = [envelope.Entry(f"{NOW}-{number}", [body] * 4) for number in range(3)]
    plan = batch_plan.Plan(projects={1: batch_plan.ProjectPlan(settings=Settings(quota_per_minute=6))})
    tables = pipeline.process(3, entries, plan, FakeLimitDecider(room=6))
    payloads.assert_balanced(tables)
    assert tables.receipts["accepted"] == [(1, 1, 1, 1), (1, 1, 0, 0), (0, 0, 0, 0)]
    assert tables.receipts["rejected_reason"][1] == ("project_minute",) * 2
    assert msgspec.json.encode(tables.outcomes)
