"""Decides whether a report contradicts the policy that it carries. In doubt there is no contradiction."""

from __future__ import annotations

import enum
import functools
from typing import TYPE_CHECKING, Final

from workers.impossible import matching, policy

if TYPE_CHECKING:
    from workers.model import report
    from workers.text import urls


class Contradiction(enum.IntEnum):
    """How far a report contradicts its policy. The numbers are part of what makes two rows equal."""

    NONE = 0
    """The policy may have blocked the URL, or it is uncertain whether the policy allows it."""
    IMPOSSIBLE = 2
    """The policy allows the URL, and nothing else can have been blocked instead."""
    ALLOWED = 3
    """The policy allows the URL itself: a redirect led elsewhere, or the report is forged."""


_LISTS: Final = {
    name: tuple(chain.split())
    for name, chain in {
        "default-src": "default-src",
        "script-src": "script-src default-src",
        "script-src-elem": "script-src-elem script-src default-src",
        "script-src-attr": "script-src-attr script-src default-src",
        "style-src": "style-src default-src",
        "style-src-elem": "style-src-elem style-src default-src",
        "style-src-attr": "style-src-attr style-src default-src",
        "worker-src": "worker-src child-src script-src default-src",
        "child-src": "child-src default-src",
        "frame-src": "frame-src child-src default-src",
        "fenced-frame-src": "fenced-frame-src frame-src child-src default-src",
        "connect-src": "connect-src default-src",
        "font-src": "font-src default-src",
        "img-src": "img-src default-src",
        "manifest-src": "manifest-src default-src",
        "media-src": "media-src default-src",
        "object-src": "object-src default-src",
        "base-uri": "base-uri",
        "form-action": "form-action",
    }.items()
}
"""For each directive, the directives that may govern it: the first that a policy has does (CSP3 §6.8.3).

Reports of other directives are not compared: a report does not name the ancestor (``frame-ancestors``) or the
type (Trusted Types), and the meaning of ``prefetch-src`` has changed.
"""
_OTHER_LISTS: Final = {
    "worker-src": (("worker-src", "child-src", "default-src"),),
    "child-src": (_LISTS["frame-src"], _LISTS["worker-src"]),
    "script-src": (_LISTS["script-src-elem"], _LISTS["script-src-attr"]),
    "style-src": (_LISTS["style-src-elem"], _LISTS["style-src-attr"]),
}
"""Further directives that may govern a directive, in browsers that lack it or report it under another name:
all lists must allow the URL."""
_CODE: Final = frozenset({*_LISTS["script-src-elem"], "script-src-attr"})
_STYLE: Final = frozenset({"style-src", "style-src-elem", "style-src-attr"})
_SCRIPT_LIKE: Final = _CODE | {"worker-src", "child-src"}
_EVAL: Final = frozenset({"eval", "wasm-eval"})

_Paths = tuple[str, ...]
_ANSWERS: Final = 128
"""Pairs of origins that are remembered for each policy and directive."""


def of_report(found: report.Report, *, verbatim: bool = False) -> Contradiction:
    """Compare a CSP report with the policy that it carries; any other report contradicts none.

    Args:
        found: the report, not scrubbed yet: policies speak of URLs as they are.
        verbatim: see ``reports_verbatim``.
    """
    if not found.policy_sent or found.kind != "csp":
        return Contradiction.NONE
    return compare(found.policy_sent, found.directive, found.blocked, found.document, verbatim=verbatim)


def compare(
    text: str, directive: str, blocked: urls.URL, document: urls.URL, *, verbatim: bool = False
) -> Contradiction:
    """Return whether a browser that obeys this policy can have blocked this URL.

    Browsers report the URL that was asked for, not the one that a redirect led to, which may be any. So a URL
    that redirects is never impossible but where no directive governs it at all.

    Args:
        text: the policy as it was reported.
        directive: the effective directive, in lower case.
        blocked: the URL, scheme or keyword that was blocked.
        document: the page.
        verbatim: whether the text is surely what the site sent, see ``reports_verbatim``.
    """
    lists = _governing_lists(text, directive, verbatim)
    return lists.contradiction(blocked, document) if lists else Contradiction.NONE


@functools.lru_cache(maxsize=2048)
def reports_verbatim(user_agent: str) -> bool:
    """Return whether a browser surely reports policies as they were sent: Chromium and Safari do."""
    return "AppleWebKit/" in user_agent and "Gecko/" not in user_agent


