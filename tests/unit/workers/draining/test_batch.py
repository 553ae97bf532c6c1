"""The entries of a batch: when they were received, and which of them are corrupt."""

from __future__ import annotations

from storage.queue import envelope, streams
from tests.helpers import payloads
from workers import pipeline
from workers.draining import batch, corrupt
from workers.model import batch_plan

NOW = payloads.NOW_MS
VALUE = envelope.encode([payloads.payload([])])


def stored(received_ms: int, value: bytes = VALUE) -> streams.StoredEntry:
    return streams.StoredEntry(f"{NOW + 21_600_000}-0", {1: 1}, value, received_ms)


def test_nothing_is_received_after_its_batch_is_bound() -> None:
    entries = [stored(NOW - 1), stored(NOW), stored(NOW + 1), stored(NOW + 21_600_000)]
    assert [one.received_ms for one in batch.dated(entries, NOW)] == [NOW - 1, NOW, NOW, NOW]
    assert batch.dated(entries, 0) == entries, "plans of earlier releases bound nothing"


def test_decoded_entries_have_the_time_of_their_stored_ones() -> None:
    decoded = batch.decode_entries(batch.dated([stored(NOW + 5), stored(NOW - 5, b"?")], NOW))
    assert [entry.received_ms for entry in decoded.entries] == [NOW]
    tables = pipeline.process(3, [], batch_plan.Plan())
    columns = {name: getattr(tables, name) for name in ("outcomes", "receipts", "quarantine")}
    corrupt.add(columns, {"found": {}, "quarantined": {}}, 3, decoded.corrupt, batch_plan.Plan())
    assert columns["quarantine"]["received"] == [NOW - 5]
    assert columns["outcomes"]["minute"] == [(NOW - 5) // 60_000 * 60]
    assert columns["receipts"]["ms"] == [NOW + 21_600_000], "found by its id"


def test_of_a_corrupt_entry_nothing_is_stored_of_deleted_projects() -> None:
    tables = pipeline.process(0, [], batch_plan.Plan())
    columns = {name: getattr(tables, name) for name in ("outcomes", "receipts", "quarantine")}
    counts: dict[str, dict[int, int]] = {"found": {}, "quarantined": {}}
    entries = [
        batch.Corrupt(streams.StoredEntry(f"{number}-0", counts, b"x", number), "It is damaged.")
        for number, counts in enumerate(({2: 1, 1: 3}, {2: 2}, {}), start=1)
    ]
    corrupt.add(columns, counts, 3, entries, batch_plan.Plan(deleted=(2,), numbered=True))
    assert counts == {"found": {1: 3}, "quarantined": {1: 1, 0: 1}}
    assert columns["outcomes"]["project_id"] == [1]
    assert columns["quarantine"]["project_id"] == [1, 0]
    assert columns["quarantine"]["item"] == [1, 1]
    assert columns["receipts"]["project_id"] == [(2, 1, 1, 1), (2, 2), ()]


def test_the_plan_of_an_older_release_numbers_nothing() -> None:
    tables = pipeline.process(0, [], batch_plan.Plan())
    columns = {name: getattr(tables, name) for name in ("outcomes", "receipts", "quarantine")}
    counts: dict[str, dict[int, int]] = {"found": {}, "quarantined": {}}
    entry = batch.Corrupt(streams.StoredEntry("1-0", {1: 1}, b"x", 1), "It is damaged.")
    corrupt.add(columns, counts, 3, [entry], batch_plan.Plan())
    assert (columns["quarantine"]["item"], counts) == ([0], {"found": {1: 1}, "quarantined": {}})
