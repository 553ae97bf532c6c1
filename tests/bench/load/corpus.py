"""Reports of a busy site: requests in realistic proportions, the same for the same seed.

``realistic`` repeats itself as real traffic does: few pages, few blocked hosts and a handful of extensions
make most of the reports. ``distinct`` never repeats a report, so that nothing can be collapsed. Both yield
one report per request; ``batches`` yields Reporting API uploads that hold several.
"""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SITE: Final = "https://shop.example"
PLACES: Final = tuple(
    (environment, f"shop@{release}")
    for environment, releases in (
        ("production", ("4.18.0", "4.17.2", "4.17.1")),
        ("staging", ("4.19.0-rc.1",)),
    )
    for release in releases
)
"""The (environment, release) pairs that report."""

_VARIETY: Final = 20_000
"""Different reports in the realistic corpus."""
_SKEW: Final = 1.07
"""Exponent of the Zipf law by which they repeat: the most frequent one makes about a tenth of all."""
_CHROME: Final = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome"
_WEBKIT: Final = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_CERTIFICATE: Final = (
    "-----BEGIN CERTIFICATE-----\n" + "MIIBXjCCAQOgAwIBAgIIQH4H3JM2".ljust(1400, "A") + "\n-----END-----\n"
)

_CHROMES: Final = tuple(
    f"Mozilla/5.0 ({system}) {_CHROME}/{version}.0.0.0 {tail}"
    for system, tail in (
        ("Windows NT 10.0; Win64; x64", "Safari/537.36"),
        ("Linux; Android 10; K", "Mobile Safari/537.36"),
        ("Macintosh; Intel Mac OS X 10_15_7", "Safari/537.36"),
        ("Windows NT 10.0; Win64; x64", "Safari/537.36 Edg/150.0.0.0"),
        ("X11; Linux x86_64", "Safari/537.36"),
    )
    for version in (150, 149, 148, 147, 142, 137, 131)
)
_FIREFOXES: Final = tuple(
    f"Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
    for system in ("Windows NT 10.0; Win64; x64", "X11; Linux x86_64", "Macintosh; Intel Mac OS X 10.15")
    for version in (151, 150, 149, 140, 128)
)
_SAFARIS: Final = tuple(
    f"Mozilla/5.0 ({system}) {_WEBKIT} Version/{version} {tail}"
    for system, tail in (
        ("iPhone; CPU iPhone OS 18_7 like Mac OS X", "Mobile/15E148 Safari/604.1"),
        ("Macintosh; Intel Mac OS X 10_15_7", "Safari/605.1.15"),
    )
    for version in ("26.2", "26.1", "18.6", "17.4")
)

_DIRECTIVES: Final = {
    "script-src-elem": 34,
    "img-src": 18,
    "connect-src": 14,
    "style-src-elem": 9,
    "style-src-attr": 6,
    "font-src": 6,
    "script-src-attr": 4,
    "script-src": 4,
    "frame-src": 3,
    "media-src": 1,
    "worker-src": 1,
}
_KEYWORDS: Final = {
    "script-src-attr": "inline",
    "style-src-attr": "inline",
    "script-src": "eval",
    "worker-src": "blob",
}
_EXTENSIONS: Final = ("chrome-extension", "moz-extension", "safari-web-extension")


class Sample(NamedTuple):
    """One request: where it says it belongs, and what the browser sends."""

    environment: str
    release: str
    user_agent: str
    content_type: str
    body: bytes


class _Violation(NamedTuple):
    """One CSP violation before a browser has put it into its own words."""

    page: str
    directive: str
    blocked: str
    source: str
    line: int
    sample: str
    disposition: str
    policy: str
    referrer: str


def realistic(count: int, *, seed: int = 1) -> Iterator[Sample]:
    """Yield ``count`` requests of one report each, drawn from ``_VARIETY`` different ones by a Zipf law."""
    rng = random.Random(seed)
    site = _Site(rng)
    variety = [_single(site, rng) for _ in range(min(_VARIETY, count))]
    return _draw(variety, rng, count)


