"""Finds the rules that a sample meets, by code that extensions put into pages. Identifiers must be equal."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.text import letters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers.noise import rules

_REMEMBERED: Final = 4096
_IDENTIFIER: Final = r"[A-Za-z0-9_$-]"


class _Token(NamedTuple):
    """Text that a rule looks for: in lower case, and as an expression for whole identifiers."""

    lower: str
    pattern: re.Pattern[str]
    rule: rules.Rule


class Samples:
    """Rules that ask for a sample.

    Args:
        listed: the rules; those that ask for no sample are never found.
    """

    def __init__(self, listed: Sequence[rules.Rule]) -> None:
        self._tokens: list[_Token] = []
        self._starts = [(start, rule) for rule in listed for start in rule.sample_starts]
        for rule in listed:
            self._tokens += [_Token(letters.lower(code), _whole(code), rule) for code in rule.samples]
        self.of_sample = functools.lru_cache(_REMEMBERED)(self._of_sample)

    def _of_sample(self, sample: str) -> tuple[rules.Rule, ...]:
        """Return the rules one of whose tokens stands in the sample, or begins it."""
        lower = letters.lower(sample)
        found = [
            token.rule for token in self._tokens if token.lower in lower and token.pattern.search(sample)
        ]
        found += [rule for start, rule in self._starts if sample.startswith(start)]
        return tuple(dict.fromkeys(found))


def _whole(code: str) -> re.Pattern[str]:
    """Return the expression of code whose outer identifiers are not part of longer ones."""
    before = rf"(?<!{_IDENTIFIER})" if re.match(_IDENTIFIER, code) else ""
    after = rf"(?!{_IDENTIFIER})" if re.match(_IDENTIFIER, code[-1]) else ""
    return re.compile(before + re.escape(code) + after)
