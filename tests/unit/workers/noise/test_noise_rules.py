"""The shipped rules: each is whole, says where it comes from, and is documented."""

from __future__ import annotations

import ipaddress

import pytest

from tests.helpers import paths
from workers.model import outcomes
from workers.noise import rules, shipped
from workers.text import urls

PAGE = (paths.DOCS / "query" / "noise.md").read_text("utf-8")
BY_CLASS = [
    pytest.param([rule for rule in shipped.rules_in_order() if rule.noise == name], id=name)
    for name in rules.CLASSES
]


def test_ids_are_unique_and_no_reasons() -> None:
    ids = [rule.id for rule in shipped.rules_in_order()]
    assert len(ids) == len(set(ids)) > 100
    assert not set(ids) & set(outcomes.Reason)


def test_every_class_has_rules_and_is_documented() -> None:
    assert {rule.noise for rule in shipped.rules_in_order()} == set(rules.CLASSES)
    for noise_class in rules.CLASSES:
        assert f"| `{noise_class}` |" in PAGE


@pytest.mark.parametrize("listed", BY_CLASS)
def test_a_rule_says_where_it_comes_from(listed: list[rules.Rule]) -> None:
    for rule in listed:
        assert rule.origin, rule.id
        assert rule.date, rule.id


@pytest.mark.parametrize("listed", BY_CLASS)
def test_a_rule_asks_for_what_can_be(listed: list[rules.Rule]) -> None:
    for rule in listed:
        asked = (rule.has_url, rule.has_sample, rule.has_agent, rule.impossible, rule.any_host)
        assert any((*asked, rule.details, rule.pages, rule.source_starts, rule.policies))
        assert not rule.ports or rule.hosts or rule.networks, rule.id
        for host in rule.hosts:
            assert urls.host(host.removeprefix(".")) == host.removeprefix("."), rule.id
        for network in rule.networks:
            assert str(ipaddress.ip_network(network)) == network, rule.id
        for path in rule.paths:
            assert path.startswith(("/", "*"))
        lowered = (*rule.schemes, *rule.agents, *rule.before, *rule.directives)
        assert all(word == word.lower() for word in lowered), rule.id


def test_no_rule_is_about_all_hosts_of_a_scheme_that_pages_use() -> None:
    common = {"http", "https", "ws", "wss", "inline", "data", "blob"}
    for rule in shipped.rules_in_order():
        assert common.isdisjoint(rule.schemes) or rule.hosts or rule.paths
