"""The fingerprint: a hash that is equal for reports of the same finding, from all browsers, pages and times.

``docs/query/fingerprint.md`` says what a finding is, and why.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

import xxhash

from workers import scrub

if TYPE_CHECKING:
    from workers.model import report
    from workers.text import urls

VERSION: Final = 2
"""Version of the fingerprint. Raise it when the finding is cut differently: old and new never mix."""
_VERSION: Final = str(VERSION)

_SELF: Final = "'self'"
"""The replacement for the page's own host, which differs between environments."""
_CODE: Final = frozenset({"", "self", "inline", "eval", "wasm-eval"})
_TRUSTED_TYPES: Final = "trusted-types-"
_BY_FILE: Final = frozenset({"csp-hash", "integrity"})
"""Kinds whose reports are about one file each, which all browsers name in full."""
_SAMPLE: Final = 40
"""Characters of a sample that all browsers send (CSP3 §2.4)."""
_SCRIPTS: Final = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".css", ".wasm")

_WORD: Final = r"(?<![A-Za-z0-9])"
_VARIABLE: Final = re.compile(
    r"\{[a-z-]+\}"  # what scrubbing put there
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # UUID
    r"|(?<=[.-])(?=[\w-]{0,7}(?:\d|[a-z_][A-Z]))[\w-]{8}(?=\.(?:m?js|css)\Z)"  # index-B_x9-k2a.js
    rf"|{_WORD}(?=[A-Fa-f]*\d|[A-Fa-f]{{8}})[0-9A-Fa-f]{{4,}}(?![A-Za-z0-9])"  # app.3f9a1c.js
    rf"|{_WORD}(?=[A-Za-z0-9]*\d[A-Za-z])[A-Za-z0-9]{{6,}}"  # d1g2h3xyz
    r"|\d+",
    re.ASCII,
)
_REPEATED: Final = re.compile(r"\*(?:[._-]\*)+")
_BLANKS: Final = re.compile(r"\s+")


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
    source = sample = ""
    if found.kind != "csp":
        source = _source(found)
    elif place in _CODE or place.startswith(_TRUSTED_TYPES):
        source, sample = _source(found), _folded_sample(found.sample)
    directive = found.directive.removesuffix("-elem")  # only newer browsers tell elements from the rest
    return _VERSION, found.kind, directive, place, source, sample, found.hostname


def _place(blocked: urls.URL, own_host: str, *, with_path: bool) -> str:
    """Return what was blocked: a keyword, a scheme or a host, and for some kinds the path there."""
    if not blocked.host:
        return "" if blocked.text == "self" else blocked.text  # both are how old browsers name inline code
    host = _SELF if blocked.host == own_host else _folded_host(blocked.host)
    return host + _folded_path(blocked.path) if with_path else host


def _source(found: report.Report) -> str:
    """Return the script at fault; "" if it is the page itself, which some browsers name and others do not."""
    source = found.source_file
    if not source.host:
        return source.text
    path = _folded_path(source.path)
    if source.host != found.document.host:
        return _folded_host(source.host) + path
    return _SELF + path if path.endswith(_SCRIPTS) else ""


@functools.lru_cache(maxsize=4096)
def _folded_host(host: str) -> str:
    """Return the host with the variable parts of its subdomains folded, ``*.cloudfront.net``."""
    labels = host.split(".")
    if labels[-1].isdigit() or host.endswith("]"):
        return host  # an address
    *subdomains, _, _ = labels if len(labels) > 1 else ["", host]
    count = len(subdomains)
    if count and len(labels[-1]) == 2 and len(labels[-2]) <= 3:  # noqa: PLR2004 - like .co.uk
        count -= 1
    return ".".join([*map(_folded, labels[:count]), *labels[count:]])


@functools.lru_cache(maxsize=4096)
def _folded_path(path: str) -> str:
    return _folded(path)


@functools.lru_cache(maxsize=4096)
def _folded_sample(sample: str) -> str:
    line = _BLANKS.sub(" ", sample).removesuffix("...").removesuffix("…")  # of Firefox
    return _folded(line[:_SAMPLE]).strip()


def _folded(text: str) -> str:
    return _REPEATED.sub("*", _VARIABLE.sub("*", text))
