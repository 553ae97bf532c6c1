"""User-agent matches: which rules a user agent meets, by a crawler's name or a browser's version."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

from storage.queue import envelope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workers.noise import rules

_REMEMBERED: Final = 2048
_WORD: Final = re.compile(r"\+?[a-z0-9][a-z0-9_.-]*")


class AgentMatches:
    """Rules that ask for a user agent.

    Args:
        listed: the rules; those that ask for no user agent are never found.
    """

    def __init__(self, listed: Iterable[rules.Rule]) -> None:
        self._asking = tuple(rule for rule in listed if rule.has_agent or rule.truthful)
        self.of = functools.lru_cache(_REMEMBERED)(self._of)

    def _of(self, user_agent: str) -> tuple[str, ...]:
        """Return the ids of the rules whose conditions this user agent meets; mostly none."""
        text = user_agent[: envelope.MAX_USER_AGENT].lower()
        words = set(_WORD.findall(text))
        return tuple(rule.id for rule in self._asking if _meets(rule, text, words))


def _meets(rule: rules.Rule, text: str, words: set[str]) -> bool:
    asked = (*rule.agents, *rule.truthful)
    if asked and words.isdisjoint(asked):
        return False
    return all(0 <= _version(browser, text) < newest for browser, newest in rule.before.items()) and all(
        _version(browser, text) >= oldest for browser, oldest in rule.since.items()
    )


def _version(browser: str, text: str) -> int:
    """Return the major version of a browser, -1 if the user agent is not its own."""
    match = re.search(rf"\b{re.escape(browser)}/(\d{{1,6}})", text, re.ASCII)
    return int(match[1]) if match else -1
