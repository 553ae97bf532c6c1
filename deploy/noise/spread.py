"""The spread of a candidate for noise over pages, people, days and browsers, and what that tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

FEW_PEOPLE: Final = 5
"""So few senders on its greatest day may be one person, or one forger."""
MANY_PEOPLE: Final = 0.3
"""Share of the senders of a day from which a candidate is what everybody sees."""
FEW_DAYS: Final = 3
MANY_PAGES: Final = 30
SPREAD: Final = 0.2
"""Share of the site's pages from which a candidate is everywhere; so it is from ``MANY_PAGES`` on."""
ONE_PAGE: Final = 0.5
"""Share of one page from which a candidate is about that page, unless it has that share of all reports."""
ONE_BROWSER: Final = 0.9


class Facts(NamedTuple):
    """The evidence that the reports of a candidate give.

    Attributes:
        reports: how many there are.
        people: senders on its greatest day; 0 is unknown.
        people_share: the greatest share of a day's senders that it had; 0 is unknown.
        pages: its pages, about.
        pages_share: the share of the site's pages that it was seen on.
        top_page_share: the share that its most frequent page has of its reports.
        top_page_usual: the share that this page has of all reports of the site.
        days: the days on which it was seen.
        browsers: reports by browser.
        first_seen: earliest report, UTC.
        last_seen: latest report, UTC.
        directives: directives that stopped it.
        blocked: what was blocked most often.
        document: the page on which.
    """

    reports: int
    people: int
    people_share: float
    pages: int
    pages_share: float
    top_page_share: float
    top_page_usual: float
    days: int
    browsers: dict[str, int]
    first_seen: dt.datetime
    last_seen: dt.datetime
    directives: tuple[str, ...]
    blocked: str
    document: str

    @property
    def engine_share(self) -> float:
        """The share of the most frequent engine, 0 to 1."""
        return max(engines(self.browsers).values(), default=0) / max(1, sum(self.browsers.values()))


def greatest_share(people: Mapping[dt.date, int], site: Mapping[dt.date, int]) -> float:
    """Return the greatest share that some senders have of the site's on a day; 0 if none is known."""
    return max((reach / max(reach, site.get(day, 0)) for day, reach in people.items() if reach), default=0.0)


def engines(browsers: Mapping[str, int]) -> dict[str, int]:
    """Return reports by the engine of their browser: an extension is made for one."""
    found: dict[str, int] = {}
    for browser, reports in browsers.items():
        engine = _engine(browser)
        found[engine] = found.get(engine, 0) + reports
    return found


def _engine(browser: str) -> str:
    if "iOS" in browser or "Safari" in browser:
        return "WebKit"
    return "Gecko" if "Firefox" in browser else "Chromium"


def doubts(facts: Facts) -> tuple[str, ...]:
    """Return in sentences what speaks against noise; nothing if a candidate looks like an extension."""
    return tuple(_doubts(facts))


def _doubts(facts: Facts) -> Iterator[str]:
    if not facts.people:
        yield "How many people it met is unknown."
    elif facts.people < FEW_PEOPLE:
        yield "So few people may be one: anybody can send that."
    elif facts.people_share >= MANY_PEOPLE:
        yield f"It met {facts.people_share:.0%} of all people of a day: the site itself may bring it."
    if facts.days < FEW_DAYS:
        yield f"It was seen on {facts.days} {'day' if facts.days == 1 else 'days'} only."
    if facts.pages_share < SPREAD and facts.pages < MANY_PAGES:
        yield f"It is on {facts.pages_share:.0%} of the pages only: those pages may bring it."
    if facts.top_page_share > max(ONE_PAGE, 1.5 * facts.top_page_usual):
        yield f"One page has {facts.top_page_share:.0%} of its reports: that page may bring it."
    if facts.engine_share < ONE_BROWSER:
        yield "Browsers of several engines report it: an extension is mostly made for one."
