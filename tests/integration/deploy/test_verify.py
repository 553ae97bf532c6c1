"""``headrace verify``: which equation does not hold, for which project, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from storage import envelope, streams
from tests.integration.deploy.conftest import SHARDS

if TYPE_CHECKING:
    from tests.integration.deploy.conftest import Still

pytestmark = pytest.mark.integration

REPORT = b'{"csp-report": {"document-uri": "https://a.example/", "effective-directive": "script-src"}}'
SHARD = envelope.shard_of(1, "prod", "1", SHARDS)


def differences(still: Still) -> list[tuple[str, int, str]]:
    (project,) = still.json("verify", code=1)["projects"]
    assert project["balanced"] is False
    found: list[dict[str, Any]] = project["differences"]
    return [(each["equation"], each["amount"], each["where"]) for each in found]


def test_a_balanced_ledger_holds_line_by_line(still: Still) -> None:
    assert still.headrace("verify").stdout == "All of it holds.\n"
    still.append(REPORT, b"[1")
    still.drain()
    (project,) = still.json("verify")["projects"]
    assert (project["name"], project["balanced"], project["differences"]) == ("shop", True, [])
    shown = still.headrace("verify").stdout
    assert "shop (1)" in shown
    assert shown.count("holds") == 5
    for title in (
        "payloads acknowledged = committed",
        "reports found = outcomes",
        "reports accepted = seen",
        "rows quarantined = held + replayed + dropped + expired + beyond",
    ):
        assert title in shown


def test_waiting_payloads_are_told_by_shard(still: Still) -> None:
    still.append(REPORT, REPORT)
    assert differences(still) == [("payloads", 2, f"2 waiting in shard {SHARD}")]
    shown = still.headrace("verify").stdout
    assert "The ledger DIFFERS in 1 of 1 projects." in shown
    assert "The queue is not drained: 2 payloads are waiting." in shown


def test_payloads_that_left_the_queue_uncommitted_are_told(still: Still) -> None:
    still.append(REPORT)
    still.client.delete(streams.keys(SHARD).stream)
    assert differences(still) == [("payloads", 1, f"1 gone from the stream of shard {SHARD}")]
    still.client.hincrby(streams.keys(SHARD).ledger, "committed:1", 3)
    assert differences(still) == [("payloads", -2, f"2 committed in shard {SHARD} that nobody sent")]


def test_missing_and_doubled_rows_are_told_by_table(still: Still) -> None:
    still.append(REPORT, REPORT)
    still.drain()
    still.server.execute("TRUNCATE TABLE reports")
    assert differences(still) == [("reports", 2, "2 missing in the table reports")]
    still.server.execute("INSERT INTO outcomes SELECT * FROM outcomes")
    assert differences(still) == [
        ("outcomes", -2, "2 too many in the table outcomes"),
        ("reports", 4, "4 missing in the table reports"),
    ]
