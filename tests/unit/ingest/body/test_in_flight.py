"""The bound on the bytes in flight."""

from __future__ import annotations

import pytest

from ingest import refusals
from ingest.body import in_flight


def test_bytes_are_taken_up_to_the_limit_and_given_back() -> None:
    flying = in_flight.InFlightBytes(10)
    flying.add(6)
    flying.add(4)
    with pytest.raises(refusals.RefusedError) as raised:
        flying.add(1)
    assert raised.value.refusal is refusals.BUSY
    assert flying.size == 10
    flying.remove(6)
    flying.add(1)
    assert flying.size == 5


def test_large_bodies_leave_half_to_the_others() -> None:
    large = in_flight.LARGE_BYTES + 1
    flying = in_flight.InFlightBytes(4 * large)
    flying.add(large)
    flying.add(large)
    with pytest.raises(refusals.RefusedError):
        flying.add(large)
    with pytest.raises(refusals.RefusedError):
        flying.add(1, before=in_flight.LARGE_BYTES)
    flying.add(in_flight.LARGE_BYTES)
