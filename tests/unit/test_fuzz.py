"""The parts of the fuzzer that need no fuzzer: what it changes, checks and measures."""

from __future__ import annotations

import json
import random

import pytest

from tests.fuzz import bounds, mutator, seeds, target
from tests.unit.workers import payloads

BODY = json.dumps([payloads.modern()]).encode()


def test_a_mutation_is_json_and_repeatable() -> None:
    words = seeds.dictionary()
    changed = {mutator.mutated(BODY, words, random.Random(seed)) for seed in range(200)}
    assert len(changed) > 100
    for body in changed - {None}:
        json.loads(body)
    assert changed == {mutator.mutated(BODY, words, random.Random(seed)) for seed in range(200)}


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000])
def test_what_is_no_json_has_no_mutation(body: bytes) -> None:
    assert mutator.mutated(body, ["a"], random.Random(1)) is None


@pytest.mark.parametrize("body", [BODY, b"", b"nope", b"[]", b"[1,{}]"])
def test_what_becomes_of_a_payload_is_in_order(body: bytes) -> None:
    target.check(body)


def test_a_defect_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.scrub.apply", lambda *_: 1 / 0)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        target.check(BODY)


def test_what_costs_too_much_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds.check_memory(BODY)
    for name in ("BASE_MS", "MS_PER_KIB", "BASE_BYTES", "BYTES_PER_BYTE"):
        monkeypatch.setattr(bounds, name, 0)
    for check in (bounds.check_time, bounds.check_memory):
        with pytest.raises(bounds.BoundExceededError, match="are allowed"):
            check(BODY)
