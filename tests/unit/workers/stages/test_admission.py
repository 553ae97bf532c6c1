"""Which reports a project takes, by their pages' origins and by their age."""

from __future__ import annotations

import json

import pytest

from storage.projects import project_settings
from tests.helpers import payloads
from workers.model import outcomes, report
from workers.stages import admission, evaluate, state
from workers.text import urls

DAY_MS = 86_400_000
SHOP = ("https://shop.example", "https://*.shop.example")


def outcome_counts(item: object, **settings: object) -> dict[str, int]:
    rules = state.rules_of(project_settings.ProjectSettings(**settings))  # type: ignore[arg-type]
    evaluated = evaluate.evaluate_payload(json.dumps(item).encode(), rules)
    return {
        f"{outcome_key.outcome} {outcome_key.reason}".strip(): count
        for outcome_key, count in evaluated.outcome_counts.items()
    }


def page(url: str) -> report.Report:
    return report.Report(kind="csp", document=urls.clean(url))


@pytest.mark.parametrize(
    ("url", "allowed", "outcome"),
    [
        ("https://shop.example/cart?id=1", SHOP, "accepted"),
        ("https://a.shop.example/", SHOP, "accepted"),
        ("https://evil.test/", SHOP, "filtered origin"),
        ("http://shop.example/", SHOP, "filtered origin"),
        ("about", SHOP, "filtered origin"),
        ("about", (*SHOP, "null"), "accepted"),
        ("https://evil.test/", (), "accepted"),
    ],
)
def test_the_document_must_be_of_an_allowed_origin(url: str, allowed: tuple[str, ...], outcome: str) -> None:
    assert outcome_counts(payloads.legacy(**{"document-uri": url}), allowed_origins=allowed) == {outcome: 1}


@pytest.mark.parametrize(
    ("hostname", "port", "taken"),
    [
        ("shop.example", 443, True),
        ("shop.example", 0, True),
        ("shop.example", 8443, False),
        ("::1", 443, False),
    ],
)
def test_a_certificate_report_comes_from_the_host_it_is_about(
    hostname: str, port: int, *, taken: bool
) -> None:
    rules = admission.rules_of(project_settings.ProjectSettings(allowed_origins=SHOP))
    found = report.Report(kind="expect-ct", hostname=hostname, port=port)
    assert (admission.refusal(found, rules) is None) is taken


def test_an_ipv6_host_can_be_allowed() -> None:
    rules = admission.rules_of(project_settings.ProjectSettings(allowed_origins=("https://[::1]",)))
    assert admission.refusal(report.Report(kind="hpkp", hostname="::1", port=443), rules) is None


def test_a_report_that_names_no_origin_has_none() -> None:
    rejected = admission.refusal(
        report.Report(kind="unknown"),
        admission.rules_of(project_settings.ProjectSettings(allowed_origins=SHOP)),
    )
    assert rejected is not None
    assert (rejected.outcome, rejected.reason) == (outcomes.Outcome.FILTERED, outcomes.Reason.ORIGIN)


@pytest.mark.parametrize(
    ("retention", "age", "outcome"),
    [(1, DAY_MS, "accepted"), (1, DAY_MS + 1, "filtered expired"), (0, 7 * DAY_MS, "accepted")],
)
def test_a_report_older_than_the_retention_is_left_out(retention: int, age: int, outcome: str) -> None:
    assert outcome_counts([payloads.modern(age=age)], retention=retention) == {outcome: 1}


def test_most_projects_cost_nothing() -> None:
    assert admission.rules_of(project_settings.ProjectSettings()) is admission.DEFAULT
    assert admission.refusal(page("https://anywhere.example/"), admission.DEFAULT) is None
