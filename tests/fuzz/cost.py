"""The search for an expensive payload: recipes are changed, and those that cost most are changed again.

The cost of a payload is its processor time for each KiB. A recipe that costs more for each KiB the more there
is of it takes more than linear time, and is found while it is still small.
"""

from __future__ import annotations

import random
import time
from typing import Final, NamedTuple

from tests.fuzz import bounds, recipes
from tests.helpers import payloads
from workers import pipeline

SIZE: Final = 1 << 15
"""Bytes of a payload that is tried."""
GROWTH: Final = 2.5
"""Four times as many bytes may take so much more for each of them: caches fill, and machines are busy."""
CHEAP_MS: Final = 0.5
"""Milliseconds for each KiB below which a recipe is not looked at further."""
_POOL: Final = 32
_AFRESH: Final = 0.3


class CostError(bounds.BoundExceededError):
    """A recipe costs more than any may."""

    def __init__(self, recipe: recipes.Recipe, why: str) -> None:
        super().__init__(f"{why} {recipe}")
        self.recipe = recipe


class Tried(NamedTuple):
    """A recipe, and what it costs: milliseconds for each KiB."""

    cost: float
    recipe: recipes.Recipe


class Search:
    """A search that can be repeated, as far as time can.

    Args:
        seed: decides what is tried.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.best: list[Tried] = []
        pipeline.warm()
        payloads.process(payloads.payload(b"{}"))

    def step(self) -> Tried:
        """Try one recipe more.

        Raises:
            CostError: it costs more than any payload may, or more the more there is of it.
        """
        recipe = self._next()
        tried = Tried(measured(recipe, SIZE), recipe)
        if tried.cost > CHEAP_MS:
            check(recipe)
        others = [one for one in self.best if one.recipe.place != recipe.place]
        same = [one for one in self.best if one.recipe.place == recipe.place]
        self.best = sorted(
            [*others, max([tried, *same], key=lambda one: one.cost)], key=lambda one: -one.cost
        )
        del self.best[_POOL:]
        return tried

    def _next(self) -> recipes.Recipe:
        if not self.best or self._chance.random() < _AFRESH:
            return recipes.made_up(self._chance)
        changed = recipes.changed(self._chance.choice(self.best).recipe, self._chance)
        return recipes.changed(changed, self._chance) if self._chance.random() < _AFRESH else changed


def measured(recipe: recipes.Recipe, size: int) -> float:
    """Return what a payload of this size costs: milliseconds of processor time for each KiB."""
    body = recipe.body(size)
    started = time.thread_time()
    payloads.process(payloads.payload(body))
    return (time.thread_time() - started) * 1000 / (len(body) / 1024)


def check(recipe: recipes.Recipe) -> None:
    """Compare what a recipe costs with the bound, and with what four times as much of it costs.

    Raises:
        CostError: see ``Search.step``.
    """
    try:
        bounds.check_time(recipe.body(SIZE))
    except bounds.BoundExceededError as error:
        raise CostError(recipe, str(error)) from error
    small = min(measured(recipe, size) for size in (SIZE, SIZE + 1, SIZE + 2))  # no two hold the same texts
    large = min(measured(recipe, 4 * size) for size in (SIZE, SIZE + 1, SIZE + 2))
    if large > GROWTH * max(small, CHEAP_MS):
        why = f"{large:.1f} ms for each KiB of {4 * SIZE} bytes, {small:.1f} ms of {SIZE}:"
        raise CostError(recipe, why)
