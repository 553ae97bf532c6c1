"""``headrace verify``: which equation does not hold, for which project, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from storage.queue import appends, envelope, streams
from storage.servers import scripts
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
    assert differences(still) == [("payloads", 2, f"2 waiting in stream {SHARD}")]
    shown = still.headrace("verify").stdout
    assert "The ledger DIFFERS in 1 of 1 projects." in shown
    assert "The queue is not drained: 2 payloads are waiting." in shown


def test_payloads_that_left_the_queue_uncommitted_are_told(still: Still) -> None:
    still.append(REPORT)
    still.client.delete(streams.keys(SHARD).stream)
    assert differences(still) == [("payloads", 1, f"1 gone from stream {SHARD}")]
    still.client.hincrby(streams.keys(SHARD).ledger, "committed:1", 3)
    assert differences(still) == [("payloads", -2, f"2 committed in stream {SHARD} that nobody sent")]


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


def test_what_arrived_twice_and_was_stored_once_is_told(still: Still) -> None:
    producer, names = appends.Producer(whole=True), streams.keys(SHARD)
    payload = envelope.Payload(1, "key", "prod", "1", "", "", 0, REPORT)
    call = producer.next_call([appends.Group(names.stream, names.ledger, [payload] * 3)], 0.0)
    for _ in range(2):
        scripts.APPEND_ENTRIES.run(still.client, call.keys, *call.arguments)
    still.drain()
    ledger = still.json("verify")
    assert (ledger["balanced"], ledger["repeated"]) == (True, {"1": 3})
    assert "3 payloads reached Redis twice and were stored once." in still.headrace("verify").stdout


def test_a_stream_that_is_ahead_of_the_clock_is_told(still: Still) -> None:
    still.append(REPORT)
    entries: Any = still.client.xrange(streams.keys(SHARD).stream)
    ((entry_id, fields),) = entries
    ahead_ms = int(entry_id.partition(b"-")[0]) + 6 * 3_600_000
    still.client.xdel(streams.keys(SHARD).stream, entry_id)
    still.client.xadd(streams.keys(SHARD).stream, fields, id=f"{ahead_ms}-0")
    told = f"{SHARD} is ahead of the clock until it is drained"
    assert told in " ".join(still.headrace("verify").stdout.split())
    found = still.json("status")["clocks"]
    assert list(found["streams_ahead_s"]) == [str(SHARD)]
    assert 21_000 < found["streams_ahead_s"][str(SHARD)] <= 21_600
    assert abs(found["redis_ahead_s"]) < 30
    assert f"stream {SHARD} is 21," in still.headrace("status").stdout
    still.drain()
    traced = still.json("trace", f"{SHARD}-{ahead_ms}-0-0")
    assert traced["title"], "the row is not where the id says"
    assert traced["received"] <= traced["committed"]
