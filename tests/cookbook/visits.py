"""The visits of two weeks: who looks at which pages when, and what their browsers send of that."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from tests.cookbook import calendar, happenings, people, story, wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SHOP: Final = 1
"""Id of the project of the shop."""
KEY: Final = "8f14e45fceea167a5a36dedd4bea2543"
"""The public key in the shop's headers."""
STAGING_KEY: Final = "c9f0f895fb98ab9159f51fd0297e236d"
"""The one in the headers of its staging."""

_PATHS: Final = (
    *("/", "/", "/", "/search", "/search", "/product", "/product", "/product", "/cart", "/cart"),
    *("/checkout", "/checkout", "/checkout", "/account", "/help", "/stores"),
)
"""Pages, each as often as it is looked at."""
_AT_HOME: Final = (*story.BLOCKED, *story.STRICT, *story.OTHER, *story.NETWORK)
_PAGE_S: Final = 70
"""Seconds on a page, about."""


def shop(dice: people.Dice) -> Iterator[wire.Sent]:
    """Yield what visitors of the shop send, in no order of time."""
    visitors = people.crowd("visitor", 400, dice)
    for day in range(calendar.FIRST.day, calendar.FIRST.day + calendar.DAYS):
        for person in visitors:
            if dice.happens(0.22):
                yield from _visit(dice, person, day)


def staging(dice: people.Dice) -> Iterator[wire.Sent]:
    """Yield what the shop's own testers send from its staging."""
    testers = [people.Person("tester 1", people.CHROME), people.Person("tester 2", people.FIREFOX)]
    for day, person in itertools.product(range(9, 9 + calendar.DAYS), testers):
        start = calendar.at(day, 9 + dice.below(7))
        release = calendar.on_staging(start)
        place = wire.Place(SHOP, STAGING_KEY, "staging", release.name)
        for number in range(14):
            when = start + number * _PAGE_S
            path = dice.one_of(_PATHS)
            view = happenings.View(when, calendar.STAGING, path, release, release.policy, f"s{number}")
            yield from look(dice, place, person, view, [*story.BLOCKED, *story.STRICT, *story.OTHER])


def look(
    dice: people.Dice,
    place: wire.Place,
    person: people.Person,
    view: happenings.View,
    known: Iterable[happenings.Happening],
) -> Iterator[wire.Sent]:
    """Yield what somebody's browser sends of one view of a page."""
    seen = []
    for happening in known:
        if happening.is_due(view, person) and dice.happens(happening.share):
            referrer = "https://ads.example/" if view.path == "/account" else ""
            at = view.at + round(dice.below(9), 3)
            seen.append(wire.Seen(at, view.page, happening.makes(view), referrer))
    if seen:
        waits = 4 if person.browser.wire is people.Wire.FIREFOX else 20 + dice.below(40)
        yield from wire.sent(place, person, sorted(seen, key=_time), waits)


def _visit(dice: people.Dice, person: people.Person, day: int) -> Iterator[wire.Sent]:
    start = calendar.at(day, 6 + dice.below(9) + dice.below(9) - (4 if dice.happens(0.1) else 0))
    mobile = "Mobile" in person.browser.user_agent and dice.happens(0.5)
    for number in range(2 + int(dice.below(4))):
        when = start + number * _PAGE_S + dice.below(30)
        release = calendar.in_production(when)
        view = happenings.View(
            when,
            calendar.MOBILE if mobile else calendar.PRODUCTION,
            dice.one_of(_PATHS),
            release,
            release.mobile if mobile else release.policy,
            f"{int(dice.below(1e9)):x}",
        )
        yield from look(dice, wire.Place(SHOP, KEY, "production", release.name), person, view, _known(view))


def _known(view: happenings.View) -> Sequence[happenings.Happening]:
    """Return what can happen in a view: the mobile pages are others, and load what they load otherwise."""
    if view.host == calendar.MOBILE:
        lacks_pay = view.release.name != "8.0" and view.policy == calendar.RELEASES[0].policy
        return [*story.BLOCKED[:2], *story.NETWORK, *([story.PAY] if lacks_pay else [])]
    pay = [story.PAY] if view.release.name == "8.1" else []
    return [*_AT_HOME, *story.ATTACK, *pay]


def _time(one: wire.Seen) -> float:
    return one.at
