"""Rules of retention: texts are read and written, and the most precise rule of a pair counts."""

from __future__ import annotations

import pytest

from storage.projects import model, project_settings, retention_rules

RULES = ("10 environment=staging", "0 release=2.0", "30 environment=staging release=2.0", "5 release=''")


@pytest.mark.parametrize(
    ("environment", "release", "days"),
    [
        ("prod", "1.0", 90),
        ("staging", "1.0", 10),
        ("prod", "2.0", 0),
        ("staging", "2.0", 30),
        ("staging", "", 5),
        ("", "", 5),
    ],
)
def test_the_most_precise_rule_counts(environment: str, release: str, days: int) -> None:
    parsed = retention_rules.parsed(RULES)
    assert retention_rules.days_of(parsed, environment, release, 90) == days
    assert retention_rules.days_of((), environment, release, 90) == 90


@pytest.mark.parametrize(
    "rule",
    [
        retention_rules.RetentionRule(0, "prod", None),
        retention_rules.RetentionRule(36_500, None, "a b, 'c' \"d\" \\ =e"),
        retention_rules.RetentionRule(1, "", ""),
    ],
)
def test_a_rule_is_read_as_it_was_written(rule: retention_rules.RetentionRule) -> None:
    assert retention_rules.parsed((str(rule),)) == (rule,)


@pytest.mark.parametrize(
    "text",
    [
        *("", "30", "release=1", "-1 release=1", "36501 release=1", "x release=1", "1 '", "1 release"),
        *("1 release=a release=b", "1 releases=a", "1 release=a b", "\N{FULLWIDTH DIGIT ONE} release=a"),
    ],
)
def test_what_is_no_rule_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"retention_rules: .* is not of the form DAYS environment=NAME"):
        project_settings.ProjectSettings(retention_rules=(text,))


def test_two_rules_do_not_speak_of_the_same() -> None:
    with pytest.raises(ValueError, match="'1 release=a' and another rule speak of the same"):
        retention_rules.parsed(("1 release=a", "2 release=a"))


def test_a_rule_takes_the_place_of_the_one_that_spoke_of_the_same() -> None:
    more = retention_rules.replaced(RULES, retention_rules.RetentionRule(7, "staging", None))
    assert more == (*RULES[1:], "7 environment=staging")
    assert retention_rules.without(more, ("staging", None)) == RULES[1:]
    assert retention_rules.without(RULES, (None, None)) == RULES


def test_floors_hold_for_what_they_name_and_never_fall() -> None:
    floors = (model.Floor(5, "staging"), model.Floor(7, None, "1"))
    assert [model.floor_of(3, floors, *pair) for pair in (("prod", "2"), ("staging", "2"), ("x", "1"))] == [
        3,
        5,
        7,
    ]
    assert model.floor_of(0, (), "", "") == 0
    assert model.raised(floors, (model.Floor(4, "staging"), model.Floor(9, None, "1"), model.Floor(1))) == (
        model.Floor(5, "staging"),
        model.Floor(9, None, "1"),
        model.Floor(1),
    )
