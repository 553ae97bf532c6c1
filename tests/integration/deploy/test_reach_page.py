"""docs/query/reach.md shows what its queries answer: each is run on the reports of three days of a shop."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import itertools
import operator
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from storage.queue import reach
from tests.helpers import paths, servers, stored, terminals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.servers import clickhouse

pytestmark = pytest.mark.integration

SHOWN = list(terminals.shown((paths.DOCS / "query/reach.md").read_text("utf-8")))
MONDAY, TUESDAY, WEDNESDAY = (dt.datetime(2026, 11, day, tzinfo=dt.UTC) for day in (23, 24, 25))


class Met(msgspec.Struct, frozen=True):
    """Whom a finding met on a day: people by number, and how many reports each sent."""

    day: dt.datetime
    people: range
    each: int
    release: str = "2.3.0"
    host: str = "shop.example"
    known: bool = True


FINDINGS = {
    ("script-src-elem", "https://cdn.example/pay.js"): [
        Met(TUESDAY, range(42), 2, "2.4.0"),
        Met(WEDNESDAY, range(110), 2, "2.4.0"),
        Met(WEDNESDAY, range(100, 160), 2, "2.4.0", "m.shop.example"),
    ],
    ("img-src", "https://coupons.example/a.gif"): [
        Met(day, range(6), 2_000) for day in (MONDAY, TUESDAY, WEDNESDAY)
    ],
    ("connect-src", "https://stats.example/hit"): [
        Met(MONDAY, range(30), 3),
        Met(TUESDAY, range(18), 3),
        Met(TUESDAY, range(12, 27), 3, "2.4.0"),
        Met(WEDNESDAY, range(31), 3, "2.4.0"),
    ],
    ("style-src-elem", "inline"): [Met(TUESDAY, range(3), 40)],
    ("font-src", "https://fonts.example/a.woff2"): [Met(MONDAY, range(57), 50, known=False)],
}


def sketch(met: Met) -> int:
    """Return the sketch of these people, whose slots are others on each day."""
    names = (f"{met.day} {person}".encode() for person in met.people)
    digests = (hashlib.blake2b(name, digest_size=8).digest() for name in names)
    slots = (reach.slot_of(int.from_bytes(digest)) for digest in digests)
    return functools.reduce(operator.or_, map(reach.sketch_of, slots)) if met.known else reach.UNKNOWN


def rows() -> Iterator[dict[str, Any]]:
    """Yield the rows of the shop: one for each finding, day, release and host."""
    numbers = itertools.count(1)
    for fingerprint, ((directive, blocked), meetings) in enumerate(FINDINGS.items(), 101):
        for met in meetings:
            yield {
                "project_id": 1,
                "release": met.release,
                "kind": "csp",
                "window_start": met.day + dt.timedelta(hours=9),
                "seen": len(met.people) * met.each,
                "fingerprint": fingerprint,
                "identity": next(numbers),
                "directive": directive,
                "blocked": blocked,
                "document_host": met.host,
                "reach": sketch(met),
            }


@pytest.fixture
def shop(bare: servers.Servers, server: clickhouse.Connection) -> servers.Servers:
    """Servers with the rows of the shop."""
    stored.insert(server, list(rows()))
    return bare


def test_each_terminal_shows_what_its_query_answers(
    shop: servers.Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**shop.environment, "PYTHONPATH": str(paths.ROOT)}.items():
        monkeypatch.setenv(name, value)
    assert len(SHOWN) > 5
    wrong = []
    for shown in SHOWN:
        command = shown.command.replace("headrace", f"{sys.executable} -P -m deploy", 1)
        printed = terminals.run(command, paths.ROOT)
        if printed != shown.output:
            wrong.append("\n".join([f"$ {shown.command}", *printed]))
    assert not wrong, "the page shows something else than\n" + "\n".join(wrong)


def test_its_terminals_fit() -> None:
    lines = itertools.chain(*((*f"$ {shown.command}".splitlines(), *shown.output) for shown in SHOWN))
    assert max(map(len, lines)) <= terminals.COLUMNS
