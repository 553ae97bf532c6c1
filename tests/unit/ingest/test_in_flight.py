"""The bound on held bytes."""

from __future__ import annotations

import pytest

from ingest import refusals
from ingest.body import in_flight


def test_bytes_are_held_up_to_the_limit_and_given_back() -> None:
    held = in_flight.HeldBytes(10)
    held.take(6)
    held.take(4)
    with pytest.raises(refusals.RefusedError) as raised:
        held.take(1)
    assert raised.value.refusal is refusals.BUSY
    assert held.held == 10
    held.give(6)
    held.take(1)
    assert held.held == 5


def test_large_bodies_leave_half_to_the_others() -> None:
    large = in_flight.LARGE_BYTES + 1
    held = in_flight.HeldBytes(4 * large)
    held.take(large)
    held.take(large)
    with pytest.raises(refusals.RefusedError):
        held.take(large)
    with pytest.raises(refusals.RefusedError):
        held.take(1, before=in_flight.LARGE_BYTES)
    held.take(in_flight.LARGE_BYTES)
