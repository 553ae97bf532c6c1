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
_EVAL: Final = {
    "eval": frozenset({"'unsafe-eval'"}),
    "wasm-eval": frozenset({"'unsafe-eval'", "'wasm-unsafe-eval'"}),
}

_Paths = tuple[str, ...]
_NONE: Final[_Paths] = ()
_ALL: Final[_Paths] = ("",)


def impossible(found: report.Report) -> bool:
    """Say whether the policy of a CSP report plainly allows what is said to have been blocked.

    Of several policies in one text all must: which of them reported is not known. The report must not be
    scrubbed yet: policies speak of URLs as they are.

    Warning: browsers report the address before redirects, so one that is allowed itself may have led to one
    that is not. Paths are compared as if nothing had redirected, which never allows too much.
    """
    if not found.policy or found.kind != "csp":
        return False
    blocked = found.blocked
    demanded = _demanded(found.policy, found.directive, _origin(blocked), _origin(found.document))
    if not demanded:
        return False
    return all(_one_matches(paths, blocked.path) for paths in demanded)


def _one_matches(paths: _Paths, asked: str) -> bool:
    return any(matching.path(pattern, asked) for pattern in paths)


def _origin(url: urls.URL) -> str:
    """Return what stands before the path, or the keyword."""
    return url.text[: -len(url.path)] if url.path else url.text


@functools.lru_cache(maxsize=2048)
def _demanded(text: str, directive: str, blocked: str, document: str) -> tuple[_Paths, ...]:
    """Return for each policy the path-parts of which one must match; nothing if any policy forbids.

    It is the same for all paths, and so remembered for many reports.
    """
    chain = _CHAINS.get(directive)
    if chain is None or len(text) > _MAX_POLICY:
        return ()
    demanded = tuple(_allowed(one, directive, blocked, document) for one in policy.parse(text))
    return demanded if all(demanded) else ()


def _allowed(one: policy.Policy, directive: str, blocked: str, document: str) -> _Paths:
    """Return the path-parts under which a policy allows what was blocked; none at all if it does not."""
    if blocked in _EVAL:
        return _ALL if directive in _CODE and _allows_eval(one, _EVAL[blocked]) else _NONE
    listed = _governing(one, _CHAINS[directive])
    if listed is None:
        return _ALL
    if blocked == "inline":
        return _ALL if _allows_inline(listed, directive) else _NONE
    if directive in _SCRIPT_LIKE and "'strict-dynamic'" in listed.keywords:
        return _NONE  # addresses do not count then, but who inserted the script
    url, self_origin = matching.origin(blocked), matching.origin(document)
    return matching.paths(listed, url, self_origin, sandboxed="sandbox" in one)


def _governing(one: policy.Policy, chain: tuple[str, ...]) -> policy.Sources | None:
    """Return the source list of the first of these directives that the policy has; None if it has none."""
    for name in chain:
        if name in one:
            return policy.sources(one[name])
    return None


def _allows_eval(one: policy.Policy, keywords: frozenset[str]) -> bool:
    listed = _governing(one, _CHAINS["script-src"])
    return listed is None or not listed.keywords.isdisjoint(keywords)


def _allows_inline(listed: policy.Sources, directive: str) -> bool:
    """``'unsafe-inline'``, unless something more exact overrides it (CSP3 §6.7.3.2)."""
    if directive not in _CODE | _STYLE or listed.guarded or "'unsafe-inline'" not in listed.keywords:
        return False
    return directive in _STYLE or "'strict-dynamic'" not in listed.keywords
