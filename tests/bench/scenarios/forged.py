"""The share of forged reports that the policy which they carry betrays; it is no speed.

An attacker has the page's policy, for every visitor has it, and makes up the rest of a report: a directive,
and something that it is said to have blocked. If the policy forbids that, the report looks like a true one.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Final

from tests.bench.measuring.report import Measurement
from workers import impossible
from workers.text import urls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bench.measuring.scale import Scale

_REPORTS: Final = 20_000
_SEED: Final = 1
_PAGE: Final = "https://www.shop.example/checkout"
_POLICIES: Final = (
    "default-src 'self'",
    "default-src 'self'; img-src *; report-uri /csp",
    "default-src https:; script-src https: 'unsafe-inline' 'unsafe-eval'; style-src https: 'unsafe-inline'",
    "default-src 'self' https: data: 'unsafe-inline' 'unsafe-eval'",
    "default-src * data: blob: 'unsafe-inline' 'unsafe-eval'",
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self'",
    "script-src 'nonce-r4nd0m' 'strict-dynamic' https: 'unsafe-inline'; object-src 'none'; base-uri 'none'",
    "script-src 'self' https://cdn.example https://www.google.com/recaptcha/; object-src 'none'",
    "frame-ancestors 'self'; upgrade-insecure-requests",
    "img-src 'self' data: *.cdn.example; script-src 'self' 'unsafe-eval' cdn.example; font-src data:",
    "default-src 'self' *.shop.example cdn.example; frame-src https://pay.example; base-uri 'self'",
    "form-action 'self' https://pay.example; style-src 'self' 'unsafe-inline'",
    "worker-src 'self' blob:; child-src blob:; script-src 'self' blob:; img-src 'self' blob:",
)
_DIRECTIVES: Final = (
    *("script-src-elem", "script-src-attr", "script-src", "style-src-elem", "style-src-attr", "img-src"),
    *("connect-src", "font-src", "frame-src", "media-src", "object-src", "worker-src", "form-action"),
    *("base-uri", "manifest-src"),
)
_BLOCKED: Final = (
    *("https://www.shop.example/a.js", "https://cdn.example/b.js", "https://img.cdn.example/c.png"),
    *("https://pay.example/", "https://evil.example/x", "http://evil.example/x", "wss://www.shop.example/s"),
    *("inline", "eval", "data", "blob"),
)
_ALLOWED: Final = impossible.Contradiction.ALLOWED
_IMPOSSIBLE: Final = impossible.Contradiction.IMPOSSIBLE


def found_out(count: int = _REPORTS) -> Counter[impossible.Contradiction]:
    """Return how many of so many forged reports contradict themselves, and how far."""
    rng = random.Random(_SEED)
    page = urls.clean(_PAGE)
    forged = (tuple(map(rng.choice, (_POLICIES, _DIRECTIVES, _BLOCKED))) for _ in range(count))
    return Counter(
        impossible.compare(policy, directive, urls.clean(blocked), page, verbatim=True)
        for policy, directive, blocked in forged
    )


def run(_scale: Scale, _directory: Path) -> Iterator[Measurement]:
    """Forge reports of a dozen common policies, and evaluate them."""
    found = found_out()
    for what, count in (
        ("impossible", found[_IMPOSSIBLE]),
        ("impossible, or a redirect", found[_IMPOSSIBLE] + found[_ALLOWED]),
    ):
        yield Measurement(
            scenario="forged reports",
            what=what,
            values=(100 * count / found.total(),),
            unit="% of all",
            bar=None,
            note="the rest says what its policy forbids, or may",
        )
