"""Policies as sites sent them, without the hosts that software on the visitor's machine adds."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.noise import url_index
from workers.text import letters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workers.noise import rules

_REMEMBERED: Final = 256
_SOURCE: Final = re.compile(r"(?<=\S)\s+(\S+)")
"""A word of a directive after its name, with the blanks before it."""
_HOST: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:\*\.)?([a-z0-9._-]+)(?::[0-9*]+)?(?:/.*)?", re.DOTALL)
_LISTS: Final = re.compile(
    r"\s*(?:[a-z]+(?:-[a-z]+)?-src(?:-elem|-attr)?|base-uri|form-action|frame-ancestors|navigate-to)\s",
    re.IGNORECASE,
)
"""The beginning of a directive that lists sources; endpoints of reports are none."""


class OwnPolicy(NamedTuple):
    """The policy of the site, and the rules that know what was put into it."""

    text: str
    rules: tuple[str, ...]


class Policies:
    """Rules that know which hosts are put into policies.

    Args:
        listed: the rules; those that know none are left out.
    """

    def __init__(self, listed: Iterable[rules.Rule]) -> None:
        self._known = {host: rule.id for rule in listed for host in rule.policies}
        self._names = tuple(host.removeprefix(".") for host in self._known)
        self.own = functools.lru_cache(_REMEMBERED)(self._own)

    def _own(self, policy: str) -> OwnPolicy | None:
        """Return the policy without the hosts that were put into it; None if there are none."""
        lower = letters.lower(policy)
        if not any(name in lower for name in self._names):
            return None
        met: dict[str, None] = {}
        parts = [self._without(part, met) for part in policy.split(";")]
        return OwnPolicy(";".join(parts), tuple(met)) if met else None

    def _without(self, directive: str, met: dict[str, None]) -> str:
        """Return a directive without those hosts; one that listed nothing else allowed nothing."""
        if not _LISTS.match(directive):
            return directive

        def kept(source: re.Match[str]) -> str:
            rule = self._rule_of(source[1])
            if rule:
                met[rule] = None
            return "" if rule else source[0]

        own = _SOURCE.sub(kept, directive)
        return own if own == directive or len(own.split()) > 1 else f"{own.rstrip()} 'none'"

    def _rule_of(self, source: str) -> str:
        host = _HOST.fullmatch(letters.lower(source))
        if host is None:
            return ""
        return next((self._known[name] for name in url_index.domains(host[1]) if name in self._known), "")
