"""The scrub stage: what names a person or opens a door is taken out of a report before it is stored.

URLs lose user info, query and fragment where they are read, and here wherever text quotes one. E-mail
addresses, card numbers, tokens and UUIDs are known by their form and make way for a placeholder, unless the
project keeps them; members that hold addresses or credentials are known by their name.
``docs/operate/privacy.md`` says it for operators.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

import msgspec

from workers import urls
from workers.scrub import links, masks

if TYPE_CHECKING:
    from storage import registry
    from workers import report

_ENTRIES: Final = 4096
"""Answers remembered for URLs and for texts, of 1 KiB at most: some 4 MB each."""
_POLICIES: Final = 256
"""Policies remembered, of 16 KiB at most: 4 MB."""

_NAMES: Final = 1024
"""Names of members remembered."""
_SHORTEST_JWT: Final = 20

_TEXT: Final = "text"
_POLICY: Final = "policy"
_DIGESTS: Final = "digests"
_NOTHING: Final = "nothing"
_POLICY_NAMES: Final = frozenset({"original-policy", "original_policy", "originalpolicy"})

_PRIVATE: Final = re.compile(
    r"request-headers"  # with cookies (Firefox 5)
    r"|app-vendor-id"  # names one person's device (TrustKit)
    r"|(?:(?:client|server|remote|source|peer|user|host)?[-_]?(?:ip|addr)(?:[-_]?address)?|x-forwarded-for|x-real-ip)"
    r"|(?:set-)?cookies?|authorization|passw(?:or)?d|secret|session(?:[-_]?id)?|api[-_]?key"
    r"|(?:(?:access|auth|id|refresh|csrf|xsrf)[-_]?)?token",
    re.IGNORECASE,
)


class Rules(msgspec.Struct, frozen=True, eq=False):
    """What is scrubbed of one project's reports. Equal rules are one object.

    Attributes:
        kinds: of what is masked, see ``masks.KINDS``.
        beside_digests: of what is masked in members that hold digests, which look like tokens.
    """

    kinds: frozenset[str]
    beside_digests: frozenset[str]


@functools.cache
def _rules(kinds: frozenset[str]) -> Rules:
    jwts = {masks.JWTS} if masks.TOKENS in kinds else set()
    return Rules(kinds, kinds - {masks.TOKENS} | jwts)


DEFAULT: Final = _rules(masks.KINDS)


def rules_of(settings: registry.ProjectSettings) -> Rules:
    """Return what a project's settings ask for."""
    return _rules(masks.KINDS.difference(settings.scrub_off))


def apply(found: report.Report, rules: Rules) -> report.Report:
    """Return the report as it may be stored. Hosts stay: they are what reports are about."""
    return msgspec.structs.replace(
        found,
        directive=_word(found.directive, rules),
        blocked=_url(found.blocked, rules),
        document=_url(found.document, rules),
        source_file=_url(found.source_file, rules),
        sample=_text(found.sample, rules) if found.sample else "",
        policy=_policy(found.policy, rules) if found.policy else "",
        policy_sent="",
        user_agent=_text(found.user_agent, rules) if found.user_agent else "",
        details=_members(found.details, rules) if found.details else found.details,
        moments=_members(found.moments, rules) if found.moments else found.moments,
    )


def member(name: str, value: str, rules: Rules) -> str:
    """Return the text of a member of this name as it may be stored; "" if the name says that none may be.

    Linear in the length of the text, whatever it holds: a microsecond for each character at most.
    """
    what = _what_is(name)
    if what == _NOTHING:
        return ""
    if what == _POLICY:
        return masks.mask(links.cut_policy(value), rules.kinds)
    return masks.mask(links.cut(value), rules.beside_digests if what == _DIGESTS else rules.kinds)


@functools.lru_cache(maxsize=_NAMES)
def _what_is(name: str) -> str:
    if _PRIVATE.fullmatch(name):
        return _NOTHING
    if name.lower() in _POLICY_NAMES:
        return _POLICY
    return _DIGESTS if masks.DIGEST_NAME.fullmatch(name) else _TEXT


def is_private(name: str) -> bool:
    """Return whether a member of this name is never stored, whatever it holds."""
    return _what_is(name) == _NOTHING


@functools.lru_cache(maxsize=_NAMES)
def is_secret(name: str, rules: Rules) -> bool:
    """Return whether the name of a member is itself what must not be stored: anything may be a name."""
    return member("", name, rules) != name


@functools.lru_cache(maxsize=_ENTRIES)
def _text(value: str, rules: Rules) -> str:
    return member("", value, rules)


@functools.lru_cache(maxsize=_POLICIES)
def _policy(value: str, rules: Rules) -> str:
    return member("original-policy", value, rules)


@functools.lru_cache(maxsize=_ENTRIES)
def _word(value: str, rules: Rules) -> str:
    """Return a keyword or the name of a type, which were put into lower case before."""
    if value.startswith("eyj") and masks.TOKENS in rules.kinds and len(value) >= _SHORTEST_JWT:
        return "{jwt}"
    return member("", value, rules)


@functools.lru_cache(maxsize=_ENTRIES)
def _url(url: urls.URL, rules: Rules) -> urls.URL:
    if not url.host:
        return urls.URL(_word(url.text, rules), "", "") if url.text else url
    if not masks.suspect(url.path):
        return url
    path = masks.mask(url.path, rules.kinds)
    return urls.URL(url.text.removesuffix(url.path) + path, url.host, path)


def _members(members: dict[str, str], rules: Rules) -> dict[str, str]:
    return {name: _detail(name, value, rules) for name, value in members.items() if not is_private(name)}


@functools.lru_cache(maxsize=_ENTRIES)
def _detail(name: str, value: str, rules: Rules) -> str:
    return member(name, value, rules)
