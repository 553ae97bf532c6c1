"""A content security policy, parsed as far as all browsers agree on what it says (CSP3 §2.2 and §2.3).

Browsers agree on printable ASCII. Some drop a directive with another character, some drop the character;
Chromium then ignores a second directive of that name, Firefox does not. A comma parts policies in a header,
and does not in every ``<meta>``. A text with either is not read.

Firefox does not report the policy as it was sent: it percent-decodes the paths of URLs. One expression,
``a.example/x%20*``, then reads as two, and ``%3B`` begins a directive. Decoding adds words,
and takes none away. So the words up to the first path are sure, and what comes after can only forbid.
"""

from __future__ import annotations

import functools
import re
from typing import Final, NamedTuple

import msgspec

_MAX_POLICY: Final = 12_000
"""Characters of a policy that is read. Longer ones may have been cut, and what is missing may forbid."""
_MAX_SOURCES: Final = 400
"""Expressions of a list that are read: with their number this bounds what is remembered to some 20 MB."""

_READABLE: Final = re.compile(r"[\t\n\f\r -+\--~]*")
"""The characters of a policy that is read: among these, Python and policies agree on what is a blank."""
_KNOWN: Final = frozenset(
    {
        *("base-uri", "block-all-mixed-content", "child-src", "connect-src", "default-src"),
        *("fenced-frame-src", "font-src", "form-action", "frame-ancestors", "frame-src", "img-src"),
        *("manifest-src", "media-src", "navigate-to", "object-src", "plugin-types", "prefetch-src"),
        *("referrer", "reflected-xss", "report-to", "report-uri", "require-sri-for"),
        *("require-trusted-types-for", "sandbox", "script-src", "script-src-attr", "script-src-elem"),
        *("style-src", "style-src-attr", "style-src-elem", "treat-as-public-address", "trusted-types"),
        *("upgrade-insecure-requests", "webrtc", "worker-src"),
    }
)
"""The directives of all specifications."""
_REPORTING: Final = frozenset({"report-to", "report-uri"})
"""Directives whose URLs no browser decodes."""
_WITH_PATH: Final = re.compile(r"[^/]*://[^/]*/")

_SCHEME_SOURCE: Final = re.compile(r"(?!javascript:)([a-z][a-z0-9+.-]*):")
"""A scheme source. Code is not blocked by its scheme, but as an inline script."""
_HOST_SOURCE: Final = re.compile(
    r"(?:([a-z][a-z0-9+.-]*)://)?"
    r"(\*|(?:\*\.)?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)"
    r"(?::([0-9]{1,5}|\*))?"
    r"(/[^?#%]*)?"
)
"""A host source that all browsers read alike: the scheme in lower case, no underscore, nothing encoded."""
_GUARD: Final = re.compile(r"'(?:nonce-|sha-?(?:256|384|512)-).*'")
_KEYWORDS: Final = frozenset(
    {
        *("'self'", "'none'", "'unsafe-inline'", "'unsafe-eval'", "'wasm-unsafe-eval'", "'unsafe-hashes'"),
        *("'strict-dynamic'", "'report-sample'", "'report-sha256'", "'report-sha384'", "'report-sha512'"),
        *("'inline-speculation-rules'", "'trusted-types-eval'", "'unsafe-allow-redirects'"),
        "'unsafe-webtransport-hashes'",
    }
)


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
        keywords: the keywords that surely stand in the list, in lower case and quotes; ``*`` is among them.
        guarded: whether a nonce or a hash may: a report does not tell whether it matched.
        dynamic: whether ``'strict-dynamic'`` may stand in it.
        strange: whether a keyword may that is not known here, and may mean anything.
        by_host: expressions with a host without wildcard, by that host.
        others: the other expressions. What follows no grammar is left out, as browsers do.
    """

    keywords: frozenset[str]
    guarded: bool
    dynamic: bool
    strange: bool
    by_host: dict[str, list[Expression]]
    others: list[Expression]


class Value(NamedTuple):
    """The text of a directive's value, of which the first ``sure`` words are as they were sent."""

    text: str
    sure: int


class Policy(msgspec.Struct, frozen=True):
    """A policy.

    Attributes:
        directives: values by name in lower case; of two directives of one name the first (CSP3 §2.2.1).
        known: whether all of them are of a specification: another may forbid what nobody here knows.
    """

    directives: dict[str, Value]
    known: bool


def parse(text: str, *, verbatim: bool) -> Policy | None:
    """Return the policy that a text is; None where browsers may read it in more than one way.

    Args:
        text: the policy as it was reported.
        verbatim: whether it was surely reported as it was sent.
    """
    if len(text) > _MAX_POLICY or not _READABLE.fullmatch(text):
        return None
    directives: dict[str, Value] = {}
    decoded = False
    for part in filter(str.strip, text.split(";")):
        name, *rest = part.split(None, 1)
        name, value = name.lower(), rest[0] if rest else ""
        sure = 0 if decoded else _MAX_SOURCES
        if not verbatim and "://" in value and name not in _REPORTING:
            first_path = _first_path(value.split())
            decoded = decoded or first_path is not None
            sure = sure if first_path is None else min(sure, first_path)
        directives.setdefault(name, Value(value, sure))
    known = directives.keys() & _KNOWN
    return Policy(directives, len(known) == len(directives)) if known else None


def _first_path(words: list[str]) -> int | None:
    """Return the index of the first word that Firefox may have decoded."""
    return next((index for index, word in enumerate(words) if _WITH_PATH.match(word)), None)


@functools.lru_cache(maxsize=128)
def sources(value: Value) -> Sources:
    """Return the source list that a value is; one that is too long surely allows nothing."""
    listed = value.text.split()
    sure = listed[: value.sure]
    if len(listed) > _MAX_SOURCES:
        return Sources(frozenset(), guarded=True, dynamic=True, strange=True, by_host={}, others=[])
    quoted = {word.lower() for word in listed if word.startswith("'")}
    guards = set(filter(_GUARD.fullmatch, quoted))
    found = Sources(
        keywords=frozenset(word.lower() for word in sure if word.startswith("'") or word == "*"),
        guarded=bool(guards),
        dynamic="'strict-dynamic'" in quoted,
        strange=not quoted <= _KEYWORDS | guards,
        by_host={},
        others=[],
    )
    for expression in filter(None, map(_expression, sure)):
        if expression.host and "*" not in expression.host:
            found.by_host.setdefault(expression.host, []).append(expression)
        else:
            found.others.append(expression)
    return found


def _expression(word: str) -> Expression | None:
    if word.startswith("'") or word == "*":
        return None
    if scheme := _SCHEME_SOURCE.fullmatch(word):
        return Expression(scheme=scheme[1])
    host = _HOST_SOURCE.fullmatch(word)
    if host is None:
        return None
    scheme_part, host_part, port, path = host.groups(default="")
    return Expression(scheme_part, host_part.lower(), port, path)
