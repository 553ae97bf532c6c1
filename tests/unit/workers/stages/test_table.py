"""The table of stages is the order of the pipeline, of an explanation, and of what the docs list."""

from __future__ import annotations

import re

from tests.helpers import paths, payloads
from workers import pipeline
from workers.explain import explain
from workers.stages import table

NAMES = [stage.name for stage in pipeline.STAGES]


def test_each_stage_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert [
        stage.name for stage in pipeline.STAGES if stage.function in {each.run for each in table.STAGES}
    ] == [stage.name for stage in table.STAGES]


def test_the_concepts_show_the_stages_in_their_order() -> None:
    text = (paths.DOCS / "concepts.md").read_text("utf-8")
    flow = text.partition("```\n")[2].partition("```")[0]
    shown = [word.strip() for line in flow.splitlines() for word in re.split("→|:", line)]
    assert [word for word in shown if word in NAMES] == NAMES


def test_an_explanation_tells_of_the_stages_in_their_order() -> None:
    explanation = explain.explain(payloads.payload(payloads.legacy()).body)
    (report,) = explanation.reports
    told = [explanation.decode, *report.stages, explanation.collapse]
    alone = [stage.name for stage in pipeline.STAGES if stage.of != "batch"]
    assert [stage.stage for stage in told] == [*alone, "collapse"]


def test_the_guide_to_explain_lists_the_stages_as_the_table_does() -> None:
    text = (paths.DOCS / "operate" / "explain-a-payload.md").read_text("utf-8")
    listed = re.findall(r"^\| ([a-z ]+) \| ([A-Z][^|]+) \| [^|]+ \|$", text, re.MULTILINE)
    assert listed == [(stage.name, stage.does) for stage in pipeline.STAGES]
