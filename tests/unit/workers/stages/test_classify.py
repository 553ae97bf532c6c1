"""Findings: what the classify stage makes of a report."""

from __future__ import annotations

from workers.families import csp
from workers.model import report
from workers.stages import classify


def test_the_raw_text_is_made_once() -> None:
    members = {"url": b'"https://a.example/?x"'}
    finding = classify.classify(csp.FAMILY, report.Report(kind="csp"), report.Item("", members, members))
    assert finding.raw == '{"url":"https://a.example/"}'
    assert finding.raw is finding.raw
