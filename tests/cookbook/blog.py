"""The second project: a blog that samples its reports, drops its noise, and deploys too often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.cookbook import calendar, happenings, people, wire

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOG: Final = 2
"""Id of the project of the blog."""
KEY: Final = "45c48cce2e2d7fbdea1afc51c7c6ad26"
"""Its public key."""
HOST: Final = "https://blog.example"
_POLICY: Final = "default-src 'self'; img-src 'self'; report-to headrace"
_RELEASE: Final = calendar.Release("", 0, _POLICY, _POLICY)
_PIXEL: Final = happenings.enforced("img-src", "https://px.adnet.example/p.gif", ("#", 9, 1))
_VIDEO: Final = happenings.enforced("frame-src", "https://video.example/embed/7", ("#", 30, 1))
_EXTENSION: Final = happenings.enforced("style-src-elem", "moz-extension")


def readers(dice: people.Dice) -> Iterator[wire.Sent]:
    """Yield what the readers of the blog send: a pixel in every post, and a video in some."""
    crowd = people.crowd("reader", 160, dice)
    for day in range(9, 9 + calendar.DAYS):
        for person in crowd:
            if dice.happens(0.25):
                yield from _read(dice, person, day)


def _read(dice: people.Dice, person: people.Person, day: int) -> Iterator[wire.Sent]:
    when = calendar.at(day, 5 + dice.below(18))
    view = happenings.View(when, HOST, f"/post/{1 + int(dice.below(6))}", _RELEASE, _POLICY, "")
    makes = [_PIXEL] * 5 + [_VIDEO] * dice.happens(0.1) + [_EXTENSION] * dice.happens(0.05)
    seen = [wire.Seen(when + number, view.page, make(view)) for number, make in enumerate(makes)]
    yield from wire.sent(wire.Place(BLOG, KEY, "production", _deployed(day)), person, seen, 30)


def _deployed(day: int) -> str:
    """Return the commit that is deployed on a day: a new one each day of the second week."""
    return "a41f09c" if day < 16 else f"{day:x}b7e{day * 37 % 1000:03d}"