@functools.lru_cache(maxsize=128)
def _policy(text: str, verbatim: bool) -> policy.Policy | None:  # noqa: FBT001 - a cache takes no keywords
    return policy.parse(text, verbatim=verbatim)


@functools.lru_cache(maxsize=256)
def _governing_lists(text: str, directive: str, verbatim: bool) -> _GoverningLists | None:  # noqa: FBT001 - a cache takes no keywords
    """Return the lists that govern a directive; None if the text or the directive cannot be compared."""
    if directive not in _LISTS:
        return None
    parsed = _policy(text, verbatim)
    return _GoverningLists(parsed, directive) if parsed else None


class _GoverningLists:
    """The source lists of one policy that govern one directive, and the latest answers that they gave."""

    def __init__(self, parsed: policy.Policy, directive: str) -> None:
        chains = (_LISTS[directive], *_OTHER_LISTS.get(directive, ()))
        self._listed = _governing(parsed, chains)
        code = _governing(parsed, (_LISTS["script-src"],)) if directive in _CODE else []
        self._sandboxed = "sandbox" in parsed.directives
        self._final = directive == "base-uri"  # nothing is fetched, so nothing redirects
        self._ungoverned = Contradiction.IMPOSSIBLE if parsed.known else Contradiction.NONE
        self._inline = _certain(directive in _CODE | _STYLE and all(map(_allows_inline, self._listed)))
        self._eval = _certain(directive in _CODE and all(map(_allows_eval, code)) and (code or parsed.known))
        # With 'strict-dynamic' the address of a script does not count, but the script that inserted it.
        self._by_address = not any(
            listed.strange or (listed.dynamic and directive in _SCRIPT_LIKE) for listed in self._listed
        )
        self._known: dict[tuple[str, str], list[_Paths]] = {}

    def contradiction(self, blocked: urls.URL, document: urls.URL) -> Contradiction:
        """Return whether a browser can have blocked this URL on that page."""
        if blocked.text in _EVAL:
            return self._eval
        if not self._listed:
            return self._ungoverned
        if blocked.text == "inline":
            return self._inline
        if not self._by_address:
            return Contradiction.NONE
        origin = _origin(blocked)
        for paths in self._paths(origin, _origin(document)):
            if not paths or not any(matching.path(pattern, blocked.path) for pattern in paths):
                return Contradiction.NONE
        redirects = not self._final and matching.origin(origin).scheme in matching.NETWORK
        return Contradiction.ALLOWED if redirects else Contradiction.IMPOSSIBLE

    def _paths(self, blocked: str, document: str) -> list[_Paths]:
        """Return for each list the path-parts under which an origin is allowed; none at all if it is not."""
        key = (blocked, document)
        paths = self._known.get(key)
        if paths is None:
            if len(self._known) >= _ANSWERS:
                self._known.clear()
            url, self_origin = matching.origin(blocked), matching.origin(document)
            paths = self._known[key] = [
                matching.paths(listed, url, self_origin, sandboxed=self._sandboxed or self._final)
                for listed in self._listed
            ]
        return paths


def _origin(url: urls.URL) -> str:
    """Return the origin of a URL as text, or the keyword."""
    return url.text[: -len(url.path)] if url.path else url.text


def _governing(parsed: policy.Policy, chains: tuple[tuple[str, ...], ...]) -> list[policy.Sources]:
    """Return, for each chain, the source list of the first of its directives that the policy has."""
    names = {next((name for name in chain if name in parsed.directives), "") for chain in chains}
    return [policy.sources(parsed.directives[name]) for name in sorted(names - {""})]


def _certain(allowed: object) -> Contradiction:
    return Contradiction.IMPOSSIBLE if allowed else Contradiction.NONE


def _allows_eval(listed: policy.Sources) -> bool:
    """Return whether a list allows eval: by ``'unsafe-eval'``, for older browsers know no newer keyword."""
    return not listed.strange and "'unsafe-eval'" in listed.keywords


def _allows_inline(listed: policy.Sources) -> bool:
    """Return whether a list allows inline code: by ``'unsafe-inline'``, unless overridden (CSP3 §6.7.3.2).

    ``'strict-dynamic'`` overrides it for styles too where the list is that of ``default-src`` (Chromium).
    """
    overridden = listed.guarded or listed.dynamic or listed.strange
    return "'unsafe-inline'" in listed.keywords and not overridden