def drawn(variety: Sequence[Sample], count: int, *, seed: int = 1) -> Iterator[Sample]:
    """Yield ``count`` of these requests by the same law: the first one is the most frequent."""
    return _draw(variety, random.Random(seed), count)


def distinct(count: int, *, seed: int = 1) -> Iterator[Sample]:
    """Yield ``count`` requests of one report each, no two of which are equal in page or blocked URL."""
    rng = random.Random(seed)
    site = _Site(rng)
    for number in range(count):
        yield _single(site, rng, suffix=f"/{number:08x}")


def batches(count: int, *, seed: int = 1, size: int = 8) -> Iterator[Sample]:
    """Yield ``count`` Reporting API uploads of 1 to ``2 * size - 1`` CSP reports each."""
    rng = random.Random(seed)
    site = _Site(rng)
    for _ in range(count):
        agent = rng.choice(_CHROMES)
        reports = [_reporting_api(site.violation(), agent, rng) for _ in range(rng.randrange(1, 2 * size))]
        environment, release = _place(rng)
        body = msgspec.json.encode(reports)
        yield Sample(environment, release, agent, "application/reports+json", body)


class _Site:
    """The pages, third parties and policies of one large site, popular ones first."""

    def __init__(self, rng: random.Random) -> None:
        words = ("summer", "sale", "shoes", "account", "orders", "cart", "search", "help", "brand", "news")
        self._rng = rng
        self._pages = [f"{SITE}/{rng.choice(words)}/{rng.choice(words)}-{n}" for n in range(2_000)]
        self._hosts = [
            f"{rng.choice(words)}{n}.{rng.choice(('tracker', 'cdn', 'ads'))}.example" for n in range(300)
        ]
        self._policies = [_policy(rng, length) for length in (3, 8, 12, 20)]
        self._page_weights = _zipf(len(self._pages))
        self._host_weights = _zipf(len(self._hosts))

    def violation(self, suffix: str = "") -> _Violation:
        """Return a violation; a ``suffix`` makes its page and its blocked URL unlike all others."""
        rng = self._rng
        page = rng.choices(self._pages, cum_weights=self._page_weights)[0] + suffix
        (directive,) = rng.choices(tuple(_DIRECTIVES), tuple(_DIRECTIVES.values()))
        blocked = self._blocked(directive, suffix)
        return _Violation(
            page,
            directive,
            blocked,
            f"{SITE}/static/app.{rng.randrange(20)}.js" if blocked not in _EXTENSIONS else blocked,
            rng.randrange(1, 60),
            "window.dataLayer = window.dataLayer || []"[:40] if blocked == "inline" else "",
            "report" if rng.random() < 0.3 else "enforce",
            rng.choice(self._policies),
            "" if rng.random() < 0.4 else f"{SITE}/",
        )

    def _blocked(self, directive: str, suffix: str) -> str:
        rng = self._rng
        if directive in _KEYWORDS:
            return _KEYWORDS[directive]
        chance = rng.random()
        if chance < 0.22:
            return rng.choice(_EXTENSIONS)
        if chance < 0.40 and directive.endswith("-elem"):
            return "inline"
        host = rng.choices(self._hosts, cum_weights=self._host_weights)[0]
        return f"https://{host}/v{rng.randrange(4)}/{directive[:3]}{suffix}?site=shop&uid={rng.randrange(50)}"


def _single(site: _Site, rng: random.Random, suffix: str = "") -> Sample:
    environment, release = _place(rng)
    if rng.random() < 0.01:
        body = msgspec.json.encode(_expect_ct(rng, suffix))
        return Sample(
            environment, release, _CHROMES[-1], "application/expect-ct-report+json; charset=utf-8", body
        )
    agents, content_type, shape = rng.choices(_SENDERS, _SHARES)[0]
    agent = rng.choice(agents)
    body = msgspec.json.encode(shape(site.violation(suffix), agent, rng))
    return Sample(environment, release, agent, content_type, body)


