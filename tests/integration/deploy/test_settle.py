"""``headrace settle``: a difference whose reason is known hides no other one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from storage.ledger import marks
from storage.queue import envelope, streams
from tests.integration.deploy.conftest import SHARDS

if TYPE_CHECKING:
    from tests.integration.deploy.conftest import Still

pytestmark = pytest.mark.integration

REPORT = b'{"csp-report": {"document-uri": "https://a.example/", "effective-directive": "script-src"}}'
SHARD = envelope.shard_of(1, "prod", "1", SHARDS)


def differences(still: Still, code: int) -> dict[str, int]:
    (project,) = still.json("verify", code=code)["projects"]
    found: list[dict[str, Any]] = project["differences"]
    return {each["equation"]: each["amount"] for each in found}


def test_a_settled_difference_is_told_no_more_and_a_new_one_is(still: Still) -> None:
    still.append(REPORT, REPORT)
    still.drain()
    still.server.execute("TRUNCATE TABLE outcomes")
    lost = {"outcomes": 2, "reports": -2}
    assert differences(still, code=1) == lost
    refused = still.headrace("settle")
    assert (refused.returncode, differences(still, code=1)) == (1, lost)
    assert "2 differences could be settled." in refused.stdout
    done = still.json("settle", "--yes", "--reason", "restored from the backup of Monday")
    assert {each["equation"]: each["amount"] for each in done["differences"]} == lost
    assert differences(still, code=0) == {}
    assert "+2 settled" in still.headrace("verify").stdout
    still.append(REPORT)
    still.drain()
    assert differences(still, code=0) == {}
    still.server.execute("TRUNCATE TABLE reports")
    assert differences(still, code=1) == {"reports": 3}


def test_nothing_is_settled_while_payloads_wait_or_are_gone(still: Still) -> None:
    still.append(REPORT)
    for _ in range(2):
        refused = still.headrace("settle", "--yes")
        assert refused.returncode == 1
        assert "let it drain first" in refused.stderr
        still.client.delete(streams.keys(SHARD).stream)


def test_a_break_is_told_until_it_is_settled(still: Still) -> None:
    for _ in range(2):
        marks.keep(still.client, still.server)
        still.client.hincrby(marks.KEY, "ms", -marks.INTERVAL_MS)
    still.client.delete(marks.KEY)
    assert marks.keep(still.client, still.server)
    assert [each["store"] for each in still.json("verify")["breaks"]] == ["redis"]
    assert "Redis was emptied while ClickHouse stood at 2" in still.headrace("verify").stdout
    still.json("settle", "--yes")
    assert still.json("verify")["breaks"] == []
