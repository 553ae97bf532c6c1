"""``headrace quarantine``: list, show, replay and drop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from storage.ledger import equations
from storage.quarantine import resubmission
from storage.queue import appenders, envelope, reach, streams
from tests.helpers import harness, servers, waiting

pytestmark = pytest.mark.integration

GOOD = b'{"csp-report": {"document-uri": "https://a.example/", "effective-directive": "script-src"}}'


def quarantined(bare: servers.Servers) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = bare.json("quarantine", "list")
    return rows


def age(bare: servers.Servers, raw: str) -> None:
    """Let quarantined rows hold what a newer release understands."""
    bare.server.execute(
        "ALTER TABLE quarantine UPDATE raw = unhex(%(raw)s) WHERE 1",
        {"raw": raw},
        settings={"mutations_sync": 1},
    )


def test_rows_are_listed_and_narrowed(bare: servers.Servers) -> None:
    first, second = bare.append(b"[1", b'{"a": 1}')
    bare.drain()
    assert {(row["receipt"], row["reason"]) for row in quarantined(bare)} == {
        (first, "not_json"),
        (second, "unrecognised"),
    }
    (only,) = bare.json("quarantine", "list", "--reason", "not_json", "--project", "shop")
    assert (only["receipt"], only["bytes"]) == (first, 2)
    assert len(bare.json("quarantine", "list", "--limit", "1")) == 1
    assert first in bare.headrace("quarantine", "list").stdout


def test_bytes_are_shown_without_controlling_the_terminal(bare: servers.Servers) -> None:
    text, binary = bare.append(b"\x1b[31m{", b"\xff\x00{")
    bare.drain()
    shown = bare.headrace("quarantine", "show", text).stdout
    assert "\\x1b[31m{" in shown
    assert "\x1b[31m" not in shown
    assert "ff 00 7b" in bare.headrace("quarantine", "show", binary).stdout
    (row,) = bare.json("quarantine", "show", binary)
    assert row["raw_b64"] == "/wB7"
    (row,) = bare.json("quarantine", "show", text)
    assert row["raw"] == "\x1b[31m{"


def test_nothing_is_shown_of_what_is_not_there(bare: servers.Servers) -> None:
    done = bare.headrace("quarantine", "show", "1-2-3-4")
    assert (done.returncode, done.stderr) == (1, "headrace: The quarantine holds nothing of 1-2-3-4.\n")


def test_rows_are_dropped_by_receipt_and_by_filter_when_confirmed(bare: servers.Servers) -> None:
    first, _, _ = bare.append(b"[1", b"[2", b'{"a": 1}')
    bare.drain()
    assert bare.json("quarantine", "drop", first) == {"rows": 1, "dropped": 1}
    done = bare.headrace("quarantine", "drop", "--reason", "not_json")
    assert (done.returncode, done.stderr) == (
        1,
        "headrace: This would drop 1 rows: say --yes to do it.\n",
    )
    assert len(quarantined(bare)) == 2
    assert bare.json("quarantine", "drop", "--before", "2020-01-01", "--yes")["dropped"] == 0
    assert bare.json("quarantine", "drop", "--reason", "not_json", "--yes")["dropped"] == 1
    assert [row["reason"] for row in quarantined(bare)] == ["unrecognised"]


@pytest.mark.parametrize("command", ["drop", "replay"])
def test_the_whole_quarantine_is_never_meant_by_saying_nothing(bare: servers.Servers, command: str) -> None:
    done = bare.headrace("quarantine", command)
    assert done.returncode == 1
    assert done.stderr.startswith("headrace: Which rows? ")


def test_what_is_understood_now_is_replayed_and_leaves_the_quarantine(bare: servers.Servers) -> None:
    receipt, _ = bare.append(b"[1", b'{"a": 1}')
    bare.drain()
    age(bare, GOOD.hex())
    done = bare.json("quarantine", "replay", receipt)
    assert (done["stored"], done["kept"]) == (1, [])
    bare.drain()
    assert bare.rows("SELECT project_id, environment, release, sum(seen) FROM reports GROUP BY ALL") == [
        (1, "prod", "1", 1)
    ]
    assert len(quarantined(bare)) == 1
    (line,) = equations.verify(bare.server, bare.client, servers.SHARDS)
    assert line.balanced
    assert (line.acknowledged, line.accepted) == (3, 1)


def test_what_is_replayed_counts_for_whoever_sent_it(bare: servers.Servers) -> None:
    sent = [envelope.Payload(1, "key", "prod", "1", "", "", 0, b"[1", slot=slot) for slot in (5, 6, 5, 0)]
    appenders.Appender(bare.client).append({3: sent})
    bare.drain()
    age(bare, GOOD.hex())
    assert bare.json("quarantine", "replay", "--project", "shop")["stored"] == 4
    bare.drain()
    both = reach.sketch_of(5) | reach.sketch_of(6)
    assert bare.rows("SELECT sum(seen), groupBitOr(reach) FROM reports") == [(4, both)]


def test_what_is_still_not_understood_comes_back_with_a_new_receipt(bare: servers.Servers) -> None:
    old = set(bare.append(*(b"[%d" % number for number in range(450))))
    bare.drain()
    assert bare.json("quarantine", "replay", "--reason", "not_json")["stored"] == 450
    assert quarantined(bare) == []
    bare.drain()
    new = {receipt for (receipt,) in bare.rows("SELECT receipt FROM quarantine")}
    assert len(new) == 450
    assert not new & old


def test_a_corrupt_entry_is_replayed_once_it_can_be_decoded(bare: servers.Servers) -> None:
    stream = streams.keys(3).stream
    given: Any = bare.client.xadd(stream, {"n": "1 2", "p": b"garbage"})
    entry_id = given.decode()
    bare.client.hincrby(streams.keys(3).ledger, "acknowledged:1", 2)
    bare.drain()
    receipt = envelope.receipt(3, entry_id, 0)
    done = bare.json("quarantine", "replay", receipt, code=1)
    assert (done["stored"], [row["receipt"] for row in done["kept"]]) == (0, [receipt])
    assert len(quarantined(bare)) == 1
    payloads = [envelope.Payload(1, "key", "prod", "1", "agent", "", 0, GOOD)] * 2
    age(bare, envelope.encode(payloads).hex())
    assert bare.json("quarantine", "replay", "--project", "shop")["stored"] == 2
    bare.drain()
    assert bare.rows("SELECT sum(seen) FROM reports") == [(2,)]
    assert quarantined(bare) == []


def test_a_row_stays_when_redis_does_not_take_its_payload(bare: servers.Servers) -> None:
    bare.append(b"[1")
    bare.drain()
    shard = envelope.shard_of(1, "prod", "1", servers.SHARDS)
    bare.client.delete(streams.keys(shard).stream)
    bare.client.set(streams.keys(shard).stream, "no stream")
    done = bare.headrace("quarantine", "replay", "--reason", "not_json")
    assert done.returncode == 1
    assert done.stderr.startswith("headrace: Redis did not take the payloads: ")
    assert len(quarantined(bare)) == 1


def test_of_two_commands_at_once_each_row_is_stored_by_one(bare: servers.Servers) -> None:
    bare.append(*[b"[1, 1, 2]"] * 100)
    bare.drain()
    command = [sys.executable, "-P", "-m", "deploy", "quarantine", "replay", "--project", "shop", "--json"]
    environment = {**os.environ, **bare.environment}
    running = [
        subprocess.Popen(command, cwd=harness.ROOT, env=environment, stdout=subprocess.PIPE) for _ in range(2)
    ]
    ended = [process.communicate(timeout=waiting.PATIENCE_S)[0] for process in running]
    assert sum(json.loads(text)["stored"] for text in ended if text) == 300
    bare.drain()
    (line,) = equations.verify(bare.server, bare.client, servers.SHARDS)
    assert (line.balanced, line.replayed, line.held) == (True, 300, 300)


def test_a_killed_replay_is_run_again(bare: servers.Servers) -> None:
    bare.append(*[b"[1, 1, 2]"] * 100)
    bare.drain()
    command = [sys.executable, "-P", "-m", "deploy", "quarantine", "replay", "--project", "shop"]
    environment = {**os.environ, **bare.environment}
    process = subprocess.Popen(command, cwd=harness.ROOT, env=environment, stdout=subprocess.DEVNULL)
    waiting.until(lambda: bare.client.exists(resubmission.REPLAYED_KEY), "the replay has begun")
    process.kill()
    process.wait()
    again = bare.json("quarantine", "replay", "--project", "shop", "--before", "2100-01-01")
    (line,) = equations.verify(bare.server, bare.client, servers.SHARDS)
    assert (line.replayed, line.held, again["kept"]) == (300, 0, [])
    bare.drain()
    (line,) = equations.verify(bare.server, bare.client, servers.SHARDS)
    assert (line.balanced, line.acknowledged) == (True, 400)
