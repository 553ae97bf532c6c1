"""The titles of CSP violations: what was blocked, in one line for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from workers import report

_FROM: Final = {
    "default-src": "resource",
    "script-src": "script",
    "script-src-elem": "script",
    "script-src-attr": "script",
    "style-src": "style",
    "style-src-elem": "style",
    "style-src-attr": "style",
    "img-src": "image",
    "font-src": "font",
    "media-src": "media",
    "object-src": "object",
    "frame-src": "frame",
    "child-src": "frame or worker",
    "worker-src": "worker",
    "manifest-src": "manifest",
    "prefetch-src": "prefetch",
    "fenced-frame-src": "fenced frame",
    "base-uri": "base URL",
}
"""What a directive keeps from being loaded *from* somewhere."""

_OTHERWISE: Final = {
    "connect-src": "connection to",
    "form-action": "form submission to",
    "navigate-to": "navigation to",
    "frame-ancestors": "embedding of",
}
"""Directives about something else than loading, with their preposition."""

_INLINE: Final = {
    "default-src": "inline script or style",
    "script-src": "inline script",
    "script-src-elem": "inline script",
    "script-src-attr": "inline event handler",
    "style-src": "inline style",
    "style-src-elem": "inline style",
    "style-src-attr": "inline style attribute",
}

_KEYWORDS: Final = {
    "eval": "eval",
    "wasm-eval": "WebAssembly compilation",
    "trusted-types-policy": "Trusted Types policy",
    "trusted-types-sink": "untrusted value for a Trusted Types sink",
}


def title(violation: report.Report) -> str:
    """Return what was blocked: ``Blocked inline script``, ``Blocked image from tracker.example``."""
    return f"Blocked {_what(violation.directive, violation.blocked.text, violation.blocked.host)}"


def _what(directive: str, blocked: str, host: str) -> str:
    if blocked in _KEYWORDS:
        return _KEYWORDS[blocked]
    if blocked == "inline":
        return _INLINE.get(directive, f"inline code by {directive}")
    if blocked in {"", "self"}:
        return _unnamed(directive)
    # A bare name with a dot is a host that lost its scheme on the way; without one it is a scheme.
    place = host or (blocked if "." in blocked else f"{blocked}:")
    if directive in _OTHERWISE:
        return f"{_OTHERWISE[directive]} {place}"
    if directive in _FROM:
        return f"{_FROM[directive]} from {place}"
    return f"{place} by {directive}"


def _unnamed(directive: str) -> str:
    """Say what "" and ``self`` mean: browsers before CSP3 wrote them for inline code and for eval."""
    if directive in {"default-src", "script-src", "script-src-elem"}:
        return "inline script or eval"
    if directive in _INLINE:
        return _INLINE[directive]
    if directive in _OTHERWISE:
        return _OTHERWISE[directive].rpartition(" ")[0]
    return _FROM.get(directive, f"content by {directive}")
