"""What an analyst may do: a walk over all that the engine knows, and what goes on working."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import tempfile
import tomllib
from typing import Any

import httpx
import pytest

from deploy.analysts import allow_list
from storage.servers import clickhouse
from tests.helpers import analysts, paths

pytestmark = pytest.mark.integration

DATA = paths.DATA / "engine.toml"
MAY_BE_SET = {*analysts.ALLOWED.free, *analysts.ALLOWED.bounded}


@pytest.fixture(scope="module")
def all_tables(person: analysts.Analyst) -> set[str]:
    """The names of all system tables, which only the writing user sees."""
    with contextlib.closing(clickhouse.connect(person.server.address)) as connection:
        found = connection.execute("SELECT name FROM system.tables WHERE database = 'system'")
    return {name for (name,) in found}


def classified(*kinds: str) -> set[str]:
    """Return the names that ``engine.toml`` has under these headings, each once."""
    found: list[str] = []
    for kind in kinds:
        groups: Any = tomllib.loads(DATA.read_text("utf-8"))
        for part in kind.split("."):
            groups = groups[part]
        found += (name for group in groups for name in group["names"].split())
    assert len(found) == len(set(found)), sorted(found)
    return set(found)


def test_every_setting_is_known_and_only_the_named_ones_can_be_changed(person: analysts.Analyst) -> None:
    """Each is tried in the URL, text also in the clause of a query, with a value that it may take."""
    # As HTTP sees them: the native protocol changes some for drivers of an earlier release.
    listed = person.http("SELECT name, value, type FROM system.settings FORMAT JSONCompactEachRow").text
    settings = [json.loads(line) for line in listed.splitlines()]
    known = classified("settings")
    assert not known & (MAY_BE_SET | analysts.ALLOWED.fixed.keys())
    assert known | MAY_BE_SET | analysts.ALLOWED.fixed.keys() == {name for name, _, _ in settings}
    changed = {name for name, value, kind in settings if _can_be_changed(person, name, value, kind)}
    assert changed <= MAY_BE_SET
    assert len(changed) > len(MAY_BE_SET) * 2 // 3


def _can_be_changed(person: analysts.Analyst, name: str, value: str, kind: str) -> bool:
    """Say whether a setting takes another value than its own; which those are, a refusal may name."""
    if kind == "Bool":
        return person.http("SELECT 1", **{name: "1" if value == "0" else "0"}).status_code == 200
    number = re.search("Int|Float|Double|Seconds|Threads", kind)
    first = person.http("SELECT 1", **{name: "7" if number else "x"})
    choice = re.search(r"Must be one of \[(.*?)\]", first.text)
    others = re.findall("'([^']+)'", choice[1]) if choice else []
    other = next((other for other in others if other != value), "{'reports': '1'}")
    if number or first.status_code == 200:
        return first.status_code == 200
    quoted = other.replace("'", "\\'")
    clause = person.http(f"SELECT 1 SETTINGS {name} = '{quoted}'")
    return 200 in (person.http("SELECT 1", **{name: other}).status_code, clause.status_code)


@pytest.mark.parametrize("name", sorted(analysts.ALLOWED.bounded))
def test_no_bound_can_be_lifted(person: analysts.Analyst, name: str) -> None:
    bounds = analysts.ALLOWED.bounded[name]
    for value in (str(int(bounds.most) + 1), str(int(bounds.least) - 2)):
        person.refuse(f"SELECT 1 SETTINGS {name} = {value}")
        person.refuse("SELECT 1", **{name: value})
        person.refuse("SELECT 1", **{name: value, "profile": "default"})
    assert person.http(f"SELECT 1 SETTINGS {name} = {bounds.most}").status_code == 200


def test_a_profile_of_others_changes_nothing(person: analysts.Analyst) -> None:
    with contextlib.closing(clickhouse.connect(person.server.analyst)) as connection:
        connection.execute("SET profile = 'default'")
        assert connection.execute("SELECT getSetting('readonly'), getSetting('max_execution_time')") == [
            (1, 60.0)
        ]
        with pytest.raises(clickhouse.QueryError, match="readonly"):
            connection.execute("SET output_format_schema = 'x'")
    for profile in ("engine", "nothing"):
        person.refuse(f"SET profile = '{profile}'")


def test_every_function_is_known_and_those_that_read_refuse(person: analysts.Analyst) -> None:
    refused = set(allow_list.refused_functions())
    listed = person.native("SELECT name, case_insensitive FROM system.functions WHERE origin = 'System'")
    known = classified("functions")
    assert not known & refused
    assert known | refused == {name for name, _ in listed}
    # One whose letters may be of either case could be called by another name than the one that refuses.
    assert not [name for name, either_case in listed if either_case and name in refused]
    for name in sorted(refused):
        for arguments in ("", "'x'", "'x', 'x'", "'x', 'x', 'x'"):
            assert person.http(f"SELECT {name}({arguments})").status_code >= 400


def test_functions_that_ask_for_a_grant_have_none(person: analysts.Analyst) -> None:
    for call in (
        "addressToLine(1)",
        "addressToSymbol(1)",
        "demangle('x')",
        "getServerSetting('path')",
        "getMacro('x')",
        "dictGet('x', 'y', 1)",
        "joinGet('reports', 'title', 1)",
        "getClientHTTPHeader('Authorization')",
        "hasColumnInTable('system', 'users', 'name')",
    ):
        person.refuse(f"SELECT {call}")


def test_every_table_function_is_known_and_those_that_reach_out_refuse(person: analysts.Analyst) -> None:
    listed = dict(person.native("SELECT name, allow_readonly FROM system.table_functions"))
    harmless, refused = classified("table_functions.allowed"), classified("table_functions.refused")
    assert harmless | refused == set(listed)
    assert {name for name, allowed in listed.items() if allowed} <= harmless
    path = analysts.some_file(person)
    for name in sorted(refused):
        for arguments in (
            f"'{path}'",
            f"'{path}', 'RawBLOB'",
            "'http://127.0.0.1:1/', 'CSV', 'a String'",
            "3",
        ):
            for statement in ("SELECT * FROM {}", "DESCRIBE TABLE {}", "INSERT INTO FUNCTION {} SELECT 1"):
                answer = person.http(statement.format(f"{name}({arguments})"))
                assert answer.status_code >= 400, (statement, name, arguments)


def test_every_format_is_known_and_writes_no_file(person: analysts.Analyst) -> None:
    written, refused = classified("formats.written"), classified("formats.refused")
    assert written | refused == person.column("SELECT name FROM system.formats")
    watched = (person.server.server.directory, pathlib.Path(tempfile.gettempdir()) / "ch")
    with contextlib.closing(clickhouse.connect(person.server.address)) as connection:
        connection.execute("SYSTEM STOP MERGES")
        before = analysts.state(*watched)
        statuses = {
            name: person.http(f"SELECT 1 AS a, 'x' AS b FORMAT {name}").status_code for name in written
        }
        bad = {name: person.http(f"SELECT 1 AS a, 'x' AS b FORMAT {name}").status_code for name in refused}
        after = analysts.state(*watched)
        connection.execute("SYSTEM START MERGES")
    assert set(statuses.values()) == {200}
    assert 200 not in bad.values(), bad
    assert after == before


def test_every_system_table_is_known_and_no_other_can_be_read(
    person: analysts.Analyst, all_tables: set[str]
) -> None:
    shown, refused = classified("tables.shown"), classified("tables.refused")
    assert shown | refused == all_tables
    place = str(person.server.server.directory)
    for name in shown:
        answer = person.http(f"SELECT * FROM system.{name} FORMAT TSV")  # noqa: S608 - of a list
        assert answer.status_code == 200, name
        assert place not in answer.text, f"{name} tells where the data are"
    for name in refused:
        answer = person.http(f"SELECT * FROM system.{name} LIMIT 1")  # noqa: S608 - of a list
        assert answer.status_code == 403, name


def test_parts_show_their_size_and_not_their_place(person: analysts.Analyst) -> None:
    with contextlib.closing(clickhouse.connect(person.server.address)) as connection:
        connection.execute("INSERT INTO departures (step) VALUES (1)")
    assert person.native("SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts GROUP BY table")
    for column in ("path", "name", "disk_name", "uuid", "*"):
        for said in person.refuse(f"SELECT {column} FROM system.parts"):  # noqa: S608 - of a list
            assert "grant SELECT" in said


def test_an_analyst_is_granted_what_the_list_says_and_no_more(person: analysts.Analyst) -> None:
    own = {f"headrace.{table}": columns for table, columns in allow_list.tables().items()}
    views: dict[str, list[str]] = {f"headrace.{view}": [] for view in allow_list.views()}
    grants = (_granted(grant) for grant in person.column("SHOW GRANTS"))
    assert dict(grants) == {
        name: sorted(columns) for name, columns in {**own, **views, **allow_list.system_tables()}.items()
    }


def _granted(grant: str) -> tuple[str, list[str]]:
    """Return the table or view of a grant, and the columns; none for a whole one."""
    found = re.fullmatch(r"GRANT (?:SHOW COLUMNS, )?SELECT(?:\((.*)\))? ON (\S+) TO analyst", grant)
    assert found, grant
    return found[2], sorted(column.strip("` ") for column in (found[1] or "").split(",") if column)


def test_every_table_and_column_of_the_database_is_granted_or_refused(person: analysts.Analyst) -> None:
    """A migration that brings another one fails this until somebody has named it in the list."""
    with contextlib.closing(clickhouse.connect(person.server.address)) as connection:
        there = connection.execute(
            "SELECT table, name FROM system.columns WHERE database = 'headrace' AND table NOT IN "
            "(SELECT name FROM system.tables WHERE database = 'headrace' AND engine = 'View')"
        )
        views = connection.execute(
            "SELECT name FROM system.tables WHERE database = 'headrace' AND engine = 'View'"
        )
    refused = set(allow_list.refused_columns())
    readable = {(table, column) for table, columns in allow_list.tables().items() for column in columns}
    unnamed = {
        (table, column)
        for table, column in there
        if (table, column) not in readable and not {table, f"{table}.{column}"} & refused
    }
    assert not unnamed
    assert {view for (view,) in views} - refused == set(allow_list.views())
    assert {pair for pair in readable if not pair[1].startswith("_")} <= set(there)
    assert {name.partition(".")[0] for name in refused} <= {table for table, *_ in [*there, *views]}


@pytest.mark.parametrize("name", allow_list.refused_columns())
def test_what_is_refused_cannot_be_read(person: analysts.Analyst, name: str) -> None:
    table, _, column = name.partition(".")
    for said in person.refuse(f"SELECT {column or '*'} FROM {table}", database="headrace"):  # noqa: S608 - of a list
        assert "Not enough privileges" in said


def test_every_table_with_projects_is_kept_to_those_of_an_account(person: analysts.Analyst) -> None:
    """A table that says of which project a row is, and no account may read, is refused to everybody."""
    with contextlib.closing(clickhouse.connect(person.server.address)) as connection:
        there = connection.execute(
            "SELECT DISTINCT table FROM system.columns WHERE database = 'headrace' AND name = 'project_id' "
            "AND table NOT IN (SELECT name FROM system.tables WHERE engine = 'View')"
        )
    kept = allow_list.rows_of_project(1).keys() | set(allow_list.refused_columns())
    assert {table for (table,) in there} <= kept


def test_the_page_for_trying_queries_can_set_all_it_sets(person: analysts.Analyst) -> None:
    """The parameters are found in the page, which is the engine's: a newer page may send others."""
    page = httpx.get(f"{person.server.server.http_url}play").text
    lines = [
        line
        for line in page.splitlines()
        if re.search(r"add_http_cors_header|url \+= '&|framing_url =", line)
    ]
    sent = dict(re.findall(r"[&'](\w+)=(\w+)", "\n".join(lines)))
    assert sent.keys() >= {"add_http_cors_header", "use_query_cache", "framing_output_format", "extremes"}
    for default_format in ("JSONCompactEachRowWithNamesAndTypes", "JSONEachRowWithProgress"):
        given = {**sent, "default_format": default_format, "database": "headrace"}
        if default_format.endswith("Progress"):
            given |= {"framing_output_format": "None"}
        shape = {"order": "name", "filter": "name != ''", "limit": "2", "page": "1"}
        answer = person.http("SELECT name FROM projects", **given, **shape)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW DATABASES",
        "SHOW COLUMNS FROM reports",
        "SHOW CREATE TABLE reports_live",
        "DESCRIBE TABLE findings",
        "DESCRIBE TABLE reports_live",
        "EXPLAIN PLAN SELECT * FROM violations",
        "EXPLAIN ESTIMATE SELECT * FROM reports",
        "SELECT database, name, engine, total_rows FROM system.tables",
        "SELECT word FROM system.completions LIMIT 1",
        "SELECT * FROM numbers(3) SETTINGS max_threads = 1, join_use_nulls = 1",
        "SELECT uniq(fingerprint), quantile(0.9)(seen), domain(any(document)) FROM reports",
        "SELECT kind, sum(seen) FROM reports GROUP BY kind WITH TOTALS ORDER BY kind LIMIT 3",
        "SELECT reachOf(groupBitOr(reach)), reachOf(any(reach)) FROM violations",
        "SELECT day, reach FROM findings_by_day WHERE day >= today() - 7",
        "SELECT * FROM new_in_release",
        "SELECT * FROM policies_in_use",
        "SELECT * FROM report_volume",
        "SELECT * FROM finding_days",
        "SELECT * EXCEPT key FROM outcomes",
        "SELECT count() FROM reports_live",
        "SELECT count() FROM merge('headrace', '^reports_')",
        "WITH 1 AS a SELECT a, dictionary FROM (SELECT 'x' AS dictionary)",
        "SET max_execution_time = 5",
        "USE headrace",
    ],
)
def test_what_reads_goes_on_working(person: analysts.Analyst, sql: str) -> None:
    person.native(sql)
    assert person.http(sql, database="headrace").status_code == 200
