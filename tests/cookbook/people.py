"""The visitors of the shop, the browsers with which they come, and dice that fall the same each time."""

from __future__ import annotations

import enum
import hashlib
import random
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from storage.queue import reach

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Wire(enum.Enum):
    """How a browser sends reports."""

    CHROMIUM = "a batch of the Reporting API, within a minute"
    FIREFOX = "a batch of the Reporting API, within seconds"
    FIREFOX_ESR = "one report-uri upload for each violation, and nothing else"
    SAFARI = "one object of the Reporting API for each violation"


class Browser(NamedTuple):
    """A browser: its ``User-Agent``, how it sends reports, and how many of a hundred visitors have it."""

    user_agent: str
    wire: Wire
    share: int


_WEBKIT: Final = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME: Final = Browser(
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/142.0.0.0 Safari/537.36", Wire.CHROMIUM, 34
)
FIREFOX: Final = Browser(
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0", Wire.FIREFOX, 10
)
BROWSERS: Final = (
    CHROME,
    Browser(
        f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36",
        Wire.CHROMIUM,
        18,
    ),
    Browser(
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        Wire.CHROMIUM,
        10,
    ),
    Browser(
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/26.1 Mobile/15E148 Safari/604.1",
        Wire.SAFARI,
        16,
    ),
    Browser(
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/26.1 Safari/605.1.15",
        Wire.SAFARI,
        8,
    ),
    FIREFOX,
    Browser("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Wire.FIREFOX_ESR, 4),
)
"""The browsers of visitors; their shares add up to 100."""


class Dice:
    """Chance by a seed: the same in each run, and in each release of Python.

    Only ``random()`` is taken of the generator, for what its other methods draw may change.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random

    def below(self, limit: float) -> float:
        """Return a number from 0 to below a limit."""
        return self._random() * limit

    def happens(self, share: float) -> bool:
        """Tell whether something happens that happens so often."""
        return self._random() < share

    def one_of(self, choices: Sequence[T]) -> T:
        """Return one of some."""
        return choices[int(self._random() * len(choices))]


class Person(NamedTuple):
    """A visitor, by a name that is of nobody else, with a browser."""

    name: str
    browser: Browser

    def sender(self, project_id: int, day: int) -> tuple[int, int]:
        """Return the hash and the slot under which the edge knows somebody on a day.

        As ``ingest.backend.senders`` makes them, but for the secret of the day: it is the day's number.
        """
        text = f"{project_id} {self.name}"
        hashed = hashlib.blake2b(text.encode(), digest_size=16, key=str(day).encode()).digest()
        return int.from_bytes(hashed[:8]) or 1, reach.slot_of(int.from_bytes(hashed[8:]))


def crowd(name: str, number: int, dice: Dice) -> list[Person]:
    """Return so many people, with browsers as visitors have them."""
    pool = [browser for browser in BROWSERS for _ in range(browser.share)]
    return [Person(f"{name} {index}", dice.one_of(pool)) for index in range(number)]
