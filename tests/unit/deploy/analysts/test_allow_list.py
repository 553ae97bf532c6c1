"""The allow-list of analysts as a profile and as SQL."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from deploy.analysts import allow_list, grants, users_xml

LIMITS = allow_list.QueryLimits(seconds=60, memory=1 << 30, threads=4, queries=20)
GIVEN = allow_list.read(LIMITS)


def test_the_numbers_of_the_server_are_filled_in() -> None:
    assert GIVEN.bounded["max_execution_time"] == allow_list.SettingBounds("1", "60")
    assert GIVEN.bounded["max_rows_to_read"].most == "1000000000"
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


def test_what_may_be_read_is_not_refused_too() -> None:
    readable = {f"{table}.{column}" for table, columns in allow_list.tables().items() for column in columns}
    assert not readable & set(allow_list.refused_columns())
    assert not set(allow_list.tables()) & set(allow_list.refused_columns())


def test_an_account_of_one_project_reads_only_tables_with_projects() -> None:
    assert allow_list.tables(of_project=True).keys() == allow_list.rows_of_project(1).keys()
    assert allow_list.tables(of_project=True).keys() < allow_list.tables().keys()


def test_sql_quotes_every_name() -> None:
    sql = grants.statements(GIVEN, "a`b\\", "head`race", None)
    assert sql[-1] == "ALTER USER `a\\`b\\\\` SETTINGS PROFILE `headrace_analyst_a\\`b\\\\`"
    assert sql[1] == "REVOKE SELECT, SHOW COLUMNS ON `head\\`race`.* FROM `a\\`b\\\\`"


def test_what_was_granted_is_taken_before_anything_is_granted() -> None:
    verbs = [statement.partition(" ")[0] for statement in grants.statements(GIVEN, "a", "headrace", 7)]
    assert verbs.index("GRANT") > max(
        index for index, verb in enumerate(verbs) if verb in {"REVOKE", "CREATE"}
    )


def test_a_user_can_be_kept_to_one_project() -> None:
    kept = grants.row_policies("shop", "headrace", 7)
    assert (
        "CREATE ROW POLICY OR REPLACE `shop` ON `headrace`.`reports_live` USING project_id = 7 TO `shop`"
        in kept
    )
    assert "CREATE ROW POLICY OR REPLACE `shop` ON `headrace`.`projects` USING id = 7 TO `shop`" in kept
    assert len(kept) == len(allow_list.rows_of_project(7))


def test_another_user_sees_every_row() -> None:
    every = grants.row_policies("shop", "headrace", None)
    assert len(every) == len(allow_list.rows_of_project(7))
    assert all(" USING 1 TO `shop`" in policy for policy in every)


def test_an_account_is_a_user_with_a_filter_on_each_table_that_it_may_read() -> None:
    user = ET.fromstring(users_xml.account("shop", 7, "headrace", "SECRET"))  # noqa: S314 - our own
    assert user.tag == "shop"
    assert user.find("password_sha256_hex[@from_env='SECRET']") is not None
    granted = [query.text or "" for query in user.iter("query")]
    for table in allow_list.tables(of_project=True):
        assert any(f".`{table}`" in grant for grant in granted)
        assert "7" in (user.findtext(f"databases/headrace/{table}/filter") or "")
    assert not [grant for grant in granted if "system." in grant]


def test_other_users_have_filters_that_show_all() -> None:
    every = ET.fromstring(users_xml.every_row("headrace"))  # noqa: S314 - our own
    assert {shown.text for shown in every.iter("filter")} == {"1"}
    assert {table.tag for table in every.iterfind("headrace/*")} == allow_list.rows_of_project(1).keys()


def test_a_function_that_refuses_stands_for_each_that_reaches_out() -> None:
    assert "file" in allow_list.refused_functions()
    assert (
        grants.refusing_function("file")
        == "CREATE FUNCTION file AS refused -> throwIf(1, 'The function file is refused')"
    )
