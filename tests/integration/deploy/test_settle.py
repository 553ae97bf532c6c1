"""``headrace settle``: a difference whose reason is known hides no other one."""

from __future__ import annotations

from typing import Any

import pytest

from storage.findings import rebuild
from storage.ledger import marks
from storage.queue import envelope, streams
from storage.servers import leases
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
    lost = {"outcomes": 2, "reports": -2, "findings": -2}
    assert differences(bare, code=1) == lost
    refused = bare.headrace("settle")
    assert (refused.returncode, differences(bare, code=1)) == (1, lost)
    assert "3 differences could be settled." in refused.stdout
    done = bare.json("settle", "--yes", "--reason", "restored from the backup of Monday")
    assert {each["equation"]: each["amount"] for each in done["differences"]} == lost
    assert differences(bare, code=0) == {}
    assert "+2 settled" in bare.headrace("verify").stdout
    bare.append(REPORT)
    bare.drain()
    assert differences(bare, code=0) == {}
    bare.server.execute("TRUNCATE TABLE reports_live")
    assert differences(bare, code=1) == {"reports": 3}


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        ("DELETE FROM finding_days WHERE 1", {"findings": 2}),
        ("DELETE FROM reports_live WHERE 1", {"reports": 2}),
        ("INSERT INTO finding_days SELECT * FROM finding_days", {"findings": -2}),
        (
            "INSERT INTO finding_days SELECT * REPLACE ('own' AS noise_rule) FROM finding_days",
            {"findings": -2},
        ),
    ],
)
def test_findings_are_counted_again_where_they_differ(
    bare: servers.Servers, change: str, lost: dict[str, int]
) -> None:
    bare.append(REPORT, REPORT)
    bare.drain()
    assert differences(bare, code=0) == {}
    bare.server.execute(change, settings={"insert_deduplicate": 0})
    assert differences(bare, code=1) == lost
    bare.json("settle", "--yes")
    assert differences(bare, code=0) == {}
    assert "Findings of project 1 are to be counted again: 20" in bare.headrace("verify").stdout
    recount(bare)
    assert "counted again" not in bare.headrace("verify").stdout
    compared = "SELECT sum(seen) FROM {} SETTINGS final = 1"
    assert bare.server.execute(compared.format("finding_days")) == bare.server.execute(
        compared.format("reports_live")
    )
    assert differences(bare, code=0) == {}


def test_findings_under_another_label_are_a_difference(bare: servers.Servers) -> None:
    bare.append(REPORT, REPORT)
    bare.drain()
    bare.server.execute(
        "ALTER TABLE reports_live UPDATE noise_rule = 'own', noise = 'own' WHERE 1",
        settings={"mutations_sync": 2},
    )
    assert differences(bare, code=1) == {"labels": 2}
    told = bare.headrace("verify").stdout
    assert "missing in the table finding_days, under the right label" in " ".join(told.split())
    bare.json("settle", "--yes")
    recount(bare)
    assert differences(bare, code=0) == {}
    assert bare.server.execute("SELECT DISTINCT noise_rule FROM finding_days") == [("own",)]


def recount(bare: servers.Servers) -> None:
    """Do what maintenance does with months that are due."""
    with leases.hold(bare.client, leases.STORED_ROWS) as lease:
        assert rebuild.finish_due(bare.server, bare.client, servers.SHARDS, lease)


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
