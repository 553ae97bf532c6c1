"""What a batch fixes before it is processed: how late anything in it can have been received."""

from __future__ import annotations

from storage import envelope, streams
from tests.unit.workers import payloads
from workers import batch, corrupt, pipeline

NOW = payloads.NOW_MS
VALUE = envelope.encode([payloads.payload([])])


def stored(received_ms: int, value: bytes = VALUE) -> streams.StoredEntry:
    return streams.StoredEntry(f"{NOW + 21_600_000}-0", {1: 1}, value, received_ms)


def test_nothing_is_received_after_it_is_taken_up() -> None:
    entries = [stored(NOW - 1), stored(NOW), stored(NOW + 1), stored(NOW + 21_600_000)]
    assert [one.received_ms for one in batch.dated(entries, NOW)] == [NOW - 1, NOW, NOW, NOW]
    assert batch.dated(entries, 0) == entries, "plans of earlier releases bound nothing"


def test_decoded_entries_have_the_time_of_their_stored_ones() -> None:
    decoded = batch.decode_entries(batch.dated([stored(NOW + 5), stored(NOW - 5, b"?")], NOW))
    assert [entry.received_ms for entry in decoded.entries] == [NOW]
    tables = pipeline.process(3, [], pipeline.Plan())
    columns = {name: getattr(tables, name) for name in ("outcomes", "receipts", "quarantine")}
    corrupt.add(columns, {}, 3, decoded.corrupt)
    assert columns["quarantine"]["received"] == [NOW - 5]
    assert columns["outcomes"]["minute"] == [(NOW - 5) // 60_000 * 60]
    assert columns["receipts"]["ms"] == [NOW + 21_600_000], "found by its id"


def test_the_bound_is_part_of_the_plan_and_the_partitions_are_asked_for_by_time() -> None:
    asked = []

    def admit(_: int, pairs: object, *, most: int, now_ms: int) -> dict[tuple[str, str], str]:
        asked.append((pairs, most, now_ms))
        return {}

    entries = [
        envelope.Entry(f"{NOW}-{n}", [payloads.payload([])], at) for n, at in enumerate((NOW, NOW - 9))
    ]
    plan = batch.make_plan(entries, {}, admit, NOW)
    assert [now_ms for _, _, now_ms in asked] == [NOW]
    bounds = batch.Bounds("1-0", "2-0", plan)
    assert batch.decode_bounds(batch.encode_bounds(bounds)).plan.latest_ms == NOW
