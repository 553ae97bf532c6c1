"""The titles of CSP violations: what was blocked, in one line for a person."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from workers.families import reporting
from workers.text import sinks

if TYPE_CHECKING:
    from workers.model import report
    from workers.text import urls

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
"""Resources that a directive keeps from being loaded *from* a host."""

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
    "inline": "inline script",  # Firefox before 23: "inline script base restriction"
    "eval": "eval",  # and "eval script base restriction"
}

_SCRIPTS: Final = frozenset({"default-src", "script-src"})
"""Directives under which eval is reported, as inline code is; ``script-src-elem`` is about elements alone."""
_POLICY: Final = "trusted-types-policy"
_SINK: Final = "trusted-types-sink"
_KEYWORDS: Final = {
    "eval": "eval",
    "wasm-eval": "WebAssembly compilation",
    _POLICY: "Trusted Types policy",
    _SINK: "untrusted value for a Trusted Types sink",
}
_TYPED: Final = {"trusted-types": _POLICY, "require-trusted-types-for": _SINK}
"""The one thing that each directive of Trusted Types blocks, for reports that leave it out."""
_SELF: Final = frozenset({"", "self"})
"""Words of browsers before CSP3 for inline code and for eval alike."""
_HANDLER: Final = re.compile(r"on\w{1,32} attribute on ", re.ASCII)
"""The sample of old Firefox is no code here: ``onclick attribute on DIV element``."""
_EVAL: Final = "call to eval()"
"""Nor is it here: ``call to eval() or related function blocked by CSP``."""


def title(violation: report.Report) -> str:
    """Return what was blocked: ``Blocked inline script``, ``Blocked image from tracker.example``."""
    blocked = violation.blocked.text
    if blocked in _SELF:
        blocked = _TYPED.get(violation.directive, blocked)
    if blocked in _KEYWORDS:
        return f"Blocked {_KEYWORDS[blocked]}{_named(blocked, violation.sample)}"
    if blocked == "inline":
        inline = _INLINE.get(violation.directive) or f"inline code by {violation.directive}"
        return f"Blocked {inline}"
    if blocked in _SELF and not _is_unreadable(violation):
        return f"Blocked {_unnamed(violation.directive, violation.sample)}"
    return f"Blocked {_placed(violation)}"


def _is_unreadable(violation: report.Report) -> bool:
    """Return whether something is named as blocked, which nobody can read: it is no inline code."""
    return "blocked" in violation.details.get("nulled", "").split(",")


def _named(keyword: str, sample: str) -> str:
    """Return which policy was blocked, or into which sink an untrusted value would have gone."""
    if keyword == _SINK:
        sample = sinks.sink_of(sample)
    elif keyword != _POLICY:  # its sample is its name
        return ""
    return f": {reporting.shown(sample)}" if sample else ""


def _placed(violation: report.Report) -> str:
    """Return what was blocked from where, and whether that is the page's own origin."""
    directive, place = violation.directive, _place(violation.blocked)
    if directive == "frame-ancestors":  # what is said to be blocked is the page itself
        by = f" in {violation.referrer_host}" if violation.referrer_host else ""
        return f"{_OTHERWISE[directive]} {place}{by}"
    if _same_origin(violation.blocked, violation.document):
        place = f"the page's own origin, {place}"
    if directive in _OTHERWISE:
        return f"{_OTHERWISE[directive]} {place}"
    if directive in _FROM:
        return f"{_FROM[directive]} from {place}"
    return f"{place} by {directive}"


def _place(blocked: urls.URL) -> str:
    """Return the host; a bare name with a dot is one that lost its scheme, and one without is a scheme."""
    if not blocked.text:
        return "an unknown place"
    return blocked.host or (blocked.text if "." in blocked.text else f"{blocked.text}:")


def _same_origin(url: urls.URL, other: urls.URL) -> bool:
    if url.host != other.host or not url.host:
        return False
    return url.text.removesuffix(url.path) == other.text.removesuffix(other.path)


def _unnamed(directive: str, sample: str) -> str:
    """Return what "" and ``self`` mean, which the sample may tell."""
    if sample.startswith(_EVAL):
        return "eval"
    if directive in _SCRIPTS:
        return "inline event handler" if _HANDLER.match(sample) else "inline script or eval"
    if directive in _INLINE:
        return _INLINE[directive]
    if directive in _OTHERWISE:
        return _OTHERWISE[directive].rpartition(" ")[0]
    return _FROM.get(directive, f"content by {directive}")
