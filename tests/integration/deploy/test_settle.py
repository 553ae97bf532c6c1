"""``headrace settle``: a difference whose reason is known hides no other one."""

from __future__ import annotations

from typing import Any

import pytest

from storage.ledger import marks
from storage.queue import envelope, streams
from tests.helpers import servers

pytestmark = pytest.mark.integration

REPORT = b'{"csp-report": {"document-uri": "https://a.example/", "effective-directive": "script-src"}}'
SHARD = envelope.shard_of(1, "prod", "1", servers.SHARDS)


def differences(bare: servers.Servers, code: int) -> dict[str, int]:
    (project,) = bare.json("verify", code=code)["projects"]
    found: list[dict[str, Any]] = project["differences"]
    return {each["equation"]: each["amount"] for each in found}


def test_a_settled_difference_is_told_no_more_and_a_new_one_is(bare: servers.Servers) -> None:
    bare.append(REPORT, REPORT)
    bare.drain()
    bare.server.execute("TRUNCATE TABLE outcomes")
    lost = {"outcomes": 2, "reports": -2}
    assert differences(bare, code=1) == lost
    refused = bare.headrace("settle")
    assert (refused.returncode, differences(bare, code=1)) == (1, lost)
    assert "2 differences could be settled." in refused.stdout
    done = bare.json("settle", "--yes", "--reason", "restored from the backup of Monday")
    assert {each["equation"]: each["amount"] for each in done["differences"]} == lost
    assert differences(bare, code=0) == {}
    assert "+2 settled" in bare.headrace("verify").stdout
    bare.append(REPORT)
    bare.drain()
    assert differences(bare, code=0) == {}
    bare.server.execute("TRUNCATE TABLE reports_live")
    assert differences(bare, code=1) == {"reports": 3}


def test_nothing_is_settled_while_payloads_wait_or_are_gone(bare: servers.Servers) -> None:
    bare.append(REPORT)
    for _ in range(2):
        refused = bare.headrace("settle", "--yes")
        assert refused.returncode == 1
        assert "let it drain first" in refused.stderr
        bare.client.delete(streams.keys(SHARD).stream)


def test_a_break_is_told_until_it_is_settled(bare: servers.Servers) -> None:
    for _ in range(2):
        marks.compare(bare.client, bare.server)
        bare.client.hincrby(marks.KEY, "ms", -marks.INTERVAL_MS)
    bare.client.delete(marks.KEY)
    assert marks.compare(bare.client, bare.server)
    assert [each["store"] for each in bare.json("verify")["breaks"]] == ["redis"]
    assert "Redis was emptied while ClickHouse stood at 2" in bare.headrace("verify").stdout
    bare.json("settle", "--yes")
    assert bare.json("verify")["breaks"] == []
