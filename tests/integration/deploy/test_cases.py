"""Each request with a known right answer becomes the rows that it should in a running system."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from deploy.network import addresses
from storage.servers import clickhouse
from tests.helpers import cases, waiting

if TYPE_CHECKING:
    from tests.helpers import harness

pytestmark = pytest.mark.integration

CASES: Final = cases.read("cases.jsonl")
ROWS: Final = """
    SELECT environment, kind, directive, blocked, blocked_host, title, noise, noise_rule, fingerprint
    FROM reports FINAL WHERE project_id = %(project)s
"""


@pytest.fixture(scope="module")
def results(system: harness.System) -> dict[str, cases.Result]:
    """Post each case under an environment of its own, and return what became of it."""
    project = system.json("project", "create", "cases")
    endpoint = httpx.URL(project["endpoint"])
    with httpx.Client(timeout=waiting.PATIENCE_S) as client:
        found = {case.id: cases.Result(_post(client, endpoint, case), []) for case in CASES}
    system.wait_drained()
    analyst = addresses.clickhouse_address(system.runtime.analyst_url)
    with contextlib.closing(clickhouse.connect(analyst)) as server:
        rows, columns = server.execute(ROWS, {"project": project["id"]}, with_column_types=True)
    for values in rows:
        row = dict(zip([name for name, _ in columns], values, strict=True))
        found[row["environment"]].rows.append(row)
    return found


def _post(client: httpx.Client, endpoint: httpx.URL, case: cases.Case) -> int:
    query = case.request.get("query", {}) | {"sentry_environment": case.id}
    url = endpoint.copy_merge_params(query)
    return client.post(url, content=case.body, headers=case.headers).status_code


@pytest.mark.parametrize("case", cases.parameters(CASES))
def test_a_request_becomes_the_rows_that_it_should(
    case: cases.Case, results: dict[str, cases.Result]
) -> None:
    assert cases.wrongs(case, results) == []


def test_the_books_balance(system: harness.System, results: dict[str, cases.Result]) -> None:
    assert results
    assert system.ledger()["balanced"]
