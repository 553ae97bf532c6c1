"""An account of one project, asked from outside over both protocols: it learns of no other project."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx
import pytest

from deploy.analysts import allow_list
from deploy.embedded import accounts
from storage.servers import clickhouse
from storage.tables import migrate
from tests.helpers import analysts, harness, two_projects, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

OWN, OTHER = two_projects.OWN_ROWS, two_projects.OTHER_ROWS
SHOWN = allow_list.tables(of_project=True)
MERGED = {"projects": 1}
"""The rows of the first project in tables whose rows are merged as they are stored."""


class People(NamedTuple):
    """The account of project 1, that of project 2, the analyst of all, and the user that writes."""

    shop: analysts.Analyst
    news: analysts.Analyst
    all: analysts.Analyst
    writer: clickhouse.Connection


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """Give a server with rows of two projects in every table, and an account for each."""
    directory = tmp_path_factory.mktemp("accounts")
    (directory / "server").mkdir()
    shop, news = (accounts.add(directory / "server", name, id_) for name, id_ in (("shop", 1), ("news", 2)))
    with (
        harness.clickhouse_server(directory) as server,
        httpx.Client(timeout=waiting.PATIENCE_S) as client,
    ):
        migrate.apply(server.address)
        with contextlib.closing(clickhouse.connect(server.address)) as writer:
            for sql in two_projects.statements():
                writer.execute(sql)
            yield People(
                analysts.Analyst(server, client, "shop", shop),
                analysts.Analyst(server, client, "news", news),
                analysts.Analyst(server, client),
                writer,
            )


def asked(person: analysts.Analyst, sql: str) -> list[list[Any]]:
    """Return the rows, which both ports must agree on."""
    answer = person.http(f"{sql} FORMAT JSONCompactEachRow", database="headrace")
    assert answer.status_code == 200, answer.text
    over_http = [json.loads(line) for line in answer.text.splitlines()]
    over_native = [list(row) for row in person.native(sql)]
    assert sorted(map(str, over_http)) == sorted(map(str, over_native))
    return sorted(over_native, key=str)


def test_every_table_of_an_account_has_rows_of_both(people: People) -> None:
    """Otherwise the tests below would show nothing."""
    assert SHOWN.keys() == two_projects.TABLES
    for table in SHOWN:
        ((rows,),) = people.writer.execute(f"SELECT count() FROM {table}")  # noqa: S608 - of a list
        assert rows > MERGED.get(table, OTHER), table
        assert people.all.native(f"SELECT count() FROM {table}") == [(rows,)]  # noqa: S608 - of a list


NEVER_MERGED: Final = frozenset({"archive_moves", "quarantine", "receipts", "departures"})
"""Tables whose engine knows no ``FINAL``."""


@pytest.mark.parametrize("table", sorted(SHOWN.keys() - NEVER_MERGED))
def test_merged_rows_of_another_project_are_never_shown(people: People, table: str) -> None:
    require_own_rows(people, table, "SELECT {columns} FROM {table} FINAL")


@pytest.mark.parametrize("table", sorted(SHOWN))
@pytest.mark.parametrize(
    "form",
    [
        "SELECT {columns} FROM {table}",
        "SELECT {columns} FROM (SELECT {columns} FROM {table} WHERE 1) AS a",
        "SELECT {columns} FROM merge('headrace', '^{table}$')",
        "SELECT {columns} FROM view(SELECT {columns} FROM {table})",
        "SELECT {columns} FROM {table} LIMIT 1 BY {first}",
        "SELECT DISTINCT {columns} FROM {table}",
        "SELECT {columns}, count() FROM {table} GROUP BY {columns} WITH TOTALS",
        "SELECT {first}, groupArray(tuple({columns})) FROM {table} GROUP BY {first}",
    ],
)
def test_rows_of_another_project_are_never_shown(people: People, table: str, form: str) -> None:
    require_own_rows(people, table, form)


def require_own_rows(people: People, table: str, form: str) -> None:
    columns = [f"`{column}`" for column in SHOWN[table] if column != "_partition_id"]
    sql = form.format(table=table, columns=", ".join(columns), first=columns[0])
    answer = people.shop.http(sql, database="headrace")
    assert answer.status_code == 200, answer.text
    assert answer.text.strip()
    assert two_projects.SECRET not in answer.text
    assert two_projects.SECRET not in str(people.shop.native(sql))


@pytest.mark.parametrize("table", sorted(SHOWN))
@pytest.mark.parametrize(
    "form",
    [
        "SELECT count() FROM {table}",
        "SELECT count() FROM (SELECT 1 FROM {table})",
        "SELECT sum(1) FROM {table} WHERE 1 = 1",
        "SELECT countIf(1) FROM {table} AS a",
        "SELECT (SELECT count() FROM {table}) + number FROM numbers(1)",
        "SELECT count() FROM numbers(1) AS n CROSS JOIN {table} AS t",
        "WITH c AS (SELECT 1 FROM {table}) SELECT count() FROM c",
    ],
)
def test_rows_of_another_project_are_never_counted(people: People, table: str, form: str) -> None:
    assert asked(people.shop, form.format(table=table)) == [[MERGED.get(table, OWN)]]


@pytest.mark.parametrize("view", allow_list.views())
def test_views_show_one_project(people: People, view: str) -> None:
    """They ask as whoever asks, and see what he sees."""
    for person, own in ((people.shop, 1), (people.news, 2)):
        assert asked(person, f"SELECT DISTINCT project_id FROM {view}") == [[own]]  # noqa: S608 - of a list
    answer = people.shop.http(f"SELECT * FROM {view}", database="headrace")  # noqa: S608 - of a list
    assert answer.status_code == 200, answer.text
    assert two_projects.SECRET not in answer.text
    every = people.all.native(f"SELECT DISTINCT project_id FROM {view} ORDER BY 1")  # noqa: S608 - of a list
    assert every == [(1,), (2,)]


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT project_id, environment, release FROM reports_live GROUP BY ALL", [[1, "own", "own"]]),
        (
            "SELECT release, count() FROM reports GROUP BY release ORDER BY release",
            [["own", OWN], ["own-old", OWN]],
        ),
        ("SELECT min(project_id), max(project_id) FROM reports_live", [[1, 1]]),
        ("SELECT min(release), max(release) FROM reports_live", [["own", "own"]]),
        ("SELECT uniqExact(_partition_id) FROM reports_live", [[1]]),
        ("SELECT count() FROM reports_live WHERE project_id = 2", [[0]]),
        ("SELECT count() FROM reports_live WHERE release = 'sesame' OR 1", [[OWN]]),
        ("SELECT count() FROM reports_live PREWHERE project_id != 1 OR release = 'sesame'", [[0]]),
        ("SELECT count() FROM reports_live PREWHERE throwIf(project_id != 1) = 0", [[OWN]]),
        ("SELECT count() FROM reports WHERE throwIf(release LIKE 'sesame%') = 0", [[2 * OWN]]),
        ("SELECT count() FROM reports WHERE intDiv(1, project_id != 2) = 1", [[2 * OWN]]),
        ("SELECT count() FROM violations WHERE throwIf(title = 'sesame') = 0", [[2 * OWN]]),
        ("SELECT count() FROM findings WHERE throwIf(project_id != 1) = 0", [[OWN]]),
        ("SELECT sum(total) FROM findings", [[OWN]]),
        ("SELECT count() FROM outcomes WHERE project_id IN (SELECT project_id FROM policies)", [[OWN]]),
        ("SELECT count() FROM policies AS a JOIN policies AS b USING (project_id)", [[OWN * OWN]]),
        ("SELECT count() FROM policies AS a FULL JOIN numbers(0) AS b ON a.hash = b.number", [[OWN]]),
        ("SELECT max(revision) FROM projects WHERE id = 2", [[0]]),
        ("SELECT arrayDistinct(arrayFlatten(groupArray(project_id))) FROM receipts", [[[1]]]),
        ("SELECT count(), uniqExact(release) FROM merge('headrace', '^reports_')", [[2 * OWN, 2]]),
        (
            "SELECT DISTINCT _table, project_id FROM merge('headrace', '^polic.*s$')",
            [["policies", 1], ["policy_days", 1]],
        ),
        ("EXPLAIN ESTIMATE SELECT * FROM reports_live", [["headrace", "reports_live", 1, OWN, 1]]),
        ("SELECT count() FROM system.tables WHERE database = 'headrace' AND total_rows > 0", [[0]]),
        (
            "SELECT count() FROM system.columns WHERE database = 'headrace' AND data_compressed_bytes > 0",
            [[0]],
        ),
    ],
)
def test_no_question_tells_of_another_project(people: People, sql: str, found: list[list[Any]]) -> None:
    assert asked(people.shop, sql) == found


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM mergeTreeIndex('headrace', '{}')",
        "SELECT part_name FROM mergeTreeIndex('headrace', '{}', with_minmax = true)",
        "SELECT * FROM mergeTreeAnalyzeIndexes('headrace', '{}')",
        "SELECT count() FROM mergeTreeAnalyzeIndexes('headrace', '{}')",
        "SELECT * FROM mergeTreeCodecBlockCounts('headrace', '{}')",
        "SELECT part_name, data_compressed_bytes FROM mergeTreeCodecBlockCounts('headrace', '{}')",
        "SELECT count() FROM mergeTreeCodecBlockCounts('headrace', '{}')",
        "SELECT * FROM mergeTreeProjection('headrace', '{}', 'p')",
        "SELECT * FROM mergeTreeTextIndex('headrace', '{}', 'by_time')",
        "SELECT * FROM loop(headrace.{})",
        "SELECT * FROM remote('127.0.0.1', headrace.{})",
        "SELECT * FROM cluster('default', headrace.{})",
        "SELECT * FROM clusterAllReplicas('default', 'headrace', '{}')",
        "SELECT * FROM viewExplain('EXPLAIN ESTIMATE', '', (SELECT * FROM headrace.{}))",
        "SELECT _part FROM {}",
        "SELECT _part_uuid FROM {}",
        "SELECT _partition_value FROM {}",
        "SELECT sealed FROM {}",
        "SELECT partition FROM system.parts WHERE table = '{}'",
        "SELECT * FROM system.parts_columns WHERE table = '{}'",
        "SELECT * FROM system.part_log WHERE table = '{}'",
        "SELECT * FROM system.merges WHERE table = '{}'",
        "SELECT * FROM system.mutations WHERE table = '{}'",
        "SELECT * FROM system.data_skipping_indices WHERE table = '{}'",
        "SELECT * FROM system.row_policies WHERE table = '{}'",
        "SELECT * FROM information_schema.tables WHERE table_name = '{}'",
        "CHECK TABLE {}",
        "SHOW INDEX FROM {}",
        "SHOW CREATE ROW POLICY news ON headrace.{}",
        "DROP ROW POLICY shop ON headrace.{}",
    ],
)
@pytest.mark.parametrize(
    "table", ["reports_live", "reports_archive", "finding_days", "policy_days", "policies"]
)
def test_nothing_tells_of_the_parts_of_a_table(people: People, sql: str, table: str) -> None:
    for said in people.shop.refuse(sql.format(table), database="headrace"):
        assert two_projects.SECRET not in said


@pytest.mark.parametrize(
    "table", ["receipts", "outcomes", "projects", "quarantine", "removals", "departures"]
)
def test_tables_without_a_seal_do_not_tell_of_their_parts(people: People, table: str) -> None:
    """Some have a refused column of their own, and some are granted whole, by column."""
    for function in ("mergeTreeAnalyzeIndexes", "mergeTreeIndex"):
        people.shop.refuse(f"SELECT * FROM {function}('headrace', '{table}')")  # noqa: S608 - of a list


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM system.processes",
        "SHOW PROCESSLIST",
        "KILL QUERY WHERE user = 'news'",
        "KILL QUERY WHERE 1 SYNC",
        "SELECT * FROM system.query_cache",
        "SELECT * FROM system.query_log",
        "SELECT * FROM system.users",
        "SHOW ROW POLICIES",
        "SHOW GRANTS FOR news",
        "SHOW CREATE USER shop",
        "SET ROLE ALL EXCEPT shop",
        "EXECUTE AS news SELECT 1",
        "EXECUTE AS analyst SELECT count() FROM headrace.reports",
        "SET profile = 'analyst'; SELECT 1",
        "SELECT 1 FROM headrace.reports SETTINGS max_rows_to_read = 0",
        "SELECT 1 FROM headrace.reports SETTINGS additional_table_filters = {'headrace.reports_live': '1'}",
        "SELECT 1 FROM headrace.reports SETTINGS additional_result_filter = '1'",
        "SELECT 1 FROM headrace.reports SETTINGS query_cache_share_between_users = 1",
        "SELECT 1 FROM headrace.reports SETTINGS enable_analyzer = 0",
        "SELECT 1 FROM headrace.reports SETTINGS optimize_trivial_count_query = 0",
        "SELECT 1 FROM headrace.reports SETTINGS max_concurrent_queries_for_user = 0",
        "SELECT 1 FROM headrace.reports SETTINGS max_temporary_data_on_disk_size_for_user = 0",
        "SELECT * FROM headrace.noise_rules",
        "SELECT * FROM headrace.noise_updates",
        "SELECT * FROM headrace.marks",
        "SELECT count() FROM merge('headrace', '.*')",
        "SELECT dictGet('x', 'y', 1)",
        "SELECT * FROM headrace.reports_live SAMPLE 1 / 2",
        "SELECT * FROM headrace.reports(project = 2)",
    ],
)
def test_an_account_has_no_way_around_its_rows(people: People, sql: str) -> None:
    for said in people.shop.refuse(sql):
        assert two_projects.SECRET not in said


def test_a_chosen_profile_gives_an_account_no_more(people: People) -> None:
    for profile in ("default", "analyst"):
        with contextlib.closing(clickhouse.connect(people.shop.address)) as connection:
            with contextlib.suppress(clickhouse.QueryError):
                connection.execute(f"SET profile = '{profile}'")
            assert connection.execute("SELECT getSetting('readonly')") == [(1,)]
            assert connection.execute("SELECT count() FROM reports_live") == [(OWN,)]
            bounds = connection.execute("SELECT getSetting('max_concurrent_queries_for_user')")
            assert bounds == [(10,)]


def test_answers_that_are_kept_are_kept_for_one_account(people: People) -> None:
    sql = "SELECT count(), groupUniqArray(release) FROM reports_live"
    kept = {"use_query_cache": "1", "query_cache_ttl": "3600", "database": "headrace"}
    answers = [
        person.http(sql, **kept).text for person in (people.news, people.all, people.shop, people.shop)
    ]
    assert answers[2:] == [f"{OWN}\t['own']\n"] * 2
    assert two_projects.SECRET in answers[0]


def test_what_one_account_asked_does_not_change_what_another_finds(people: People) -> None:
    """ClickHouse remembers which granules a condition met: of one account, not of another."""
    sql = "SELECT count() FROM policies WHERE text != 'nothing' AND length(text) > 2"
    counts = [asked(person, sql) for person in (people.shop, people.news, people.all, people.shop)]
    assert counts == [[[OWN]], [[OTHER]], [[OWN + OTHER]], [[OWN]]]


def test_a_comment_on_a_query_is_shown_to_nobody_else(people: People) -> None:
    assert people.news.http("SELECT 1", log_comment=two_projects.SECRET).status_code == 200
    for table in ("system.query_log", "system.processes", "system.query_thread_log"):
        people.shop.refuse(f"SELECT log_comment FROM {table}")  # noqa: S608 - of a list


def test_the_explanation_of_a_query_names_nobody_else(people: People) -> None:
    for how in ("indexes = 1", "header = 1, actions = 1", "indexes = 1, json = 1, description = 1"):
        answer = people.shop.http(
            f"EXPLAIN {how} SELECT * FROM reports WHERE title = 'x'",  # noqa: S608 - of the list
            database="headrace",
        )
        assert answer.status_code == 200, answer.text
        assert two_projects.SECRET not in answer.text
    assert people.shop.http("SHOW CREATE TABLE reports", database="headrace").status_code == 200


def test_an_account_sees_views_and_no_sizes_among_tables(people: People) -> None:
    assert people.shop.column("SHOW TABLES FROM headrace") == set(allow_list.views())
    assert not people.shop.native(
        "SELECT * FROM system.tables WHERE database = 'headrace' AND total_bytes > 0"
    )
    assert people.all.column("SHOW TABLES FROM headrace") > set(allow_list.views())


def test_the_page_for_trying_queries_takes_an_account(people: People) -> None:
    asks = {"query": "SELECT count() FROM headrace.reports_live", "add_http_cors_header": "1"}
    login = {"user": people.shop.name, "password": people.shop.password}
    url = f"http://127.0.0.1:{people.shop.server.server.http_port}/"
    with httpx.Client(timeout=waiting.PATIENCE_S) as client:
        assert client.get(f"{url}play", params=login).status_code == 200
        assert client.get(url, params={**login, **asks}).text == f"{OWN}\n"
        assert client.get(url, params={**login, **asks, "password": "wrong"}).status_code in (401, 403)


def test_no_file_that_the_server_may_read_holds_a_password_or_its_hash(people: People) -> None:
    directory = people.shop.server.server.directory
    secrets = [account.sha256 for account in accounts.every(directory)]
    secrets += [people.shop.password, people.news.password]
    for path in (directory / "users.xml", directory / "config.xml"):
        assert not [secret for secret in secrets if secret in path.read_text("utf-8")]
    for path in (directory / "accounts").iterdir():
        assert path.stat().st_mode & 0o077 == 0
        assert people.shop.password not in path.read_text("utf-8")
        for said in people.shop.refuse(f"SELECT file('{path}')"):
            assert "sha256" not in said
