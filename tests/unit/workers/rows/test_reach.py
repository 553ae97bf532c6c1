"""Rows carry the sketch of exactly those senders whose reports they count."""

from __future__ import annotations

import functools
import operator
from collections import defaultdict
from typing import Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.projects import project_settings
from storage.queue import envelope, reach
from tests.helpers import payloads
from workers import pipeline
from workers.model import batch_plan

NOW = payloads.NOW_MS
HOSTS = ("a.example", "b.example", "c.example")
UPLOADS = ((0,), (1,), (0, 1), (1, 2, 1))
"""Uploads by the hosts that their reports name."""
SLOTS = (reach.UNKNOWN, 1, 2, 112, 113, 1000, 1904)
NO_SLOTS = (-1, 1905, 2**63, 2**64 - 1)


class Sent(NamedTuple):
    """One upload of one sender: milliseconds since the batch began, hosts, age in ms, and slot."""

    at: int
    upload: tuple[int, ...]
    age: int
    slot: int
    environment: str
    retried: bool


sent = st.builds(
    Sent,
    at=st.sampled_from((0, 1, 59_999, 60_000, 200_000)),
    upload=st.sampled_from(UPLOADS),
    age=st.sampled_from((0, 1, 90_000, 100_000_000)),
    slot=st.sampled_from(SLOTS),
    environment=st.sampled_from(("", "production")),
    retried=st.booleans(),
)


def body(upload: tuple[int, ...], age: int) -> list[payloads.Row]:
    return [payloads.modern(age=age, blockedURL=f"https://{HOSTS[host]}/") for host in upload]


@functools.cache
def fingerprint(host: int) -> int:
    return int(payloads.row(body((host,), 0))["fingerprint"])


def entry(number: int, one: Sent) -> envelope.Entry:
    known = {"environment": one.environment, "slot": one.slot, "sender": int(one.retried)}
    return envelope.Entry(f"{NOW + one.at}-{number}", [payloads.payload(body(one.upload, one.age), **known)])


def process(batch: list[tuple[int, Sent]], window: int, removed_before: int = 0) -> list[payloads.Row]:
    """Process a batch in which the first report of each upload that is said to be retried is a retry."""
    settings = project_settings.ProjectSettings(dedupe_window=window)
    project = batch_plan.ProjectPlan(settings=settings, removed_before=removed_before)
    retries: dict[str, tuple[int, ...]] = {
        f"3-{NOW + one.at}-{number}-0": (0,) for number, one in batch if one.retried
    }
    plan = batch_plan.Plan(projects={1: project}, retries=retries, senders=True)
    tables = pipeline.process(3, [entry(*each) for each in batch], plan)
    payloads.assert_balanced(tables)
    return payloads.rows(tables.reports)


def merged(rows: list[payloads.Row]) -> dict[tuple[object, ...], int]:
    """Return the sketches of rows as ClickHouse merges them, and those of the findings besides."""
    found: dict[tuple[object, ...], int] = defaultdict(int)
    for row in rows:
        found[row["fingerprint"],] |= row["reach"]
        found[row["environment"], row["window_start"], row["identity"]] |= row["reach"]
    return found


@given(
    batches=st.lists(st.lists(sent, min_size=1, max_size=8), max_size=4), window=st.sampled_from((0, 60, 7))
)
def test_the_sketches_are_those_of_the_senders_of_accepted_reports(
    batches: list[list[Sent]], window: int
) -> None:
    numbered = [list(enumerate(batch, 100 * number)) for number, batch in enumerate(batches)]
    found = merged([row for batch in numbered for row in process(batch, window)])
    expected: dict[int, int] = defaultdict(int)
    for one in (one for batch in batches for one in batch):
        for host in one.upload[int(one.retried) :]:
            expected[fingerprint(host)] |= reach.sketch_of(one.slot)
    assert {key: sketch for key, sketch in found.items() if len(key) == 1} == {
        (finding,): sketch for finding, sketch in expected.items()
    }


@given(batch=st.lists(sent, min_size=1, max_size=8), data=st.data(), window=st.sampled_from((60, 7)))
def test_neither_order_nor_repetition_nor_batches_change_a_sketch(
    batch: list[Sent], data: st.DataObject, window: int
) -> None:
    numbered = list(enumerate(one._replace(retried=False) for one in batch))
    whole = merged(process(numbered, window))
    again = data.draw(st.permutations(numbered + data.draw(st.lists(st.sampled_from(numbered)))))
    cut = data.draw(st.integers(0, len(again)))
    parts = [part for part in (again[:cut], again[cut:]) if part]
    renumbered = [[(1000 + place, one) for place, (_, one) in enumerate(part)] for part in parts]
    assert merged([row for part in renumbered for row in process(part, window)]) == whole


