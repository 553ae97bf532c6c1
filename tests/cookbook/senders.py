"""What comes in beside the visits: noise, old programs, a forger, and what is no report."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from tests.cookbook import calendar, happenings, people, story, visits, wire
from tests.helpers import payloads

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXTENSION: Final = happenings.enforced("script-src-elem", "chrome-extension")
_COUPONS: Final = happenings.enforced("connect-src", "https://v.joinhoney.com/stores")
_CRAWLER: Final = people.Browser(
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; "
    "+http://www.google.com/bot.html) Chrome/142.0.0.0 Safari/537.36",
    people.Wire.CHROMIUM,
    0,
)
_KIOSK: Final = people.Browser(
    "Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/105.0.0.0 Safari/537.36",
    people.Wire.CHROMIUM,
    0,
)
_APP: Final = people.Browser("ShopApp/5.2 CFNetwork/3826.600.41 Darwin/24.6.0", people.Wire.SAFARI, 0)


def noise(dice: people.Dice) -> Iterator[wire.Sent]:
    """Yield what extensions, filters, translators and a crawler make browsers report."""
    coupons = [people.Person(f"coupons {number}", people.CHROME) for number in range(6)]
    filtered = [people.Person(f"filtered {number}", people.FIREFOX) for number in range(9)]
    translated = [people.Person(f"translated {number}", people.CHROME) for number in range(14)]
    crawlers = [people.Person(f"crawler {number}", _CRAWLER) for number in range(3)]
    for day in range(9, 9 + calendar.DAYS):
        for person in coupons:
            for _ in range(4):
                yield from _noisy(dice, person, day, [_EXTENSION] * 9 + [_COUPONS] * 3)
        for person in filtered:
            yield from _noisy(dice, person, day, [story.KASPERSKY])
        for person in translated:
            yield from _noisy(dice, person, day, [story.TRANSLATED])
        for person in crawlers:
            yield from _noisy(dice, person, day, [story.BLOCKED[0].makes])


def _noisy(
    dice: people.Dice, person: people.Person, day: int, makes: list[happenings.Makes]
) -> Iterator[wire.Sent]:
    when = calendar.at(day, 7 + dice.below(13))
    release = calendar.in_production(when)
    view = happenings.View(when, calendar.PRODUCTION, "/product", release, release.policy, "")
    seen = [wire.Seen(when + number, view.page, make(view)) for number, make in enumerate(makes)]
    yield from wire.sent(_place(release), person, seen, 30)


def flood(dice: people.Dice) -> Iterator[wire.Sent]:
    """Yield the reports of a forger: one sender, no browser that is there, four minutes long."""
    forger = people.Person("forger", people.CHROME)
    begun = calendar.at(17, 13.25)
    release = calendar.in_production(begun)
    directives = ("style-src-elem", "img-src", "script-src-elem")
    for number in range(900):
        at = begun + number * 0.25
        directive = dice.one_of(directives)
        made_up = f"https://cdn{int(dice.below(40))}.malware.example/x.js"
        blocked = {"style-src-elem": "inline", "img-src": "data"}.get(directive, made_up)
        violation = wire.Violation(directive, blocked, release.policy)
        view = wire.Seen(at, f"{calendar.PRODUCTION}/checkout", violation)
        yield from wire.sent(_place(release), forger, [view], 0)


def chains(dice: people.Dice) -> Iterator[wire.Sent]:
    """Yield what old browsers and an app report of certificates: the CDN's while its chain is broken."""
    for number in range(9):
        at = calendar.at(15, 2.5 + 0.8 * number)
        body = {"expect-ct-report": _certificate(at, "cdn.shop.example") | {"scts": []}}
        kiosk = people.Person(f"kiosk {number % 4}", _KIOSK)
        yield _sent(at, kiosk, body, "application/expect-ct-report+json; charset=utf-8")
    for day in (12, 16, 20):
        at = calendar.at(day, 8 + dice.below(9))
        pins = {"known-pins": ['pin-sha256="R++iZANJ+ffi/r9ec0dy9+hrxdr9fH/EJTBCUhbX6FQ="']}
        named = {"noted-hostname": "shop.example", "include-subdomains": True, "app-bundle-id": "shop.app"}
        yield _sent(
            at, people.Person(f"app {day}", _APP), _certificate(at, "api.shop.example") | pins | named
        )
    at = calendar.at(15, 4)
    staple = _certificate(at, "cdn.shop.example") | {"response-status": "MISSING"}
    yield _sent(at, people.Person("kiosk 1", _KIOSK), staple)
    tested = {"expect-ct-report": _certificate(at, "cdn.shop.example") | {"test-report": True, "scts": []}}
    yield _sent(at, people.Person("operator", people.CHROME), tested)


