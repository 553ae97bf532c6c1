"""Ordinary reports have the shape of others, and pass every trial."""

from __future__ import annotations

import pytest

from storage.queue import envelope
from tests.helpers import payloads
from workers import pipeline
from workers.model import batch_plan
from workers.poison import ordinary
from workers.reading import decode

SIZES = [1, 250, 1_023, 1_024, 5_000, 300_000, 1 << 20]


@pytest.mark.parametrize("size", SIZES)
def test_they_are_as_large_and_understood(size: int) -> None:
    entries = [envelope.Entry("5-1", [payloads.payload(b"x" * size)] * 2), envelope.Entry("5-2", [])]
    like = ordinary.like(entries)
    assert [(entry.id, len(entry.payloads)) for entry in like] == [("5-1", 2), ("5-2", 0)]
    for payload in like[0].payloads:
        assert len(payload.body) == size or size < len(payload.body) < 512
    tables = pipeline.process(0, like, batch_plan.Plan())
    assert set(tables.outcomes["outcome"]) == {"accepted"}
    assert tables.found[0] == 2 * (1 if size < 1024 else min(decode.MAX_ITEMS, size // 512))


def test_no_two_are_equal() -> None:
    """Equal reports are evaluated once, which would cost less than the reports that they stand for."""
    like = ordinary.like([envelope.Entry(f"5-{n}", [payloads.payload(b"x" * 2_000)] * 3) for n in range(4)])
    assert len({payload.body for entry in like for payload in entry.payloads}) == 12
