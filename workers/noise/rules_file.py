"""Rules files: the common noise rules in their order, and a version. One is shipped, others are loaded."""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from workers.model import outcomes
from workers.noise import agent_matches, attackers, index, project_rules, rules

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES: Final = 1 << 20
"""The largest rules file; the one that is shipped has a tenth of that."""
MAX_RULES: Final = 5_000
"""The most rules of a file; the shipped one has a tenth of that."""
MAX_SAMPLES: Final = 1_000
"""The most pieces of code that the rules of a file look for: each one is looked for in each sample."""
MAX_WORD: Final = 256
"""Characters of a host, a path or a piece of code that a rule names."""

_VERSION: Final = re.compile(r"\d{4}\.\d{1,2}\.\d{1,2}(?:\.\d{1,4})?", re.ASCII)
_HOSTS: Final = ("hosts", "pages", "policies")
"""Members of a rule that hold hosts."""
_UNSOLD: Final = frozenset(
    {".home", ".internal", ".intranet", ".lan", ".local", ".localdomain", ".localhost"}
)
"""Hosts below names that no registry sells, and that only local networks know."""
_UNKNOWN: Final = re.compile(r"unknown field `([^`]*)`")
RuleError = attackers.RuleError


class RulesFile:
    """The rules of one file. Compared by identity: each process reads a file once.

    Args:
        version: year, month and day of the file, then a number should there be several of a day.
        sha256: SHA-256 of its text, in hex.
        listed: the rules in their order, the most specific first.

    Attributes:
        rules: the rules in their order.
    """

    def __init__(self, version: str, sha256: str, listed: Iterable[rules.Rule]) -> None:
        self.version: Final = version
        self.sha256: Final = sha256
        self.rules: Final = tuple(listed)

    @functools.cached_property
    def by_id(self) -> dict[str, rules.Rule]:
        """The rules by their id."""
        return {rule.id: rule for rule in self.rules}

    @functools.cached_property
    def index(self) -> index.Index:
        """The index that finds the first rule which a report meets."""
        return index.Index(self.rules)

    @functools.cached_property
    def agent_matches(self) -> agent_matches.AgentMatches:
        """The index that finds the rules which a user agent meets."""
        return agent_matches.AgentMatches(self.rules)

    def newer_than(self, other: RulesFile) -> bool:
        """Return whether this file has the later version."""
        return order_of(self.version) > order_of(other.version)


