"""The bound on held bytes."""

from __future__ import annotations

import pytest

from ingest import limits, refusals


def test_bytes_are_held_up_to_the_limit_and_given_back() -> None:
    held = limits.HeldBytes(10)
    held.take(6)
    held.take(4)
    with pytest.raises(refusals.RefusedError) as raised:
        held.take(1)
    assert raised.value.refusal is refusals.BUSY
    assert held.held == 10
    held.give(6)
    held.take(1)
    assert held.held == 5
