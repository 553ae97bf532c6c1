"""Whether a policy plainly allows what it is said to have blocked; what it leaves open counts as a no."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from workers.impossible import matching, policy

if TYPE_CHECKING:
    from workers import report, urls

_MAX_POLICY: Final = 12_000
"""Characters of a policy that is read. Longer ones may have been cut, and what is missing may forbid."""

_CHAINS: Final = {
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
"""The directives that may govern what a directive is about, the first that is there does (CSP3 §6.8.3).

Others are not judged: of ``frame-ancestors`` a report does not name the ancestor, of Trusted Types not the
type, and what ``prefetch-src`` meant has changed.
"""
_CODE: Final = frozenset({*_CHAINS["script-src-elem"], "script-src-attr"})
_STYLE: Final = frozenset({"style-src", "style-src-elem", "style-src-attr"})
_SCRIPT_LIKE: Final = _CODE | {"worker-src", "child-src"}
_EVAL: Final = frozenset({"'unsafe-eval'"})
_WASM_EVAL: Final = _EVAL | {"'wasm-unsafe-eval'"}

_Paths = tuple[str, ...]
_NONE: Final[_Paths] = ()
_ALL: Final[_Paths] = ("",)
_ANSWERS: Final = 256
"""Pairs of origins that are remembered for each policy and directive."""


def impossible(found: report.Report) -> bool:
    """Say whether the policy of a CSP report plainly allows what is said to have been blocked.

    Of several policies in one text all must: which of them reported is not known. The report must not be
    scrubbed yet: policies speak of URLs as they are.

    Warning: browsers report the address before redirects, so one that is allowed itself may have led to one
    that is not. Paths are compared as if nothing had redirected, which never allows too much.
    """
    if not found.policy or found.kind != "csp":
        return False
    rulings = _rulings(found.policy, found.directive)
    if not rulings:
        return False
    blocked, document = _origin(found.blocked), _origin(found.document)
    for ruling in rulings:
        paths = ruling.paths(blocked, document)
        if not paths or not any(matching.path(pattern, found.blocked.path) for pattern in paths):
            return False
    return True


def _origin(url: urls.URL) -> str:
    """Return what stands before the path, or the keyword."""
    return url.text[: -len(url.path)] if url.path else url.text


@functools.lru_cache(maxsize=128)
def _rulings(text: str, directive: str) -> tuple[_Ruling, ...]:
    """Return what each policy of a text says under a directive; nothing if that cannot be told."""
    if directive not in _CHAINS or len(text) > _MAX_POLICY:
        return ()
    return tuple(_Ruling(one, directive) for one in policy.parse(text))


class _Ruling:
    """What one policy says under one directive; it remembers its latest answers."""

    def __init__(self, one: policy.Policy, directive: str) -> None:
        self._listed = listed = _governing(one, _CHAINS[directive])
        self._sandboxed = "sandbox" in one
        # With it addresses do not count, but who inserted the script.
        self._dynamic = directive in _SCRIPT_LIKE and listed is not None and _is_dynamic(listed)
        self._keywords = {
            "eval": _ALL if directive in _CODE and _allows_eval(one, _EVAL) else _NONE,
            "wasm-eval": _ALL if directive in _CODE and _allows_eval(one, _WASM_EVAL) else _NONE,
            "inline": _ALL if listed is None or _allows_inline(listed, directive) else _NONE,
        }
        self._known: dict[tuple[str, str], _Paths] = {}

    def paths(self, blocked: str, document: str) -> _Paths:
        """Return the path-parts under which an origin or keyword is allowed; none at all if it is not."""
        key = (blocked, document)
        paths = self._known.get(key)
        if paths is None:
            if len(self._known) >= _ANSWERS:
                self._known.clear()
            paths = self._known[key] = self._paths(blocked, document)
        return paths

    def _paths(self, blocked: str, document: str) -> _Paths:
        if blocked in self._keywords:
            return self._keywords[blocked]
        if self._listed is None:
            return _ALL
        if self._dynamic:
            return _NONE
        url, self_origin = matching.origin(blocked), matching.origin(document)
        return matching.paths(self._listed, url, self_origin, sandboxed=self._sandboxed)


def _governing(one: policy.Policy, chain: tuple[str, ...]) -> policy.Sources | None:
    """Return the source list of the first of these directives that the policy has; None if it has none."""
    for name in chain:
        if name in one:
            return policy.sources(one[name])
    return None


def _is_dynamic(listed: policy.Sources) -> bool:
    """Return whether scripts are allowed otherwise than by address: who inserted them, hashes of those."""
    return "'strict-dynamic'" in listed.keywords or any(word.startswith("'url-") for word in listed.keywords)


def _allows_eval(one: policy.Policy, keywords: frozenset[str]) -> bool:
    listed = _governing(one, _CHAINS["script-src"])
    if listed is None:
        return True
    by_hash = any(
        word.startswith("'eval-") for word in listed.keywords
    )  # with it 'unsafe-eval' does not count
    return not by_hash and not listed.keywords.isdisjoint(keywords)


def _allows_inline(listed: policy.Sources, directive: str) -> bool:
    """``'unsafe-inline'``, unless something more exact overrides it (CSP3 §6.7.3.2)."""
    if directive not in _CODE | _STYLE or listed.guarded or "'unsafe-inline'" not in listed.keywords:
        return False
    return directive in _STYLE or not _is_dynamic(listed)