class _Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text of a rules file. ``requires`` is the first release of Headrace that reads it."""

    version: str
    rule: tuple[rules.Rule, ...]
    requires: str = ""


class _Outline(msgspec.Struct, frozen=True):
    """The members of a rules file that every release reads."""

    version: str = ""
    requires: str = ""


class _Id(msgspec.Struct, frozen=True):
    id: str
    noise: str = msgspec.field(name="class", default="")


class _Ids(msgspec.Struct, frozen=True):
    rule: tuple[_Id, ...] = ()


def order_of(version: str) -> tuple[int, ...]:
    """Return what versions are ordered by: their numbers."""
    return tuple(map(int, version.split(".")))


def parse(text: bytes, release: str = "") -> RulesFile:
    """Return the rules of a file, all of which were checked.

    Args:
        text: the text, TOML.
        release: the version of this release, for the sentence about a file that needs a later one.

    Raises:
        RuleError: this release cannot read it, or a rule in it is wrong, far too broad or could be met by an
            attacker.
    """
    if len(text) > MAX_BYTES:
        raise RuleError(f"A rules file has at most {MAX_BYTES:,} bytes.")
    read = _read(text, release)
    if not _VERSION.fullmatch(read.version):
        raise RuleError(f"The version of a rules file is a date such as 2026.11.27, unlike {read.version!r}.")
    _require_few(read.rule)
    _require_unique([rule.id for rule in read.rule])
    for rule in read.rule:
        _check(rule)
    return RulesFile(read.version, sha256_of(text), read.rule)


def sha256_of(text: bytes) -> str:
    """Return the hash by which the text of a rules file is known, in hex."""
    return hashlib.sha256(text).hexdigest()


def ids_of(text: bytes) -> list[str]:
    """Return the ids of the rules of a file that was checked once, maybe by another release."""
    return list(classes_of(text))


def classes_of(text: bytes) -> dict[str, str]:
    """Return the classes of the rules of such a file, by their ids."""
    return {rule.id: rule.noise for rule in msgspec.toml.decode(text, type=_Ids).rule}


def _read(text: bytes, release: str) -> _Text:
    try:
        return msgspec.toml.decode(text, type=_Text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RuleError(_why(text, error, release)) from None


def _why(text: bytes, error: Exception, release: str) -> str:
    """Return in a sentence why a rules file cannot be read."""
    unknown = _UNKNOWN.search(str(error))
    if unknown is None:
        return f"This is no rules file: {error}."
    needed = _outline(text).requires
    later = f"Headrace {needed} or later" if needed else "a later release of Headrace"
    this = f"Headrace {release}" if release else "this release"
    return f"This rules file needs {later}: {this} does not know its member {unknown[1]!r}."


def _outline(text: bytes) -> _Outline:
    try:
        return msgspec.toml.decode(text, type=_Outline)
    except msgspec.DecodeError:
        return _Outline()


def _require_few(listed: tuple[rules.Rule, ...]) -> None:
    """Refuse a file that would slow workers down."""
    if len(listed) > MAX_RULES:
        raise RuleError(f"A rules file has at most {MAX_RULES:,} rules.")
    if sum(len(rule.samples) + len(rule.sample_starts) for rule in listed) > MAX_SAMPLES:
        raise RuleError(f"The rules of a file look for at most {MAX_SAMPLES:,} samples.")


def _require_unique(ids: list[str]) -> None:
    if twice := next((name for name in ids if ids.count(name) > 1), None):
        raise RuleError(f"Two rules of the file have the id {twice}.")
    reasons = {reason.value for reason in outcomes.Reason}
    if taken := next((name for name in ids if name in reasons), None):
        raise RuleError(f"No rule may have the id {taken}: it is the reason of another outcome.")


def _check(rule: rules.Rule) -> None:
    if rule.noise not in rules.CLASSES:
        raise RuleError(
            f"{rule.id} has the class {rule.noise!r}: a class is one of {', '.join(rules.CLASSES)}."
        )
    conditions = rule.conditions()
    if not conditions:
        raise RuleError(f"{rule.id} has no condition: it would match everything.")
    for name, value in conditions.items():
        if isinstance(value, list | tuple | dict):
            _check_words(rule, name, value)
    for host in (host for name in _HOSTS for host in getattr(rule, name, ())):
        _require_host(rule, host)
    attackers.require_unforgeable(rule)
    _require_rare_browser(rule)


def _check_words(rule: rules.Rule, name: str, values: Iterable[Any]) -> None:
    for word in values:
        if not isinstance(word, str):
            continue
        if not word.strip() or len(word) > MAX_WORD or not word.isprintable():
            raise RuleError(f"{rule.id} has a wrong value in {name}: {word[:MAX_WORD]!r}.")
        if name in {"paths", "except_paths"} and word.count("*") > project_rules.MAX_STARS:
            raise RuleError(f"{rule.id} has a path with more than {project_rules.MAX_STARS} of *: {word!r}.")
        if name == "networks":
            _require_network(rule, word)


def _require_host(rule: rules.Rule, host: str) -> None:
    if host in _UNSOLD:
        return
    meant = project_rules.host_of(host)
    if host != meant:
        raise RuleError(f"{rule.id} names {host!r}, which is to be written {meant!r}.")


def _require_network(rule: rules.Rule, text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise RuleError(f"{rule.id} names a network that is none: {error}.") from None


def _require_rare_browser(rule: rules.Rule) -> None:
    """Refuse a rule that a browser of today meets whatever it reports: it would hide everything."""
    if rule.has_url or rule.has_sample or not rule.has_agent:
        return
    asks = rule.conditions().keys() - {"before", "since", "agents", "truthful", "directives", "kinds", "only"}
    if asks:
        return
    if attackers.has_common_agent(rule):
        raise RuleError(f"{rule.id} is far too broad: it matches all reports of a common browser.")