def _place(rng: random.Random) -> tuple[str, str]:
    return rng.choices(PLACES, (70, 15, 10, 5))[0]


def _legacy(violation: _Violation, _agent: str, rng: random.Random) -> dict[str, Any]:
    return {
        "csp-report": {
            "document-uri": violation.page,
            "referrer": violation.referrer,
            "violated-directive": violation.directive,
            "effective-directive": violation.directive,
            "original-policy": violation.policy,
            "disposition": violation.disposition,
            "blocked-uri": violation.blocked,
            "line-number": violation.line,
            "column-number": rng.randrange(1, 90),
            "source-file": violation.source,
            "status-code": 200,
            "script-sample": violation.sample,
        }
    }


def _webkit_legacy(violation: _Violation, _agent: str, _rng: random.Random) -> dict[str, Any]:
    """Safari's ``report-uri``: neither a disposition nor a sample."""
    return {
        "csp-report": {
            "document-uri": violation.page,
            "referrer": violation.referrer,
            "violated-directive": violation.directive,
            "effective-directive": violation.directive,
            "original-policy": violation.policy,
            "blocked-uri": violation.blocked,
            "status-code": 0,
        }
    }


def _reporting_api(violation: _Violation, agent: str, rng: random.Random) -> dict[str, Any]:
    return {
        "age": rng.randrange(5, 60_000),
        "body": {
            "blockedURL": violation.blocked,
            "columnNumber": rng.randrange(1, 90),
            "disposition": violation.disposition,
            "documentURL": violation.page,
            "effectiveDirective": violation.directive,
            "lineNumber": violation.line,
            "originalPolicy": violation.policy,
            "referrer": violation.referrer,
            "sample": violation.sample,
            "sourceFile": violation.source,
            "statusCode": 200,
        },
        "type": "csp-violation",
        "url": violation.page,
        "user_agent": agent,
    }


def _reporting_api_array(violation: _Violation, agent: str, rng: random.Random) -> list[dict[str, Any]]:
    return [_reporting_api(violation, agent, rng)]


_SENDERS: Final = (
    (_CHROMES, "application/csp-report", _legacy),
    (_FIREFOXES, "application/csp-report", _legacy),
    (_SAFARIS, "application/csp-report", _webkit_legacy),
    (_CHROMES, "application/reports+json", _reporting_api_array),
    (_SAFARIS, "application/csp-report", _reporting_api),
)
_SHARES: Final = (52, 12, 20, 12, 4)


def _expect_ct(rng: random.Random, suffix: str) -> dict[str, Any]:
    return {
        "expect-ct-report": {
            "date-time": "2026-06-01T12:00:00.123Z",
            "hostname": f"host{rng.randrange(40)}{suffix.replace('/', '-')}.shop.example",
            "port": 443,
            "effective-expiration-date": "2026-07-01T12:00:00.000Z",
            "served-certificate-chain": [_CERTIFICATE] * 2,
            "validated-certificate-chain": [_CERTIFICATE] * 3,
            "scts": [],
        }
    }


def _policy(rng: random.Random, hosts: int) -> str:
    sources = " ".join(f"https://cdn{rng.randrange(100)}.partner.example" for _ in range(hosts))
    return (
        f"default-src 'self'; script-src 'self' 'report-sample' {sources}; style-src 'self'; "
        f"img-src 'self' {sources}; connect-src 'self'; report-uri https://reports.example/api/1/security/?sentry_key=0123456789abcdef"
    )


def _zipf(count: int) -> list[float]:
    return list(itertools.accumulate(1 / rank**_SKEW for rank in range(1, count + 1)))


def _draw(variety: Sequence[Sample], rng: random.Random, count: int) -> Iterator[Sample]:
    weights = _zipf(len(variety))
    while count > 0:
        chunk = min(count, 10_000)
        yield from rng.choices(variety, cum_weights=weights, k=chunk)
        count -= chunk
