"""The noise rules that are shipped: ``rules.toml``, where each says where it comes from."""

from __future__ import annotations

import functools
from importlib import resources
from typing import TYPE_CHECKING

from workers.noise import rules_file

if TYPE_CHECKING:
    from workers.noise import rules


@functools.cache
def text() -> bytes:
    """Return the text of the rules file of this release."""
    return resources.files("workers.noise").joinpath("rules.toml").read_bytes()


@functools.cache
def file() -> rules_file.RulesFile:
    """Return the rules file of this release.

    Raises:
        RuleError: it is wrong.
    """
    return rules_file.parse(text())


def rules_in_order() -> tuple[rules.Rule, ...]:
    """Return the rules of this release, in their order."""
    return file().rules


def by_id() -> dict[str, rules.Rule]:
    """Return the shipped rules by id."""
    return file().by_id
