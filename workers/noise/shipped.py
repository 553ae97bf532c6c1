"""The noise rules that are shipped: ``rules.toml``, where each says where it comes from."""

from __future__ import annotations

import functools
from importlib import resources

import msgspec

from workers.noise import attackers, rules


class _RulesFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[rules.Rule, ...]


@functools.cache
def rules_in_order() -> tuple[rules.Rule, ...]:
    """Return the rules of this release, in their order.

    Raises:
        RuleError: one could be met by an attacker.
    """
    text = resources.files("workers.noise").joinpath("rules.toml").read_bytes()
    listed = msgspec.toml.decode(text, type=_RulesFile).rule
    for rule in listed:
        attackers.require_unforgeable(rule)
    return listed


@functools.cache
def by_id() -> dict[str, rules.Rule]:
    """Return the shipped rules by id."""
    return {rule.id: rule for rule in rules_in_order()}
