"""What the limits of a project do to its reports, by an arbiter that answers what a test wants."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from storage.limits import decisions, quotas
from storage.projects import project_settings
from storage.queue import envelope
from tests.helpers import payloads
from workers import pipeline
from workers.limits import project_limits, variants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOW = payloads.NOW_MS
Settings = project_settings.ProjectSettings
Novelty = decisions.Novelty


class Arbiter:
    """Answers as the one in Redis would: everything is new once, and ``room`` is all there is."""

    def __init__(self, room: int = 10**9) -> None:
        self.room = room
        self.known: set[tuple[str, int]] = set()
        self.asked: list[Any] = []

    def check_new(
        self, project_id: int, kind: str, items: Sequence[tuple[int, int]], at_s: int, most: int
    ) -> dict[int, Novelty]:
        self.asked.append((kind, project_id, at_s, most))
        return {item: self._novelty(kind, item, coarse, most) for item, coarse in items}

    def _novelty(self, kind: str, item: int, coarse: int, most: int) -> Novelty:
        if (kind, item) in self.known:
            return Novelty.KNOWN
        if not most or len(self.known) < most:
            self.known.add((kind, item))
            return Novelty.NEW
        coarse_keys = {key for each, key in self.known if each == "coarse"}
        if coarse in coarse_keys or len(coarse_keys) < most:
            self.known.add(("coarse", coarse))
            return Novelty.COARSE
        return Novelty.OTHER

    def share_budget(
        self, project_id: int, settings: Settings, wants: Sequence[decisions.Want]
    ) -> dict[int, int]:
        self.asked.append(("budget", project_id, *wants))
        return {
            want.minute_s: min(want.reports, max(settings.sample_budget, want.forced + 1)) for want in wants
        }

    def grant(
        self, project_id: int, settings: Settings, wants: Mapping[tuple[int, str], int]
    ) -> dict[tuple[int, str], decisions.Grant]:
        self.asked.append(("grant", project_id, dict(wants)))
        assert quotas.has_quotas(settings)
        found = {}
        for want, reports in wants.items():
            granted = min(reports, self.room)
            self.room -= granted
            found[want] = decisions.Grant(granted, "project_minute" if granted < reports else "")
        return found

    def grant_quarantine(self, project_id: int, most: int, wants: Mapping[int, int]) -> dict[int, int]:
        self.asked.append(("grant_quarantine", project_id, most, dict(wants)))
        return {hour: min(most, wanted) for hour, wanted in wants.items()}


def process(
    arbiter: project_limits.ProjectLimitDecider | None,
    *bodies: object,
    shard: int = 3,
    at: int = NOW,
    **settings: Any,
) -> pipeline.Tables:
    """Process a batch of an entry for each body, a millisecond apart."""
    plan = pipeline.Plan(projects={1: pipeline.ProjectPlan(settings=Settings(**settings))})
    entries = [
        envelope.Entry(f"{at + number}-0", [payloads.payload(body)]) for number, body in enumerate(bodies)
    ]
    tables = pipeline.process(shard, entries, plan, arbiter)
    payloads.assert_balanced(tables)
    assert sum(tables.payloads.values()) == len(bodies)
    return tables


def blocked(name: str) -> payloads.Row:
    return payloads.legacy(blocked_uri=f"https://{name}.example/x")


def seen(tables: pipeline.Tables, column: str = "blocked_host") -> dict[str, int]:
    return dict(zip(tables.reports[column], tables.reports["seen"], strict=True))


def test_a_project_without_limits_asks_nobody() -> None:
    arbiter = Arbiter()
    process(arbiter, blocked("a"))
    assert arbiter.asked == []
    assert not quotas.are_set(Settings(sample_rate=0.5, sample_budget=1, quota_burst=3))


def test_without_an_arbiter_nothing_is_limited() -> None:
    tables = process(None, blocked("a"), blocked("b"), quota_per_minute=1)
    assert payloads.verdicts(tables) == {("accepted", ""): 2}


def test_who_comes_first_in_the_stream_gets_through_whatever_its_clock_says() -> None:
    plan = pipeline.Plan(projects={1: pipeline.ProjectPlan(settings=Settings(quota_per_minute=9))})
    entries = [
        envelope.Entry(f"{NOW}-{number}", [payloads.payload(blocked(name))], NOW - number * 100)
        for number, name in enumerate("abc")
    ]
    tables = pipeline.process(3, entries, plan, Arbiter(room=2))
    payloads.assert_balanced(tables)
    assert seen(tables) == {"a.example": 1, "b.example": 1}


def test_a_batch_without_accepted_reports_asks_nobody() -> None:
    arbiter = Arbiter()
    limits_of_reports: Any = {"quota_per_minute": 1, "sampling": "adaptive", "new_variants_per_hour": 1}
    tables = process(arbiter, b"nope", [], quarantine_per_hour=0, **limits_of_reports)
    assert arbiter.asked == []
    assert payloads.verdicts(tables) == {("invalid", "not_json"): 1}


def test_who_comes_first_gets_through() -> None:
    tables = process(Arbiter(room=3), *map(blocked, "abacab"), quota_per_minute=3)
    assert seen(tables) == {"a.example": 2, "b.example": 1}
    assert payloads.verdicts(tables) == {("accepted", ""): 3, ("quota", "project_minute"): 3}


def test_a_quota_may_end_within_a_payload() -> None:
    array = [payloads.modern(blockedURL=f"https://{name}.example/") for name in "abcde"]
    tables = process(Arbiter(room=7), array, array, [1], quota_per_minute=7)
    assert payloads.verdicts(tables) == {
        ("accepted", ""): 7,
        ("quota", "project_minute"): 3,
        ("invalid", "not_an_object"): 1,
    }
    assert seen(tables)["a.example"] == 2
    assert seen(tables)["e.example"] == 1
    assert [sum(counts) for counts in tables.receipts["accepted"]] == [5, 2, 0]


def test_quotas_are_asked_for_by_second_and_key() -> None:
    arbiter = Arbiter()
    process(arbiter, *[blocked("a")] * 3, at=NOW - NOW % 1000 + 999 - 1, key_quota_per_day=5)
    second = NOW // 1000
    assert arbiter.asked == [("grant", 1, {(second, "k"): 2, (second + 1, "k"): 1})]


def test_sampling_out_everything_asks_for_no_quota() -> None:
    arbiter = Arbiter()
    arbiter.known.add(("findings", process(None, blocked("a")).reports["fingerprint"][0]))
    for shard in range(20):
        process(arbiter, blocked("a"), shard=shard, sampling="fixed", sample_rate=0.0001, quota_per_minute=5)
    assert not any(name == "grant" for name, *_ in arbiter.asked)


def test_the_first_sighting_of_a_finding_is_kept_and_stands_for_itself() -> None:
    tables = process(Arbiter(), *map(blocked, "abcdefgh"), sampling="fixed", sample_rate=0.0001)
    assert tables.reports["weight"] == [1.0] * 8
    assert payloads.verdicts(tables) == {("accepted", ""): 8}


def test_fixed_sampling_keeps_a_share_of_each_finding() -> None:
    bodies = [blocked("loud")] * 400 + [blocked("quiet")] * 40
    tables = process(Arbiter(), *bodies, sampling="fixed", sample_rate=0.1)
    kept = seen(tables)
    assert kept["loud.example"] in {40, 41}
    assert kept["quiet.example"] in {4, 5}
    assert payloads.verdicts(tables)["filtered", "sampled"] == 440 - sum(kept.values())
    assert tables.reports["weight"][0] == pytest.approx(1 + 10 * (kept["loud.example"] - 1))


def test_adaptive_sampling_spares_the_quiet() -> None:
    bodies = [blocked("loud")] * 500 + [blocked(f"quiet{chr(97 + n)}") for n in range(20)] * 2
    arbiter = Arbiter()
    tables = process(arbiter, *bodies, sampling="adaptive", sample_budget=100)
    kept = Counter(seen(tables))
    assert kept.pop("loud.example") == 60
    assert set(kept.values()) == {2}
    assert sum(tables.reports["weight"]) == pytest.approx(540, rel=0.03)
    (_, _, want) = arbiter.asked[-1]
    assert (want.forced, want.reports) == (21, 540)


def test_sampled_rows_that_are_not_collapsed_keep_their_weights() -> None:
    tables = process(Arbiter(), *[blocked("a")] * 21, sampling="fixed", sample_rate=0.5, dedupe_window=0)
    assert Counter(tables.reports["weight"]) == {1.0: 1, 2.0: 10}


def test_the_sum_of_weights_is_an_unbiased_count() -> None:
    """Three hundred batches: whatever one of them errs, on average they do not."""
    bodies = [blocked("a")] * 37 + [blocked("b")] * 11 + [blocked("c")] * 3
    arbiter, weights = Arbiter(), []
    process(arbiter, *map(blocked, "abc"), sampling="fixed")
    for batch in range(300):
        tables = process(arbiter, *bodies, shard=batch, sampling="fixed", sample_rate=0.07)
        weights.append(sum(tables.reports["weight"]))
    error = statistics.stdev(weights) / math.sqrt(len(weights))
    assert abs(statistics.mean(weights) - len(bodies)) < 4 * error
    assert error < 1


@pytest.mark.parametrize("sampling", ["fixed", "adaptive"])
def test_a_repeated_batch_keeps_the_same_reports(sampling: str) -> None:
    values: Any = {"sampling": sampling, "sample_rate": 0.3, "sample_budget": 20, "quota_per_minute": 9}
    first, again = (process(Arbiter(room=9), *map(blocked, "abacadabra" * 9), **values) for _ in range(2))
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
    tables = process(Arbiter(), *bodies, new_variants_per_hour=4)
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
    tables = process(Arbiter(), *bodies, new_variants_per_hour=2)
    rows = payloads.rows(tables.reports)
    assert [row["seen"] for row in rows] == [1, 1, 1, 1, 4]
    assert rows[2]["blocked"] == "inline"
    other = rows[-1]
    assert (other["document"], other["blocked"], other["directive"]) == ("", "", "")
    assert other["details"] == {variants.NOTE: "other"}
    assert other["title"] == "Many different csp reports"


def test_a_known_variant_is_left_as_it_is() -> None:
    arbiter = Arbiter()
    for _ in range(3):
        tables = process(arbiter, made_up(1), made_up(2), new_variants_per_hour=2)
        assert all(row["line"] for row in payloads.rows(tables.reports))


def test_a_collapsed_report_counts_as_of_its_receipt() -> None:
    bodies = [[payloads.modern(age=age, url=f"https://a.example/{age}")] for age in (10, 10**6)]
    tables = process(Arbiter(), *bodies, new_variants_per_hour=1)
    assert tables.reports["last_seen"] == [NOW - 10, NOW + 1]


def test_a_report_without_a_place_collapses_too() -> None:
    certificates = [payloads.certificate(port=port, date_time=None) for port in range(1, 9)]
    tables = process(Arbiter(), *({"expect-ct-report": one} for one in certificates), new_variants_per_hour=3)
    assert tables.reports["seen"] == [1, 1, 1, 5]
    assert tables.reports["hostname"] == ["www.example.com"] * 4


def test_the_limits_of_projects_are_apart() -> None:
    values = Settings(quota_per_minute=1)
    plan = pipeline.Plan(projects={number: pipeline.ProjectPlan(settings=values) for number in (1, 2)})
    batch = [payloads.payload(blocked("a"), project_id=number) for number in (1, 2, 3)]
    arbiter = Arbiter()
    tables = pipeline.process(3, [envelope.Entry(f"{NOW}-0", batch)], plan, arbiter)
    assert sorted(tables.reports["project_id"]) == [1, 2, 3]
    assert [project for _, project, _ in arbiter.asked] == [1, 2]


def test_a_payload_received_often_is_parted_by_what_became_of_it() -> None:
    body = payloads.payload(blocked("a"))
    entries = [envelope.Entry(f"{NOW}-{number}", [body] * 4) for number in range(3)]
    plan = pipeline.Plan(projects={1: pipeline.ProjectPlan(settings=Settings(quota_per_minute=6))})
    tables = pipeline.process(3, entries, plan, Arbiter(room=6))
    payloads.assert_balanced(tables)
    assert tables.receipts["accepted"] == [(1, 1, 1, 1), (1, 1, 0, 0), (0, 0, 0, 0)]
    assert tables.receipts["rejected_reason"][1] == ("project_minute",) * 2
    assert msgspec.json.encode(tables.outcomes)
