"""What is made of a stored row, so that rules can be asked about it again."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.noise import relabel, stored_reports
from storage.projects import project_settings
from storage.tables import labels
from tests.helpers import payloads, recorded
from workers.model import batch_plan
from workers.noise import shipped

STORED = labels.StoredFinding(
    key=1,
    kind="csp",
    directive="img-src",
    blocked="",
    source_file="",
    document_host="",
    document="",
    sample="",
    impossible=0,
    browser="Firefox",
    browser_version="151",
    policy=0,
    collapsed=0,
    details=[],
    noise="",
    noise_rule="",
    title="",
    seen=1,
)
CRAWLER = next(rule.id for rule in shipped.rules_in_order() if rule.has_agent and "+http" in rule.agents)


FIREFOX = ("firefox-undefined", "moz-extension", "firefox-internal")


@pytest.mark.parametrize(
    ("browser", "version", "rule", "matches"),
    [
        ("Firefox", "151", "", FIREFOX),
        ("Firefox", "48", "", ("firefox-base-uri", *FIREFOX)),
        ("Googlebot", "2", "", ("googlebot",)),
        ("Googlebot", "2", "googlebot", ("googlebot",)),
        ("Chrome", "148", CRAWLER, (CRAWLER,)),
        ("Chrome", "148", "superfish", ()),
        ("Chrome", "148", "gone", ()),
    ],
)
def test_what_a_user_agent_told_is_kept(
    browser: str, version: str, rule: str, matches: tuple[str, ...]
) -> None:
    stored = STORED._replace(browser=browser, browser_version=version, noise_rule=rule)
    assert stored_reports.agent_matches(stored, shipped.file()) == matches


def label_of(stored: labels.StoredFinding, **settings: Any) -> str:
    return relabel.Labels(project_settings.ProjectSettings(**settings)).of(stored).rule


OWN = ("own injected host=.cdn.example",)
STANDING = [rule.id for rule in shipped.rules_in_order() if not stored_reports.is_told(rule)]
ELSEWHERE = STORED._replace(blocked="https://a.cdn.example/x.js")


@pytest.mark.parametrize("rule", STANDING)
def test_what_no_row_tells_stands(rule: str) -> None:
    noise_class = shipped.by_id()[rule].noise
    assert label_of(ELSEWHERE._replace(noise_rule=rule)) == rule
    assert label_of(ELSEWHERE._replace(noise_rule=rule), noise_off=(noise_class,)) == ""
    assert label_of(ELSEWHERE._replace(noise_rule=rule), noise_rules=OWN) == "own"


def test_a_path_that_a_rule_leaves_alone_is_told_by_a_row() -> None:
    translator = STORED._replace(blocked="https://translate.googleapis.com/translate_static/css/a.css")
    assert label_of(translator) == "google-translate"
    widget = STORED._replace(blocked="https://translate.google.com/translate_a/element.js")
    assert label_of(widget) == ""


def test_of_two_the_first_in_the_file_is_the_label() -> None:
    stored = STORED._replace(blocked="https://superfish.com/x.js")
    assert label_of(stored) == "superfish"
    order = [rule.id for rule in shipped.rules_in_order()]
    for rule in STANDING:
        earlier = order.index(rule) < order.index("superfish")
        assert label_of(stored._replace(noise_rule=rule)) == (rule if earlier else "superfish")


def test_a_collapsed_report_keeps_its_label_while_there_is_the_rule() -> None:
    stored = STORED._replace(collapsed=1, blocked="superfish.com", noise_rule="metrext")
    assert label_of(stored) == "metrext"
    assert label_of(stored, noise_off=("injected",)) == ""
    assert label_of(stored._replace(noise_rule="gone")) == ""
    assert label_of(stored._replace(noise_rule="")) == ""


def test_a_row_tells_its_details() -> None:
    told = filter(stored_reports.is_told, shipped.rules_in_order())
    rule = next(rule for rule in told if rule.details)
    assert label_of(STORED._replace(details=list(rule.details))) == rule.id
    assert set(rule.details) <= set(relabel.Labels(project_settings.ProjectSettings()).named)


UNTOLD = {"policy", "document", "details"}
"""Columns of a stored row that are not read as they are."""
AGENTS = [payloads.FIREFOX, "x +http://a.example/", "Googlebot", "xbingbotx/2.0", ""]


def stored_of(row: dict[str, Any], named: tuple[str, ...]) -> labels.StoredFinding:
    """Return what ``storage.tables.labels`` reads of a row."""
    return labels.StoredFinding(
        key=0,
        document="" if row["document_host"] else row["document"],
        policy=0,
        collapsed=int("collapsed" in row["details"]),
        details=[name for name in named if name in row["details"]],
        **{name: row[name] for name in labels.StoredFinding._fields if name in row.keys() - UNTOLD},
    )


@pytest.mark.parametrize(
    "agent", [payloads.FIREFOX, "x +http://a.example/", "Googlebot", "xbingbotx/2.0", ""]
)
def test_every_recorded_report_keeps_its_label(agent: str) -> None:
    settings = project_settings.ProjectSettings(
        dedupe_window=0, noise_rules=("own injected host=.example.com path=/a",), noise_off=("proxy",)
    )
    plan = batch_plan.Plan(projects={1: batch_plan.ProjectPlan(settings=settings)})
    wanted = relabel.Labels(settings)
    batch = [payloads.payload(one.body, user_agent=agent) for one in recorded.READABLE]
    for row in payloads.rows(payloads.process(*batch, plan=plan).reports):
        found = wanted.of(stored_of(row, wanted.named))
        assert (found.noise, found.rule) == (row["noise"], row["noise_rule"]), row


@pytest.mark.parametrize(
    ("browser", "before", "after"),
    [
        ("Firefox", "", "moz-extension"),
        ("Firefox iOS", "", ""),
        ("Chrome", "", ""),
        ("Chrome", "moz-extension", "moz-extension"),
    ],
)
def test_a_source_file_counts_where_no_script_can_forge_it(browser: str, before: str, after: str) -> None:
    stored = STORED._replace(
        blocked="https://a.example/x.js", source_file="moz-extension", browser=browser, noise_rule=before
    )
    assert label_of(stored) == after
