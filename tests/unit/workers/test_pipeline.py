"""The whole pipeline: whatever arrives is counted once, and the same input gives the same rows."""

from __future__ import annotations

import codecs
import gc
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.queue import envelope
from tests.helpers import payloads, strategies
from workers import pipeline
from workers.model import batch_plan
from workers.reading import user_agents


def test_an_empty_batch_has_all_its_columns() -> None:
    tables = pipeline.process(0, [], batch_plan.Plan())
    assert len(tables.reports) == 38
    assert len(tables.outcomes) == 9
    assert len(tables.quarantine) == 10
    assert len(tables.policies) == 5
    assert len(tables.receipts) == 10
    assert (tables.payloads, tables.found) == ({}, {})


def test_an_empty_array_is_a_payload_without_reports() -> None:
    tables = payloads.process(payloads.payload([]))
    assert (tables.payloads, tables.found) == ({1: 1}, {1: 0})
    assert tables.outcomes["quantity"] == []


def test_a_row_belongs_where_its_payload_was_sent() -> None:
    row = payloads.row(payloads.legacy(), project_id=7, environment="staging", release="2")
    assert (row["project_id"], row["environment"], row["release"]) == (7, "staging", "2")


def test_an_overflowing_pair_lands_in_one_release() -> None:
    overflow = (("production", "1.0", "production"), ("forged", "1.0", ""))
    plan = batch_plan.Plan(projects={1: batch_plan.ProjectPlan(overflow=overflow)})
    sent = [("production", "1.0"), ("forged", "1.0"), ("production", "2.0")]
    batch = [payloads.payload(payloads.legacy(), environment=pair[0], release=pair[1]) for pair in sent]
    tables = payloads.process(*batch, plan=plan)
    for table in (tables.reports, tables.outcomes):
        assert table["environment"] == ["production", "", "production"]
        assert table["release"] == ["(other)", "(other)", "2.0"]
    assert tables.reports["details"] == [{"release": "1.0"}, {"release": "1.0", "environment": "forged"}, {}]
    assert len(set(tables.reports["identity"])) == 3


@pytest.mark.parametrize(
    ("flags", "details"),
    [
        (0, {}),
        (envelope.ENVIRONMENT_BLANKED, {"blanked": "environment"}),
        (envelope.RELEASE_BLANKED, {"blanked": "release"}),
        (envelope.ENVIRONMENT_BLANKED | envelope.RELEASE_BLANKED, {"blanked": "environment,release"}),
    ],
)
def test_what_the_edge_blanked_is_noted(flags: int, details: dict[str, str]) -> None:
    assert payloads.row(payloads.legacy(), flags=flags)["details"] == details


def test_poison_is_set_aside_unread() -> None:
    good = payloads.payload(payloads.legacy())
    plan = batch_plan.Plan(poison={f"3-{payloads.NOW_MS}-0-1": "It crashed."})
    tables = payloads.process(good, good, good, plan=plan)
    assert tables.reports["seen"] == [2]
    assert payloads.outcome_counts(tables) == {("accepted", ""): 2, ("invalid", "poison"): 1}
    assert [(row["receipt"], row["error"]) for row in payloads.rows(tables.quarantine)] == [
        (f"3-{payloads.NOW_MS}-0-1", "It crashed.")
    ]
    alone = payloads.process(
        good, good, plan=batch_plan.Plan(poison={f"3-{payloads.NOW_MS}-0-{at}": "" for at in (0, 1)})
    )
    assert alone.reports["seen"] == []
    payloads.assert_balanced(alone)


def test_warming_up_loads_the_parser_of_user_agents() -> None:
    user_agents._parser.cache_clear()
    pipeline.warm()
    assert user_agents._parser.cache_info().currsize == 1


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(*, enabled: bool) -> None:
    (gc.enable if enabled else gc.disable)()
    try:
        payloads.process(payloads.payload(b"nope"))
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


@given(strategies.ENTRIES, strategies.PLANS)
def test_any_batch_is_counted_once_and_may_be_repeated_or_split(
    entries: list[envelope.Entry], plan: batch_plan.Plan
) -> None:
    """One test for three properties, since to draw a batch takes longer than to process it."""
    tables = pipeline.process(3, entries, plan)
    payloads.assert_balanced(tables)
    assert sum(tables.payloads.values()) == sum(len(entry.payloads) for entry in entries)
    for row in payloads.rows(tables.reports):
        payloads.assert_storable(row)
    assert pipeline.process(3, entries, plan) == tables
    whole = pipeline.process(3, entries, batch_plan.Plan())
    parts = [pipeline.process(3, [entry], batch_plan.Plan()) for entry in entries]
    assert keys([whole]) == keys(parts)
    assert sum(whole.reports["seen"]) == sum(sum(part.reports["seen"]) for part in parts)


@given(strategies.JSON | strategies.REPORTS | st.lists(strategies.REPORTS, max_size=4))
def test_the_fast_and_the_lenient_decoder_lead_to_the_same_rows(value: object) -> None:
    body = json.dumps(value).encode()
    fast, lenient = (payloads.process(payloads.payload(mark + body)) for mark in (b"", codecs.BOM_UTF8))
    assert fast.reports == lenient.reports
    assert fast.outcomes == lenient.outcomes
    assert fast.found == lenient.found


def keys(tables: list[pipeline.Tables]) -> set[tuple[object, ...]]:
    """Return by what ClickHouse merges rows."""
    by = ("project_id", "environment", "release", "window_start", "kind", "fingerprint", "identity")
    return {tuple(row[column] for column in by) for one in tables for row in payloads.rows(one.reports)}


def test_rows_do_not_depend_on_the_process() -> None:
    """Hash seeds differ from process to process; a batch that is done again must not."""
    script = (
        "from tests.helpers import payloads, recorded\n"
        "batch = [payloads.payload(body) for vector in recorded.VECTORS[:150]"
        " if (body := recorded.body_of(vector)) is not None]\n"
        "print(payloads.process(*batch))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert len(outputs.pop()) > 10_000


@pytest.mark.parametrize("filling", ["", "x" * 4_000])
def test_payloads_that_are_evaluated_together_become_what_each_becomes_alone(filling: str) -> None:
    sent = [
        payloads.payload(b"nope" if number % 50 == 7 else [payloads.modern(lineNumber=number, extra=filling)])
        for number in range(300)
    ]
    together = payloads.process(*sent)
    alone = [payloads.process(one) for one in sent]
    for table in ("reports", "quarantine"):
        rows = [row for tables in alone for row in payloads.rows(getattr(tables, table))]
        found = payloads.rows(getattr(together, table))
        assert [{**row, "receipt": ""} for row in found] == [{**row, "receipt": ""} for row in rows]
    payloads.assert_balanced(together)
