"""``headrace verify``: which equation does not hold, for which project, and where."""

from __future__ import annotations

from typing import Any

import pytest

from storage.queue import appends, envelope, streams
from storage.servers import scripts
from tests.helpers import servers

pytestmark = pytest.mark.integration

REPORT = b'{"csp-report": {"document-uri": "https://a.example/", "effective-directive": "script-src"}}'
SHARD = envelope.shard_of(1, "prod", "1", servers.SHARDS)


def differences(bare: servers.Servers) -> list[tuple[str, int, str]]:
    (project,) = bare.json("verify", code=1)["projects"]
    assert project["balanced"] is False
    found: list[dict[str, Any]] = project["differences"]
    return [(each["equation"], each["amount"], each["where"]) for each in found]


def test_a_balanced_ledger_holds_line_by_line(bare: servers.Servers) -> None:
    assert bare.headrace("verify").stdout == "All of it holds.\n"
    bare.append(REPORT, b"[1")
    bare.drain()
    (project,) = bare.json("verify")["projects"]
    assert (project["name"], project["balanced"], project["differences"]) == ("shop", True, [])
    shown = bare.headrace("verify").stdout
    assert "shop (1)" in shown
    assert shown.count("holds") == 7
    for title in (
        "payloads acknowledged = committed",
        "reports found = outcomes",
        "reports accepted = seen",
        "reports accepted = in findings",
        "reports seen = labelled alike",
        "rows quarantined = held + replayed + dropped + expired + beyond",
    ):
        assert title in shown


def test_waiting_payloads_are_told_by_shard(bare: servers.Servers) -> None:
    bare.append(REPORT, REPORT)
    assert differences(bare) == [("payloads", 2, f"2 waiting in stream {SHARD}")]
    shown = bare.headrace("verify").stdout
    assert "The ledger DIFFERS in 1 of 1 projects." in shown
    assert "The queue is not drained: 2 payloads are waiting." in shown


def test_payloads_that_left_the_queue_uncommitted_are_told(bare: servers.Servers) -> None:
    bare.append(REPORT)
    bare.client.delete(streams.keys(SHARD).stream)
    assert differences(bare) == [("payloads", 1, f"1 gone from stream {SHARD}")]
    bare.client.hincrby(streams.keys(SHARD).ledger, "committed:1", 3)
    assert differences(bare) == [("payloads", -2, f"2 committed in stream {SHARD} that nobody sent")]


def test_missing_and_doubled_rows_are_told_by_table(bare: servers.Servers) -> None:
    bare.append(REPORT, REPORT)
    bare.drain()
    bare.server.execute("TRUNCATE TABLE reports_live")
    assert differences(bare) == [("reports", 2, "2 missing in the table reports")]
    bare.server.execute("INSERT INTO outcomes SELECT * FROM outcomes")
    assert differences(bare) == [
        ("outcomes", -2, "2 too many in the table outcomes"),
        ("reports", 4, "4 missing in the table reports"),
        ("findings", 2, "2 missing in the table finding_days"),
    ]


def test_what_arrived_twice_and_was_stored_once_is_told(bare: servers.Servers) -> None:
    producer, names = appends.Producer(whole=True), streams.keys(SHARD)
    payload = envelope.Payload(1, "key", "prod", "1", "", "", 0, REPORT)
    call = producer.next_call([appends.Group(names.stream, names.ledger, [payload] * 3)], 0.0)
    for _ in range(2):
        scripts.APPEND_ENTRIES.run(bare.client, call.keys, *call.arguments)
    bare.drain()
    ledger = bare.json("verify")
    assert (ledger["balanced"], ledger["repeated"]) == (True, {"1": 3})
    assert "3 payloads reached Redis twice and were stored once." in bare.headrace("verify").stdout


def test_a_stream_that_is_ahead_of_the_clock_is_told(bare: servers.Servers) -> None:
    bare.append(REPORT)
    entries: Any = bare.client.xrange(streams.keys(SHARD).stream)
    ((entry_id, fields),) = entries
    ahead_ms = int(entry_id.partition(b"-")[0]) + 6 * 3_600_000
    bare.client.xdel(streams.keys(SHARD).stream, entry_id)
    bare.client.xadd(streams.keys(SHARD).stream, fields, id=f"{ahead_ms}-0")
    told = f"{SHARD} is ahead of the clock until it is drained"
    assert told in " ".join(bare.headrace("verify").stdout.split())
    found = bare.json("status")["clocks"]
    assert list(found["streams_ahead_s"]) == [str(SHARD)]
    assert 21_000 < found["streams_ahead_s"][str(SHARD)] <= 21_600
    assert abs(found["redis_ahead_s"]) < 30
    assert f"stream {SHARD} is 21," in bare.headrace("status").stdout
    bare.drain()
    traced = bare.json("trace", f"{SHARD}-{ahead_ms}-0-0")
    assert traced["title"], "the row is not where the id says"
    assert traced["received"] <= traced["committed"]
