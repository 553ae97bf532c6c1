"""``headrace trace``: what became of a payload."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from storage.queue import batches, streams
from storage.tables import receipts
from workers.draining import bounds
from workers.model import batch_plan

if TYPE_CHECKING:
    from tests.helpers import servers

pytestmark = pytest.mark.integration

REPORT = {
    "csp-report": {
        "document-uri": "https://a.example/",
        "effective-directive": "script-src",
        "blocked-uri": "inline",
    }
}
GOOD = json.dumps(REPORT).encode()
ITEM = {"type": "csp-violation", "url": "https://a.example/", "body": {"effectiveDirective": "img-src"}}


def test_a_waiting_payload_is_told_how_many_are_ahead(bare: servers.Servers) -> None:
    bare.append(GOOD, GOOD)
    bare.append(GOOD)
    (_, second) = bare.append(GOOD, GOOD)
    answer = bare.json("trace", second)
    assert (answer["state"], answer["entries_ahead"], answer["payloads_ahead"]) == ("waiting", 2, 4)
    shown = bare.headrace("trace", second).stdout
    assert "with 4 payloads in 2 entries ahead of it" in shown


def test_more_entries_than_one_step_counts_are_counted(bare: servers.Servers) -> None:
    for _ in range(2 * batches._PAGE):
        last = bare.append(GOOD)
    answer = bare.json("trace", *last)
    assert answer["entries_ahead"] == 2 * batches._PAGE - 1


def test_a_payload_in_a_batch_under_work_is_told_its_bounds(bare: servers.Servers) -> None:
    (receipt,) = bare.append(GOOD)
    wanted = receipts.Receipt.parse(receipt)
    queue = batches.Queue(bare.client)
    lease = queue.acquire(wanted.shard, 60_000)
    assert lease
    queue.bind(lease, bounds.encode(bounds.BatchBounds(wanted.entry_id, wanted.entry_id, batch_plan.Plan())))
    answer = bare.json("trace", receipt)
    assert (answer["state"], answer["first"], answer["last"]) == (
        "in_batch",
        wanted.entry_id,
        wanted.entry_id,
    )
    (later,) = bare.append(GOOD)
    assert bare.json("trace", later)["state"] == "waiting"
    assert "in the batch that is being worked on" in bare.headrace("trace", receipt).stdout


def test_a_committed_payload_is_told_its_verdict(bare: servers.Servers) -> None:
    array = json.dumps([ITEM, {"type": 7, "body": {}}, "no report"]).encode()
    good, bad, mixed = bare.append(GOOD, b"[1", array)
    bare.drain()
    ((fingerprint,),) = bare.rows("SELECT fingerprint FROM reports WHERE directive = 'script-src'")
    answer = bare.json("trace", good)
    assert (answer["state"], answer["project"], answer["project_id"]) == ("committed", "shop", 1)
    assert (answer["accepted"], answer["filtered"], answer["invalid"]) == (1, 0, 0)
    assert (answer["fingerprint"], answer["title"]) == (fingerprint, "Blocked inline script")
    assert answer["quarantine"] == []
    answer = bare.json("trace", bad)
    assert (answer["accepted"], answer["invalid"], answer["reasons"]) == (0, 1, {"not_json": 1})
    assert [row["reason"] for row in answer["quarantine"]] == ["not_json"]
    answer = bare.json("trace", mixed)
    assert (answer["accepted"], answer["invalid"]) == (1, 2)
    assert answer["reasons"] == {"no_type": 1, "not_an_object": 1}
    shown = bare.headrace("trace", mixed).stdout
    assert "1 accepted, 2 invalid" in shown
    assert "no_type 1, not_an_object 1" in shown


def test_the_payloads_of_a_corrupt_entry_have_a_verdict(bare: servers.Servers) -> None:
    (receipt, _) = bare.append(GOOD, GOOD)
    wanted = receipts.Receipt.parse(receipt)
    stream = streams.keys(wanted.shard).stream
    bare.client.xtrim(stream, maxlen=0)
    bare.client.xadd(stream, {"n": "1 2", "p": b"garbage"}, id=f"{wanted.ms + 1}-0")
    bare.drain()
    for index in (0, 1):
        answer = bare.json("trace", f"{wanted.shard}-{wanted.ms + 1}-0-{index}")
        assert (answer["state"], answer["invalid"]) == ("committed", 1)
        assert answer["reasons"] == {"corrupt_entry": 1}


def test_an_unknown_receipt_is_one_sentence_and_a_failure(bare: servers.Servers) -> None:
    assert bare.json("trace", "3-1795374160064-0-0", code=1)["state"] == "unknown"
    (receipt,) = bare.append(GOOD)
    beyond = receipt.removesuffix("-0") + "-1"
    done = bare.headrace("trace", beyond)
    assert (done.returncode, done.stdout.count("\n")) == (1, 1)
    assert "Its entry holds 1 payloads only" in done.stdout
    bare.drain()
    assert "Nothing is known of it" in bare.headrace("trace", beyond).stdout


def test_what_is_no_receipt_is_one_sentence(bare: servers.Servers) -> None:
    done = bare.headrace("trace", "nonsense")
    assert done.returncode == 1
    assert done.stderr.startswith("headrace: 'nonsense' is no receipt: ")
