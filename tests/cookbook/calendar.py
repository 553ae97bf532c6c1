"""The two weeks of the shop: its releases, the policies that they serve, and where its pages are."""

from __future__ import annotations

import bisect
import datetime as dt
from typing import Final, NamedTuple

FIRST: Final = dt.datetime(2026, 11, 9, tzinfo=dt.UTC)
"""Monday of the first week."""
DAYS: Final = 14
DAY_S: Final = 86_400
STAGED_S: Final = DAY_S
"""A release is on staging for a day before it is in production."""


def at(day: int, hour: float = 0) -> float:
    """Return a time of November 2026 in seconds since the epoch."""
    return FIRST.timestamp() + (day - FIRST.day) * DAY_S + hour * 3600


_TAIL: Final = "report-to headrace"
_BEFORE_PAY: Final = (
    "default-src 'self'; script-src 'self' 'report-sample' https://tags.example; "
    "style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data: https://cdn.shop.example; connect-src 'self' https://stats.example; "
    "frame-src https://js.pay.example https://maps.example; form-action 'self'; base-uri 'none'; "
    f"object-src 'none'; frame-ancestors 'none'; {_TAIL}"
)
WITH_PAY: Final = _BEFORE_PAY.replace("https://tags.example;", "https://tags.example https://js.pay.example;")
STRICT: Final = (
    "script-src 'nonce-{nonce}' 'strict-dynamic' 'report-sample'; style-src 'self'; base-uri 'none'; "
    f"object-src 'none'; require-trusted-types-for 'script'; {_TAIL}"
)
"""The policy of which the shop asks what it would break."""


class Release(NamedTuple):
    """A release: its name, when it came into production, and what policies the shop's pages have since.

    Attributes:
        name: its name.
        since: seconds since the epoch.
        policy: the policy that is enforced on ``shop.example``.
        mobile: the one on ``m.shop.example``, which is looked after by others.
        strict: whether pages have the policy ``STRICT`` too, which only reports.
    """

    name: str
    since: float
    policy: str
    mobile: str
    strict: bool = False


RELEASES: Final = (
    Release("8.0", at(1), _BEFORE_PAY, _BEFORE_PAY),
    Release("8.1", at(11, 9), _BEFORE_PAY, _BEFORE_PAY),
    Release("8.2", at(13, 15), WITH_PAY, _BEFORE_PAY),
    Release("8.3", at(16, 10), WITH_PAY, _BEFORE_PAY, strict=True),
    Release("8.3.1", at(18, 16), WITH_PAY, WITH_PAY, strict=True),
    Release("8.4", at(24), WITH_PAY, WITH_PAY, strict=True),
)
"""In their order; the last one is on staging when the two weeks end."""
STAGED: Final = {"8.4": at(20, 9)}
"""When releases came to staging that came there earlier than a day before."""

PRODUCTION: Final = "https://shop.example"
MOBILE: Final = "https://m.shop.example"
STAGING: Final = "https://staging.shop.example"


def in_production(when: float) -> Release:
    """Return the release that was in production at a time, in seconds since the epoch."""
    return RELEASES[bisect.bisect([release.since for release in RELEASES], when) - 1]


def on_staging(when: float) -> Release:
    """Return the release that was on staging at a time, in seconds since the epoch."""
    begun = [STAGED.get(release.name, release.since - STAGED_S) for release in RELEASES]
    return RELEASES[bisect.bisect(begun, when) - 1]
