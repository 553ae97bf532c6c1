"""Content security policies, parsed as far as it takes to say what they allow (CSP3 §2.2 and §2.3)."""

from __future__ import annotations

import functools
import re
from typing import Final

import msgspec

_DIRECTIVE: Final = re.compile(
    r"(?:child|connect|default|fenced-frame|font|frame|img|manifest|media|object|prefetch|worker)-src"
    r"|(?:script|style)-src(?:-elem|-attr)?|base-uri|form-action|frame-ancestors|navigate-to|plugin-types"
    r"|report-to|report-uri|sandbox|trusted-types|require-trusted-types-for|require-sri-for|webrtc"
    r"|upgrade-insecure-requests|block-all-mixed-content|referrer|reflected-xss"
)

_MAX_SOURCES: Final = 400
"""Expressions of a list that are read: with their number this bounds what is remembered to some 10 MB."""

_SCHEME_SOURCE: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_HOST_SOURCE: Final = re.compile(
    r"(?:([a-z][a-z0-9+.-]*)://)?"
    r"(\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)"
    r"(?::([0-9]{1,5}|\*))?"
    r"(/[^?#]*)?",
    re.IGNORECASE,
)
_GUARDS: Final = ("'nonce-", "'sha256-", "'sha384-", "'sha512-")


class Expression(msgspec.Struct, frozen=True):
    """A host source, ``https://*.example.com:8443/js/``, or with an empty host a scheme source, ``https:``.

    Attributes:
        scheme: in lower case; "" where any is left out.
        host: in lower case, ``*`` and ``*.`` as written.
        port: digits or ``*``; "" where any is left out.
        path: "" where any is left out.
    """

    scheme: str = ""
    host: str = ""
    port: str = ""
    path: str = ""


class Sources(msgspec.Struct, frozen=True):
    """The source list of a directive.

    Attributes:
        keywords: those without a value, in lower case and quotes; ``*`` is among them.
        guarded: whether a nonce or a hash is listed, of which a report does not tell whether it matched.
        by_host: expressions with a host without wildcard, by that host.
        others: the other expressions. What follows no grammar is left out, as browsers do.
    """

    keywords: frozenset[str]
    guarded: bool
    by_host: dict[str, list[Expression]]
    others: list[Expression]


Policy = dict[str, str]
"""The text of the source list by name of the directive, both as the policy has them."""


@functools.lru_cache(maxsize=128)
def parse(text: str) -> tuple[Policy, ...]:
    """Return the policies of a header, which commas part.

    Of two directives of one name the first counts (CSP3 §2.2.1). A part without any directive of the
    specifications is no policy: the comma before it stands within a list of sources, and nothing can be told.
    """
    policies = [_parse(part) for part in text.split(",") if part.strip()]
    plain = all(any(map(_DIRECTIVE.fullmatch, policy)) for policy in policies)
    return tuple(policies) if plain else ()


@functools.lru_cache(maxsize=128)
def sources(text: str) -> Sources:
    """Return the source list that this text is; one that is too long allows nothing plainly."""
    words = text.split()
    if len(words) > _MAX_SOURCES:
        return Sources(frozenset(), guarded=True, by_host={}, others=[])
    quoted = [word.lower() for word in words if word.startswith("'") or word == "*"]
    found = Sources(frozenset(quoted), any(word.startswith(_GUARDS) for word in quoted), {}, [])
    for expression in filter(None, map(_expression, words)):
        if expression.host and "*" not in expression.host:
            found.by_host.setdefault(expression.host, []).append(expression)
        else:
            found.others.append(expression)
    return found


def _parse(text: str) -> Policy:
    found: Policy = {}
    for directive in text.split(";"):
        name, _, rest = directive.strip().partition(" ")
        if name:
            found.setdefault(name.lower(), rest)
    return found


def _expression(word: str) -> Expression | None:
    if word.startswith("'") or word == "*":
        return None
    if scheme := _SCHEME_SOURCE.fullmatch(word):
        return Expression(scheme=scheme[1].lower())
    host = _HOST_SOURCE.fullmatch(word)
    if host is None:
        return None
    scheme_part, host_part, port, path = host.groups(default="")
    return Expression(scheme_part.lower(), host_part.lower(), port, path)
