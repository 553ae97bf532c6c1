"""Mutation that keeps JSON JSON: a value becomes another, is repeated, or gets a place or name of another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_WRONG: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 2**31, 2**64, 1e308, "", "x" * 300, "\ud83d", "\x00", "inline", "https://u:p@a.example/?q#f",
    "1970-01-01T00:00:00Z", [], {}, [[]], {"": None},
)  # fmt: skip
_REPEATABLE: Final = 300
"""Characters of the longest text that is repeated: changes come several at a time."""

Slot = tuple[Any, Any]
"""A container and the index or name of one of its values."""


def mutated(body: bytes, words: Sequence[str], chance: random.Random) -> bytes | None:
    """Return the body with one to four changes, or None if it is no JSON, or nested too deeply.

    Args:
        body: the payload.
        words: names that a member may get.
        chance: decides.
    """
    try:
        root = [json.loads(body)]
        for _ in range(chance.randint(1, 4)):
            slots = _slots(root)
            holder, place = chance.choice(slots)
            _change(holder, place, slots, words, chance)
        return json.dumps(root[0]).encode()
    except (ValueError, RecursionError):
        return None


def _slots(root: list[Any]) -> list[Slot]:
    found: list[Slot] = []
    waiting: list[Any] = [root]
    while waiting:
        holder = waiting.pop()
        places = holder if isinstance(holder, dict) else range(len(holder))
        found += [(holder, place) for place in places]
        waiting += [holder[place] for place in places if isinstance(holder[place], dict | list)]
    return found


def _change(holder: Any, place: Any, slots: list[Slot], words: Sequence[str], chance: random.Random) -> None:
    value = holder[place]
    match chance.randrange(5):
        case 0:
            holder[place] = _copy(chance.choice(_WRONG))
        case 1:
            other, elsewhere = chance.choice(slots)
            holder[place] = _copy(other[elsewhere])
        case 2 if isinstance(holder, dict):
            holder[chance.choice(words)] = holder.pop(place)
        case 3 if isinstance(value, dict):
            value[chance.choice(words)] = _copy(chance.choice(_WRONG))
        case 4 if isinstance(value, str) and len(value) <= _REPEATABLE:
            holder[place] = value * chance.randint(2, 50)
        case _:
            holder[place] = [value]


def _copy(value: Any) -> Any:
    """Return a value's own double: none may hold itself, or be changed at two places."""
    return json.loads(json.dumps(value))
