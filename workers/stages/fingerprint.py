"""The fingerprint: a hash that is equal for reports of the same finding, from all browsers, pages and times.

``docs/query/fingerprint.md`` says what a finding is, and why.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import xxhash

from workers import scrub
from workers.stages import folding, inline_code
from workers.text import sinks

if TYPE_CHECKING:
    from workers.model import report
    from workers.text import urls

VERSION: Final = 2
"""Version of the fingerprint. To raise it makes another finding of every finding."""
_VERSION: Final = str(VERSION)

_SELF: Final = "'self'"
"""The replacement for the page's own host, which differs between environments."""
_CODE: Final = frozenset({"", "inline", "eval", "wasm-eval", "trusted-types-policy", "trusted-types-sink"})
_UNNAMED: Final = frozenset({"", "self"})
"""Old browsers' names for inline code."""
_NEEDS_TYPES: Final = "require-trusted-types-for"
_POLICY: Final = "trusted-types-policy"
_SINK: Final = "trusted-types-sink"
_BY_FILE: Final = frozenset({"csp-hash", "integrity"})
"""Kinds whose reports are about one file each, which all browsers name in full."""
_SCRIPTS: Final = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".css", ".wasm")

_ENTRIES: Final = 4096
"""How many hosts and words are remembered."""

PARTS: Final = ("version", "kind", "directive", "blocked", "source", "sample", "hostname")


def fingerprint(found: report.Report, scrubbing: scrub.ScrubRules = scrub.DEFAULT) -> int:
    """Return the 64-bit fingerprint of a report.

    Args:
        found: the report, scrubbed by these rules.
        scrubbing: the rules by which the report was scrubbed. Secrets that they keep are taken out here, so
            that the rules make no difference.
    """
    return xxhash.xxh64_intdigest("\0".join(parts(found, scrubbing)).encode())


def parts(found: report.Report, scrubbing: scrub.ScrubRules = scrub.DEFAULT) -> tuple[str, ...]:
    """Return the texts that are hashed: one for each of ``PARTS``, none with a NUL in it."""
    if scrubbing is not scrub.DEFAULT:
        found = scrub.apply(found, scrub.DEFAULT)
    place = _place(found.blocked, found.document.host, with_path=found.kind in _BY_FILE)
    directive = found.directive.removesuffix("-elem")  # only newer browsers tell elements from the rest
    source = sample = ""
    if found.kind != "csp":
        source, directive = _source(found), folding.name(directive)
    elif place in _CODE:
        source, sample = _source(found), _sample(found)
    hostname = _host(found.hostname, found.hostname) if found.hostname else ""
    return _VERSION, found.kind, directive, place, source, sample, hostname


def _place(blocked: urls.URL, own_host: str, *, with_path: bool) -> str:
    """Return what was blocked: a keyword, a scheme or a host, and for some kinds the path there."""
    if not blocked.host:
        return "" if blocked.text in _UNNAMED else _keyword(blocked.text)
    host = _SELF if blocked.host == own_host else _host(blocked.host, own_host)
    return host + folding.path(blocked.path) if with_path else host


@functools.lru_cache(maxsize=_ENTRIES)
def _host(name: str, own_host: str) -> str:
    """Return a host folded; an address of a visitor's own network only if the page is not there too."""
    folded = folding.host(name)
    return name if folded == folding.OWN_NETWORK == folding.host(own_host) else folded


@functools.lru_cache(maxsize=_ENTRIES)
def _keyword(text: str) -> str:
    """Return a keyword or a scheme; a word with a dot is a host that lost its scheme."""
    return folding.host(text) if "." in text else folding.name(text)


def _source(found: report.Report) -> str:
    """Return the script at fault; "" if it is the page itself, which some browsers name and others do not."""
    source, own_host = found.source_file, found.document.host
    if not source.host:
        return _keyword(source.text) if source.text else ""
    path = folding.path(source.path)
    if source.host != own_host:
        return _host(source.host, own_host) + path
    return _SELF + path if path.endswith(_SCRIPTS) else ""


def _sample(found: report.Report) -> str:
    """Return which place in the code the sample tells, without the data that went through it."""
    if found.blocked.text == _SINK or found.directive == _NEEDS_TYPES:
        return sinks.sink_of(found.sample)
    if found.blocked.text == _POLICY:
        return folding.code(found.sample).strip()
    return inline_code.folded(found.sample)
