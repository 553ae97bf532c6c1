"""The parts of the fuzzer that need no fuzzer: what it changes, checks and measures."""

from __future__ import annotations

import json
import random

import pytest

from tests.fuzz import bounds, cost, mutator, recipes, seeds, target
from tests.helpers import payloads

BODY = json.dumps([payloads.modern()]).encode()


def test_a_mutation_is_json_and_repeatable() -> None:
    words = seeds.dictionary()
    changed = {mutator.mutated(BODY, words, random.Random(seed)) for seed in range(200)}
    assert len(changed) > 100
    for body in changed:
        assert body is None or json.loads(body) is not body
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


def test_recipes_are_json_of_the_size_and_repeatable() -> None:
    def made() -> list[bytes]:
        chance = random.Random(1)
        found = [recipes.made_up(chance) for _ in range(100)]
        return [recipes.changed(one, chance).body(4000) for one in found]

    bodies = made()
    assert bodies == made()
    assert len(set(bodies)) > 90
    for body in bodies:
        json.loads(body)
        assert 3000 < len(body) < 12_000


def test_each_item_of_a_recipe_is_another() -> None:
    recipe = recipes.Recipe(("csp-violation", "sample"), "a", 64)
    items = json.loads(recipe.body(4000))
    assert len({item["body"]["sample"] for item in items}) == len(items) > 5


def test_the_search_climbs_to_what_costs_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "measured", lambda recipe, _size: recipe.unit.count("@") / 100)
    monkeypatch.setattr(cost, "check", lambda _recipe: None)
    search = cost.Search(seed=7)
    for _ in range(500):
        search.step()
    costs = [tried.cost for tried in search.best]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > 0.05
    assert len({tried.recipe.place for tried in search.best}) == len(search.best)


def test_what_grows_faster_than_its_size_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipes.Recipe(("", "unknown"), "a", 200_000)
    monkeypatch.setattr(bounds, "check_time", lambda _body: None)
    monkeypatch.setattr(cost, "measured", lambda _recipe, size: size / cost.SIZE)
    with pytest.raises(cost.CostError, match="for each KiB"):
        cost.check(recipe)
    monkeypatch.setattr(cost, "measured", lambda *_: 1.0)
    cost.check(recipe)


def test_what_costs_more_than_any_may_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "BASE_MS", 0)
    monkeypatch.setattr(bounds, "MS_PER_KIB", 0)
    monkeypatch.setattr(cost, "CHEAP_MS", 0)
    with pytest.raises(cost.CostError, match="are allowed"):
        cost.Search(seed=1).step()