def _certificate(at: float, hostname: str) -> dict[str, Any]:
    when = dt.datetime.fromtimestamp(at, dt.UTC)
    return {
        "date-time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "effective-expiration-date": "2026-12-31T00:00:00.000Z",
        "hostname": hostname,
        "port": 443,
        "served-certificate-chain": [payloads.PEM],
        "validated-certificate-chain": [],
    }


def mistakes(dice: people.Dice) -> Iterator[wire.Sent]:
    """Yield what is no report of the shop: other events, reports without sense, other people's pages."""
    for day in range(9, 9 + calendar.DAYS):
        sender = people.Person(f"tracker {day}", people.CHROME)
        for number in range(3 if day < 16 else 11):
            at = calendar.at(day, 10 + 0.1 * number)
            yield _sent(at, sender, {"event": "page_view", "page": "/cart", "number": number})
    for day in (10, 14, 21):
        at = calendar.at(day, 11 + dice.below(5))
        yield _sent(
            at,
            people.Person("script", people.CHROME),
            {"csp-report": {"document-uri": "https://shop.example/"}},
        )
    developer = people.Person("developer", people.CHROME)
    for number in range(40):
        at = calendar.at(16, 9 + 0.2 * number)
        release = calendar.in_production(at)
        view = happenings.View(at, "http://localhost:3000", "/", release, release.policy, "")
        seen = [wire.Seen(at, view.page, story.BLOCKED[0].makes(view))]
        place = wire.Place(visits.SHOP, visits.STAGING_KEY, "development", "")
        yield from wire.sent(place, developer, seen, 30)


def late(dice: people.Dice) -> Iterator[wire.Sent]:
    """Yield what the browsers of travellers send when they are home again: reports of two days before."""
    for number in range(12):
        traveller = people.Person(f"traveller {number}", people.CHROME)
        when = calendar.at(18, 17 + 3 * dice.below(1))
        release = calendar.in_production(when)
        view = happenings.View(when, calendar.PRODUCTION, "/", release, release.policy, "")
        seen = [wire.Seen(when + 40 * page, view.page, story.BLOCKED[0].makes(view)) for page in range(5)]
        yield from wire.sent(_place(release), traveller, seen, 2 * calendar.DAY_S)


def again(received: list[wire.Sent]) -> Iterator[wire.Sent]:
    """Yield the uploads of browsers that got no answer once, and sent the same a minute later."""
    outage = (calendar.at(19, 11), calendar.at(19, 11.5))
    for one in received:
        known = one.payload
        if outage[0] <= one.at < outage[1] and known.sender:
            yield wire.Sent(one.at + 60, wire.older(known, 60))


def _sent(
    at: float, person: people.Person, body: object, content_type: str = "application/json"
) -> wire.Sent:
    place = _place(calendar.in_production(at))
    return wire.Sent(at, wire.payload(place, person, at, body, content_type))


def _place(release: calendar.Release) -> wire.Place:
    return wire.Place(visits.SHOP, visits.KEY, "production", release.name)
