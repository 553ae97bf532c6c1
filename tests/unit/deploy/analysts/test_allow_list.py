"""The allow-list of analysts as a profile and as SQL."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from deploy.analysts import allow_list, grants, users_xml

LIMITS = allow_list.QueryLimits(seconds=60, memory=1 << 30, threads=4, queries=20)
GIVEN = allow_list.read(LIMITS)


def test_the_numbers_of_the_server_are_filled_in() -> None:
    assert GIVEN.bounded["max_execution_time"] == allow_list.SettingBounds("1", "60")
    assert GIVEN.fixed["max_memory_usage_for_user"] == str(1 << 30)


def test_nothing_is_named_twice() -> None:
    names = [*GIVEN.free, *GIVEN.bounded, *GIVEN.fixed]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("part", ["schema", "url", "path", "template", "regexp", "user", "password"])
def test_no_setting_that_may_be_changed_names_a_place(part: str) -> None:
    assert not [name for name in (*GIVEN.free, *GIVEN.bounded) if part in name]


def test_the_profile_reads_only_and_bounds_what_it_sets() -> None:
    settings = ET.fromstring(f"<profile>{users_xml.settings(GIVEN)}</profile>")  # noqa: S314 - our own
    assert settings.findtext("readonly") == "1"
    assert settings.findtext("max_execution_time") == "60"
    constraints = ET.fromstring(f"<constraints>{users_xml.constraints(GIVEN)}</constraints>")  # noqa: S314
    assert {child.tag for child in constraints} == {*GIVEN.free, *GIVEN.bounded}
    assert all(child.find("changeable_in_readonly") is not None for child in constraints)
    assert constraints.findtext("max_threads/max") == "4"


def test_the_profile_leaves_out_what_a_server_does_not_know() -> None:
    known = GIVEN.known_to({"max_threads", "join_use_nulls", "max_memory_usage_for_user"})
    assert (list(known.bounded), known.free) == (["max_threads"], ["join_use_nulls"])
    assert known.fixed == {"max_memory_usage_for_user": str(1 << 30)}
    assert known.tables == GIVEN.tables


def test_sql_quotes_every_name() -> None:
    sql = grants.statements(GIVEN, "a`b\\", "head`race")
    assert sql[-1] == "ALTER USER `a\\`b\\\\` SETTINGS PROFILE headrace_analyst"
    assert sql[1] == "GRANT SELECT ON `head\\`race`.* TO `a\\`b\\\\`"


def test_a_user_can_be_kept_to_one_project() -> None:
    assert grants.row_policies("shop", "headrace", 7, {"reports": "project_id", "projects": "id"}) == [
        "CREATE ROW POLICY OR REPLACE `shop` ON `headrace`.`reports` USING `project_id` = 7 TO `shop`",
        "CREATE ROW POLICY OR REPLACE `shop` ON `headrace`.`projects` USING `id` = 7 TO `shop`",
    ]


def test_a_function_that_refuses_stands_for_each_that_reaches_out() -> None:
    assert "file" in allow_list.refused_functions()
    assert (
        grants.refusing_function("file")
        == "CREATE FUNCTION file AS refused -> throwIf(1, 'The function file is refused')"
    )
