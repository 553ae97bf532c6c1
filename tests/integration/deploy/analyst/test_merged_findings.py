"""An account of one project sees no more of findings when merges have counted them."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING, Final

import pytest

from deploy.embedded import accounts
from storage.servers import clickhouse
from storage.tables import migrate
from tests.helpers import analysts, harness, stored, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

import httpx

pytestmark = pytest.mark.integration

OWN, OTHER = 1, 2
SECRET: Final = "secret.example"
QUESTIONS: Final = (
    "SELECT * FROM findings",
    "SELECT title, total, reach FROM findings ORDER BY total DESC",
    "SELECT project_id, sum(total) FROM findings GROUP BY project_id",
    "SELECT * FROM findings_by_day",
    "SELECT * FROM new_in_release",
    "SELECT project_id, environment, release, min(first_seen) FROM finding_days GROUP BY ALL",
    "SELECT environment, release, min(first_seen) FROM finding_days GROUP BY ALL",
    "SELECT fingerprint, sum(seen) FROM finding_days WHERE noise = '' GROUP BY fingerprint",
    "SELECT sum(seen) FROM finding_days",
    "SELECT min(blocked_host), max(last_seen) FROM finding_days",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[analysts.Analyst]:
    """Give an account of project 1, of a server where findings of two projects are merged."""
    directory = tmp_path_factory.mktemp("merged")
    (directory / "server").mkdir()
    password = accounts.add(directory / "server", "shop", OWN)
    with (
        harness.clickhouse_server(directory) as server,
        httpx.Client(timeout=waiting.PATIENCE_S) as client,
    ):
        migrate.apply(server.address)
        with contextlib.closing(clickhouse.connect(server.address)) as writer:
            fill(writer)
        yield analysts.Analyst(server, client, "shop", password)


def fill(writer: clickhouse.Connection) -> None:
    """Store findings of both projects, and merge them: each part has its projections then."""
    stored.insert(
        writer,
        [
            {
                "project_id": project,
                "environment": "production",
                "release": f"{project}.{number}" if project == OWN else SECRET,
                "window_start": dt.datetime(2026, 11, 1 + number, tzinfo=dt.UTC),
                "first_seen": dt.datetime(2026, 11, 1 + number, tzinfo=dt.UTC),
                "last_seen": dt.datetime(2026, 11, 1 + number, tzinfo=dt.UTC),
                "seen": 1 if project == OWN else 1_000_000,
                "fingerprint": number,
                "identity": number,
                "title": "Blocked script" if project == OWN else f"Blocked {SECRET}",
                "blocked_host": "cdn.example" if project == OWN else SECRET,
            }
            for project in (OWN, OTHER)
            for number in range(3)
        ],
    )
    writer.execute("OPTIMIZE TABLE finding_days FINAL")
    ((counted,),) = writer.execute(
        "SELECT uniqExact(partition) FROM system.projection_parts "
        "WHERE active AND database = currentDatabase() AND table = 'finding_days'"
    )
    assert counted == 2


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_merges_have_counted_is_shown_to_its_own_project(shop: analysts.Analyst, question: str) -> None:
    for form in (question, question.replace("WHERE", f"WHERE project_id = {OTHER} AND")):
        over_http = shop.http(form, database="headrace")
        assert over_http.status_code == 200, over_http.text
        for answer in (over_http.text, str(shop.native(form))):
            assert SECRET not in answer
            assert "1000000" not in answer
            assert "3000000" not in answer
    assert shop.native(question)


def test_the_rows_of_its_own_project_are_shown(shop: analysts.Analyst) -> None:
    assert shop.native("SELECT count(), sum(total) FROM findings") == [(3, 3)]
    assert shop.native("SELECT count(), max(earlier_releases) FROM new_in_release") == [(3, 2)]
    assert shop.native("SELECT count() FROM findings WHERE project_id = 2") == [(0,)]