@given(batch=st.lists(sent, min_size=1, max_size=8))
def test_bygone_reports_tell_of_no_sender(batch: list[Sent]) -> None:
    batch = [one._replace(retried=False) for one in batch]
    rows = process(list(enumerate(batch)), 60, removed_before=NOW - 95_000_000)
    kept = [one for one in batch if one.age < 95_000_000]
    expected: dict[int, int] = defaultdict(int)
    for one in kept:
        for host in one.upload:
            expected[fingerprint(host)] |= reach.sketch_of(one.slot)
    found: dict[int, int] = defaultdict(int)
    for row in rows:
        found[row["fingerprint"]] |= row["reach"]
    assert found == expected


def test_a_row_is_of_the_senders_of_its_own_window() -> None:
    first = Sent(0, (0,), 0, 1, "", retried=False)
    batch = [first, first._replace(slot=2), first._replace(at=200_000, slot=3)]
    rows = process(list(enumerate(batch)), 60)
    assert [row["reach"] for row in rows] == [reach.sketch_of(1) | reach.sketch_of(2), reach.sketch_of(3)]


def test_without_a_window_each_report_is_of_its_own_sender() -> None:
    first = Sent(0, (0,), 0, 1, "", retried=False)
    rows = process(list(enumerate([first, first._replace(slot=2), first._replace(slot=0)])), 0)
    assert [row["reach"] for row in rows] == [reach.sketch_of(1), reach.sketch_of(2), 0]


@pytest.mark.parametrize("slot", NO_SLOTS)
@pytest.mark.parametrize("window", [0, 60])
def test_a_number_that_is_no_slot_is_an_unknown_sender(slot: int, window: int) -> None:
    """A damaged entry costs no report."""
    first = Sent(0, (0,), 0, slot, "", retried=False)
    damaged = envelope.decode(f"{NOW}-0", envelope.encode(entry(0, first).payloads))
    assert damaged.payloads[0].slot == slot
    rows = process([(0, first), (1, first._replace(slot=5)), (2, first)], window)
    assert functools.reduce(
        lambda one, other: one | other, (row["reach"] for row in rows)
    ) == reach.sketch_of(5)
    assert sum(row["seen"] for row in rows) == 3


def test_the_poison_among_equal_payloads_is_of_no_sender() -> None:
    payload = payloads.payload(body((0,), 0), slot=1)
    other = payloads.payload(body((0,), 0), slot=2)
    entries = [envelope.Entry(f"{NOW}-0", [payload, other])]
    tables = pipeline.process(3, entries, batch_plan.Plan(poison={f"3-{NOW}-0-0": "it breaks"}, senders=True))
    assert tables.reports["reach"] == [reach.sketch_of(2)]


def test_equal_payloads_of_different_senders_are_one_row() -> None:
    entries = [
        envelope.Entry(f"{NOW}-0", [payloads.payload(body((0,), 0), slot=slot) for slot in range(1, 113)])
    ]
    tables = pipeline.process(3, entries, batch_plan.Plan(senders=True))
    assert tables.reports["seen"] == [112]
    assert tables.reports["reach"] == [(1 << 112) - 1]


@pytest.mark.parametrize("window", [60, 0])
@pytest.mark.parametrize("sample_rate", [1.0, 0.5])
def test_a_project_may_have_rows_that_tell_nothing_of_senders(window: int, sample_rate: float) -> None:
    def reports_of(setting: Literal["on", "off"]) -> list[payloads.Row]:
        settings = project_settings.ProjectSettings(
            dedupe_window=window, sampling="fixed", sample_rate=sample_rate, reach=setting
        )
        plan = batch_plan.Plan(projects={1: batch_plan.ProjectPlan(settings=settings)}, senders=True)
        batch = [Sent(0, (0, 1), 0, slot, "", retried=False) for slot in (1, 5, 9)]
        entries = [entry(number, one) for number, one in enumerate(batch)]
        return payloads.rows(pipeline.process(3, entries, plan).reports)

    told, silent = reports_of("on"), reports_of("off")
    assert functools.reduce(operator.or_, (row["reach"] for row in told)) == 0b100010001
    assert silent == [{**row, "reach": reach.UNKNOWN} for row in told]


@pytest.mark.parametrize(("setting", "slot"), [("on", 7), ("off", 0)])
def test_nor_does_its_quarantine_tell_of_them(setting: Literal["on", "off"], slot: int) -> None:
    settings = project_settings.ProjectSettings(reach=setting)
    plan = batch_plan.Plan(
        projects={1: batch_plan.ProjectPlan(settings=settings)},
        poison={f"3-{NOW}-0-1": "it breaks"},
        senders=True,
    )
    batch = [payloads.payload(each, slot=7) for each in (b"nope", body((0,), 0), [1])]
    tables = pipeline.process(3, [envelope.Entry(f"{NOW}-0", batch)], plan)
    assert tables.quarantine["slot"] == [slot] * 3
