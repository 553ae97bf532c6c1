"""Noise rules in words, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workers.noise import rules_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workers.noise import rules


def details(rule: rules.Rule) -> dict[str, object]:
    """Return a rule for programs."""
    date = rule.date.isoformat() if rule.date else ""
    return {
        "id": rule.id,
        "class": rule.noise,
        "matches": rule.conditions(),
        "origin": rule.origin,
        "date": date,
    }


def words(conditions: Mapping[str, object]) -> str:
    """Return the conditions of a rule in words."""
    return "; ".join(
        name if value is True else f"{name} {' '.join(map(str, _listed(value)))}"
        for name, value in conditions.items()
    )


def count(text: bytes) -> int:
    """Return how many rules a stored file has."""
    return len(rules_file.ids_of(text))


def _listed(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return [f"{name} {version}" for name, version in value.items()]
    return value if isinstance(value, list | tuple) else [value]
