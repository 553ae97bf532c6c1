"""Matches URLs with source lists by the algorithms of CSP3 §6.7.2, as far as browsers agree on them.

Each function errs to one side: a match means that the specification and every browser that follows it allow
the URL. Browsers differ, for example, on whether ``https:`` or ``'self'`` allow ``wss:``.
"""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING, Final
from urllib import parse

import msgspec

if TYPE_CHECKING:
    from workers.impossible import policy

NETWORK: Final = frozenset({"http", "https", "ws", "wss", "ftp"})
"""Schemes whose responses may redirect elsewhere."""
_STAR: Final = frozenset({"http", "https", "ws", "wss"})
"""Schemes that ``*`` allows in all browsers. ``*`` also allows the scheme of the page, which is left out:
documents that inherit their policy (``blob:``, ``data:``) do not tell which page that is."""
_UPGRADES: Final = {"http": "https", "ws": "wss"}
_DEFAULT_PORTS: Final = {"http": "80", "ws": "80", "https": "443", "wss": "443", "ftp": "21"}


class Origin(msgspec.Struct, frozen=True):
    """Scheme, host and port of a URL; the host is "" where only a scheme is known, the port never."""

    scheme: str
    host: str
    port: str


@functools.lru_cache(maxsize=4096)
def origin(text: str) -> Origin:
    """Return the origin that a text like ``https://example.com:8443`` or ``data`` names."""
    scheme, _, authority = text.partition("://")
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):  # of an IPv6 address
        host, port = authority, ""
    return Origin(scheme, host, port or _DEFAULT_PORTS.get(scheme, ""))


def paths(sources: policy.Sources, url: Origin, self_origin: Origin, *, sandboxed: bool) -> tuple[str, ...]:
    """Return the path-parts of all expressions that match this origin; "" among them allows any path.

    Args:
        sources: the source list.
        url: what was blocked.
        self_origin: what ``'self'`` stands for.
        sandboxed: whether the document may have an origin that nothing is equal to.
    """
    if "*" in sources.keywords and url.scheme in _STAR:
        return ("",)
    if "'self'" in sources.keywords and not sandboxed and _self(url, self_origin):
        return ("",)
    listed = [*sources.by_host.get(url.host, ()), *sources.others]
    return tuple(expression.path for expression in listed if _expression(expression, url, self_origin))


def path(pattern: str, url_path: str) -> bool:
    """Return whether a path-part without anything encoded matches a path (§6.7.2.12).

    A pattern that ends with a slash matches every path below it, any other pattern only an equal path. An
    encoded slash of the path does not divide segments.
    """
    directory = pattern.endswith("/")
    if not pattern or url_path == pattern or (directory and url_path.startswith(pattern)):
        return True
    return "%" in url_path and _decoded_path(pattern, url_path, directory=directory)


def _decoded_path(pattern: str, url_path: str, *, directory: bool) -> bool:
    expected, segments = tuple(pattern.split("/")), _segments(url_path)
    if directory and len(segments) >= len(expected):
        expected = expected[:-1]
        segments = segments[: len(expected)]
    return expected == segments


@functools.lru_cache(maxsize=256)
def _segments(text: str) -> tuple[str, ...]:
    """Return the decoded segments of a path. They are cached: many patterns are compared with one path."""
    return tuple(map(parse.unquote, text.split("/")))


def _self(url: Origin, self_origin: Origin) -> bool:
    if url == self_origin:
        return url.host != ""
    upgraded = (self_origin.scheme, url.scheme) == ("http", "https")
    ports = _has_default_port(url) and _has_default_port(self_origin)
    return upgraded and ports and url.host == self_origin.host


def _expression(expression: policy.Expression, url: Origin, self_origin: Origin) -> bool:
    scheme = expression.scheme or self_origin.scheme
    upgraded = url.scheme == _UPGRADES.get(scheme)
    if url.scheme != scheme and not upgraded:
        return False
    if not expression.host:
        return True
    return _host(expression.host, url.host) and _port(expression.port, url, upgraded=upgraded)


def _host(pattern: str, host: str) -> bool:
    if not host or _is_address(host):  # by the specification addresses never match, in browsers they do
        return False
    if pattern == "*":
        return True
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _port(port: str, url: Origin, *, upgraded: bool) -> bool:
    """``http:`` stands for ``https:`` only where the port goes with it: none, any, or 80 for 443 (§1.3)."""
    if not port:
        return _has_default_port(url)
    if upgraded:
        return port == "*" or (port == "80" and _has_default_port(url))
    return port in {"*", url.port}


def _has_default_port(url: Origin) -> bool:
    return url.port == _DEFAULT_PORTS.get(url.scheme, "")


@functools.lru_cache(maxsize=1024)
def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
