"""Rules that keep the reports of single releases and environments for a time of their own.

A rule is one text: ``DAYS environment=NAME release=NAME``, with one of the names or both. A name that holds a
space or a quotation mark is quoted as in a shell.
"""

from __future__ import annotations

import functools
import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_DAYS: Final = 36_500
_NAMES: Final = ("environment", "release")


class RetentionRule(NamedTuple):
    """For how long the reports of some releases are kept.

    Attributes:
        days: days; 0 keeps them for ever.
        environment: only reports of this environment; None for all.
        release: only reports of this release; None for all.
    """

    days: int
    environment: str | None = None
    release: str | None = None

    def matches(self, environment: str, release: str) -> bool:
        """Return whether the rule speaks of a pair."""
        return self.environment in {None, environment} and self.release in {None, release}

    @property
    def scope(self) -> tuple[str | None, str | None]:
        """The environment and the release of which the rule speaks; None for all."""
        return self.environment, self.release

    @property
    def rank(self) -> tuple[bool, bool]:
        """The order of rules: the greatest that matches a pair counts."""
        return self.release is not None, self.environment is not None

    def __str__(self) -> str:
        """Return the text of the rule."""
        named = [
            f"{name}={shlex.quote(value) if value else repr(value)}"
            for name, value in zip(_NAMES, self.scope, strict=True)
            if value is not None
        ]
        return " ".join([str(self.days), *named])


@functools.lru_cache(maxsize=1024)
def parsed(texts: tuple[str, ...]) -> tuple[RetentionRule, ...]:
    """Read rules, and return the one that counts first.

    Raises:
        ValueError: a text is no rule, or speaks of the same as another one; the message is a sentence.
    """
    rules = [_parsed(text) for text in texts]
    scopes = [rule.scope for rule in rules]
    if twice := [rule for rule in rules if scopes.count(rule.scope) > 1]:
        raise ValueError(f"{str(twice[0])!r} and another rule speak of the same")
    return tuple(sorted(rules, key=lambda rule: rule.rank, reverse=True))


def days_of(rules: Iterable[RetentionRule], environment: str, release: str, otherwise: int) -> int:
    """Return for how many days the reports of a pair are kept, 0 for ever, by the rules in their order."""
    return next((rule.days for rule in rules if rule.matches(environment, release)), otherwise)


def replaced(texts: Sequence[str], rule: RetentionRule) -> tuple[str, ...]:
    """Return the texts of rules with one more, in the place of the one that spoke of the same."""
    return (*without(texts, rule.scope), str(rule))


def without(texts: Sequence[str], scope: tuple[str | None, str | None]) -> tuple[str, ...]:
    """Return the texts of the rules that do not speak of just this environment and release."""
    return tuple(text for text in texts if _parsed(text).scope != scope)


def _parsed(text: str) -> RetentionRule:
    try:
        days, *parts = shlex.split(text)
    except ValueError:
        days, parts = "", []
    names = dict(part.partition("=")[::2] for part in parts)
    if (
        not (days.isascii() and days.isdigit() and int(days) <= MOST_DAYS)
        or not 0 < len(names) == len(parts)
        or not names.keys() <= set(_NAMES)
        or not all("=" in part for part in parts)
    ):
        raise ValueError(
            f"{text!r} is not of the form DAYS environment=NAME release=NAME, up to {MOST_DAYS} days"
        )
    return RetentionRule(int(days), names.get("environment"), names.get("release"))
