"""Patterns over web origins: which sites may send reports to a project.

A pattern is one of

* ``https://shop.example``: this scheme, host and port; without a port, the scheme's own one;
* ``https://*.example.com``: any host below example.com, but not example.com itself;
* ``https://shop.example:*``: any port;
* ``shop.example`` or ``*.example.com``: over http and https;
* ``null``: pages without an origin. Sandboxed frames and some browser components send ``Origin: null``;
documents
  such as ``about:srcdoc`` and ``data:`` have none, and of others browsers tell the scheme alone.

Origins are compared as the Fetch standard serialises them. A text that is neither an origin nor a URL, such
as a URL with a password, is allowed by no pattern.
"""

from __future__ import annotations

import functools
import re
from typing import Final

import ada_url

MAX_PATTERNS: Final = 200
NULL: Final = "null"

_PATTERN: Final = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?"
    r"(?P<any>\*\.)?(?P<host>\[[0-9a-f:.]+\]|[^\s/:?#@*\[\]\\%,]+)"
    r"(?::(?P<port>[0-9]{1,5}|\*))?",
    re.IGNORECASE,
)
_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[0-9a-f:.]+\]|[^\s/:?#@\[\]\\]+)(?::(?P<port>[0-9]{1,5}))?(?:[/?#]|\Z)",
    re.IGNORECASE,
)
_OPAQUE: Final = re.compile(
    r"(?!(?:https?|wss?|ftp)\b)[a-z][a-z0-9+-]*(?::(?!//|[0-9]).*)?|file://(?:/.*)?",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)
"""``null``, a scheme alone, or a URL whose scheme knows no hosts; ``shop:8080`` is a host, no scheme."""
_PORT_BY_SCHEME: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443"}
_WEB: Final = ("http", "https")
_REMEMBERED: Final = 4096
"""Origins and pages remembered for each set of patterns, of at most ``_LONGEST`` characters: some 2 MB."""
_LONGEST: Final = 256


class Patterns:
    """A set of patterns, compiled once.

    Args:
        patterns: at least one.

    Raises:
        ValueError: one of them is no pattern; the message is a sentence that says which and why.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._matches = re.compile("|".join(map(_expression, patterns))).fullmatch
        self._remembered: dict[str, bool] = {}

    def allow(self, url: str) -> bool:
        """Tell whether an origin, or the origin of a URL, matches one of the patterns."""
        known = self._remembered.get(url)
        if known is None:
            known = self._matches(_origin(url)) is not None
            if len(url) <= _LONGEST:
                if len(self._remembered) >= _REMEMBERED:
                    self._remembered.clear()
                self._remembered[url] = known
        return known

    def allow_request(self, origin: bytes, referer: bytes) -> bool:
        """Tell whether a request may come from the page that its headers name; one that names none may.

        Args:
            origin: the header ``Origin``, empty when absent.
            referer: the header ``Referer``, which counts in the absence of ``Origin``.
        """
        said = origin or referer
        return not said or self.allow(said.decode("latin-1"))


@functools.lru_cache(maxsize=1024)
def compiled(patterns: tuple[str, ...]) -> Patterns | None:
    """Return the patterns of a project, or None when it takes reports from everywhere.

    Raises:
        ValueError: one of them is no pattern; the message is a sentence that says which and why.
    """
    return Patterns(patterns) if patterns else None


def _origin(url: str) -> str:
    """Return ``scheme://host:port`` of a URL, or ``null`` when it has no origin; empty when it is no URL."""
    match = _URL.match(url)
    if match is None:
        return NULL if not url or _OPAQUE.fullmatch(url) else ""
    scheme = match["scheme"].lower()
    return f"{scheme}://{match['host'].lower()}:{match['port'] or _PORT_BY_SCHEME.get(scheme, '')}"


def _expression(pattern: str) -> str:
    """Return the regular expression over ``scheme://host:port``, or ``null``, that a pattern stands for."""
    if pattern.lower() == NULL:
        return NULL
    match = _PATTERN.fullmatch(pattern)
    host = match and _ascii(match["host"])
    if match is None or not host:
        raise ValueError(
            f"{pattern!r} is no origin such as https://shop.example, https://*.example.com or null."
        )
    schemes = (match["scheme"].lower(),) if match["scheme"] else _WEB
    below = r"[^:/]+\." if match["any"] else ""
    parts = (
        f"{re.escape(scheme)}://{below}{re.escape(host)}:{_port(scheme, match['port'])}" for scheme in schemes
    )
    return "|".join(parts)


def _port(scheme: str, port: str | None) -> str:
    if port == "*":
        return "[0-9]*"
    return (port.lstrip("0") if port else "") or _PORT_BY_SCHEME.get(scheme, "")


def _ascii(host: str) -> str:
    """Return the host as browsers spell it: lower case, punycode; empty when it is none."""
    try:
        return ada_url.URL(f"https://{host}").hostname
    except ValueError:
        return ""
