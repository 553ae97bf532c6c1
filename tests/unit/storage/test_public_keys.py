"""Several keys per project: what adding, rotating and disabling make of them."""

from __future__ import annotations

import pytest

from storage.projects import public_keys
from storage.projects.public_keys import Key

NOW = 1_800_000_000_000
FIRST = Key(key="first-key", created=NOW - 1000)


def new(name: str = "new-key-1") -> Key:
    return Key(key=name, created=NOW)


def test_a_fresh_key_is_random_and_works() -> None:
    one, two = public_keys.fresh(NOW), public_keys.fresh(NOW)
    assert one.key != two.key
    assert len(one.key) == 32
    assert one.lasting
    assert one.works(NOW)


def test_an_added_key_stands_behind() -> None:
    assert public_keys.added((FIRST,), new(), NOW) == (FIRST, new())


def test_a_rotated_key_is_replaced_and_stays_valid_for_the_grace() -> None:
    added, ended = public_keys.rotated((FIRST,), "", new(), now_ms=NOW, grace_ms=5000)
    assert added == new()
    assert ended == Key(key="first-key", created=NOW - 1000, valid_until=NOW + 5000)
    assert ended.works(NOW + 4999)
    assert not ended.works(NOW + 5000)
    assert not ended.lasting


def test_another_key_than_the_first_is_rotated_in_its_place() -> None:
    records = public_keys.added((FIRST,), new(), NOW)
    rotated = public_keys.rotated(records, "new-key-1", new("new-key-2"), now_ms=NOW, grace_ms=0)
    assert [record.key for record in rotated] == ["first-key", "new-key-2", "new-key-1"]
    assert not rotated[2].works(NOW)


def test_a_second_rotation_does_not_lengthen_a_life() -> None:
    records = public_keys.rotated((FIRST,), "", new(), now_ms=NOW, grace_ms=10)
    again = public_keys.rotated(records, "first-key", new("new-key-2"), now_ms=NOW + 5, grace_ms=1000)
    assert public_keys.find(again, "first-key").valid_until == NOW + 10
    with pytest.raises(public_keys.KeyRuleError, match="does not work any more"):
        public_keys.rotated(again, "first-key", new("new-key-3"), now_ms=NOW + 10, grace_ms=1)


def test_a_disabled_key_is_kept_and_does_not_work() -> None:
    records = public_keys.disabled(public_keys.added((FIRST,), new(), NOW), "first-key")
    assert [record.key for record in records] == ["new-key-1", "first-key"], (
        "the one for new pages stands first"
    )
    assert not records[1].works(NOW)


def test_the_last_lasting_key_stays() -> None:
    with pytest.raises(public_keys.KeyRuleError, match="keeps an enabled key that does not end"):
        public_keys.disabled((FIRST,), "first-key")
    ending = public_keys.rotated((FIRST,), "", new(), now_ms=NOW, grace_ms=1000)
    with pytest.raises(public_keys.KeyRuleError, match="keeps an enabled key"):
        public_keys.disabled(ending, "new-key-1")


def test_a_key_that_is_not_there() -> None:
    with pytest.raises(public_keys.KeyRuleError, match="has no key 'nope'"):
        public_keys.disabled((FIRST,), "nope")


@pytest.mark.parametrize("name", ["short", "x" * 65, "with space", "käse-käse", "a/b/c/d/e", ""])
def test_a_malformed_key_is_refused(name: str) -> None:
    with pytest.raises(public_keys.KeyRuleError, match="8 to 64 letters"):
        public_keys.checked((FIRST, Key(key=name)))


def test_a_key_stands_there_once() -> None:
    with pytest.raises(public_keys.KeyRuleError, match="twice"):
        public_keys.checked((FIRST, FIRST))


def test_the_oldest_spent_key_makes_room_and_working_ones_do_not() -> None:
    spent = Key(key="spent-old", state="disabled", created=1)
    younger = Key(key="spent-young", state="disabled", created=2)
    filling = tuple(Key(key=f"filling-{n}") for n in range(public_keys.MAX_KEYS - 3))
    full = (FIRST, *filling, younger, spent)
    names = {record.key for record in public_keys.added(full, new(), NOW)}
    assert "spent-old" not in names
    assert "spent-young" in names
    working = (FIRST, *filling, new("filling-x"), new("filling-y"))
    with pytest.raises(public_keys.KeyRuleError, match="at most 50 keys"):
        public_keys.added(working, new(), NOW)
