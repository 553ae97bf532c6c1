"""``headrace noise suggest``: an extension is found, and what only looks like one is not."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Any, Final

import pytest
import xxhash

from storage.queue import reach
from workers.noise import project_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.helpers import servers

pytestmark = pytest.mark.integration

SEED: Final = 12
PAGES: Final = [f"https://www.shop.example/p/{number}" for number in range(60)]
VISITORS: Final = 400
TODAY: Final = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
POLICY: Final = "default-src 'self'; img-src 'self' https://images.partner.example *.stats.example:443/x"
EXTENSION: Final = "cdn.coupons.example"


def sketch(person: int, day: int) -> int:
    """Return the sketch of a person on a day; of nobody the unknown one."""
    digest = xxhash.xxh64_intdigest(f"{person} {day}".encode())
    return reach.sketch_of(reach.slot_of(digest)) if person else reach.UNKNOWN


class Seeder:
    """Stores reports of visitors, a row each."""

    def __init__(self, bare: servers.Servers) -> None:
        self._bare = bare
        self._random = random.Random(SEED)
        self._rows: list[dict[str, Any]] = []

    def report(  # noqa: PLR0913 - what a report says
        self,
        host: str,
        *,
        people: Sequence[int],
        pages: Sequence[str] = PAGES,
        days: int = 7,
        times: int = 1,
        browser: str = "Chrome",
        **columns: Any,
    ) -> None:
        """Let some people report a blocked host from random pages, each so often a day."""
        for day in range(days):
            for person in people:
                for _ in range(times):
                    self._rows.append(self._row(host, day, person, browser, pages) | columns)

    def _row(self, host: str, day: int, person: int, browser: str, pages: Sequence[str]) -> dict[str, Any]:
        at = TODAY - dt.timedelta(days=day)
        return {
            "project_id": 1, "environment": "", "release": "", "kind": "csp", "window_start": at,
            "first_seen": at, "last_seen": at, "seen": 1, "weight": 1.0,
            "reach": sketch(person, day),
            "fingerprint": 1, "identity": self._random.getrandbits(63), "title": "", "browser": browser,
            "directive": "script-src-elem", "blocked": f"https://{host}/x.js" if host else "inline",
            "blocked_host": host, "document": self._random.choice(pages), "document_host": "www.shop.example",
            "source_file": "", "sample": "", "noise": "",
        }  # fmt: skip

    def store(self) -> None:
        """Store all reports."""
        names = list(self._rows[0])
        listed = ", ".join(names)
        values = [[row[name] for name in names] for row in self._rows]
        self._bare.server.execute(f"INSERT INTO reports_live ({listed}) VALUES", values)


@pytest.fixture
def seeder(bare: servers.Servers) -> Seeder:
    """A site with ordinary findings: everybody reports something of its own."""
    found = Seeder(bare)
    found.report("assets.shop.example", people=range(1, VISITORS), days=7)
    columns = {"project_id": [1], "hash": [1], "text": [POLICY], "first_seen": [TODAY], "last_seen": [TODAY]}
    listed = ", ".join(columns)
    bare.server.execute(f"INSERT INTO policies ({listed}) VALUES", list(columns.values()), columnar=True)
    return found


def suggested(bare: servers.Servers) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in bare.json("noise", "suggest", "shop")}


def test_an_extension_is_found_whatever_its_volume(bare: servers.Servers, seeder: Seeder) -> None:
    seeder.report(EXTENSION, people=range(1, 21), times=4)
    seeder.store()
    found = suggested(bare)[EXTENSION]
    assert found["doubts"] == []
    assert found["reports"] == 560
    assert 15 <= found["people"] <= 25
    assert found["rule"] == f"cdn-coupons-example injected host={EXTENSION} in=blocked"
    assert project_rules.parse(found["rule"]).hosts == (EXTENSION,)
    shown = bare.headrace("noise", "suggest", "shop").stdout
    assert max(map(len, shown.splitlines()[:8])) <= 80
    assert f"headrace project set shop 'noise_rules={found['rule']}'" in shown
    assert "Volume proves nothing" in shown
    done = bare.headrace("project", "set", "shop", f"noise_rules={found['rule']}")
    assert done.returncode == 0, done.stderr
    assert bare.json("noise", "relabel")[0]["reports"] == 560
    assert EXTENSION not in suggested(bare)


def test_a_flood_of_forged_hosts_crowds_nothing_out(bare: servers.Servers, seeder: Seeder) -> None:
    for number in range(220):
        seeder.report(f"a{number}.forged{number}.example", people=[7], pages=PAGES[:20], times=4)
    seeder.report(EXTENSION, people=range(1, 21), pages=PAGES[:15], days=4, times=2)
    seeder.store()
    assert next(iter(suggested(bare))) == EXTENSION


def test_what_a_rule_knows_that_the_project_left_out_is_no_candidate(
    bare: servers.Servers, seeder: Seeder
) -> None:
    assert bare.headrace("project", "set", "shop", "noise_off=extension").returncode == 0
    people = range(1, 21)
    seeder.report("cdn.honey.io", people=people, times=4)
    seeder.report("", people=people, times=4, source_file="chrome-extension")
    seeder.report(EXTENSION, people=people, times=4)
    seeder.store()
    assert list(suggested(bare)) == [EXTENSION]


def test_the_table_fits_a_narrow_terminal(bare: servers.Servers, seeder: Seeder) -> None:
    for name in (f"{'a' * 60}.coupons.example", "b" * 60 + ".example"):
        seeder.report(name, people=range(1, 21), times=4)
    seeder.report("", people=range(1, 21), times=4, sample=f"window.couponFinder={'1' * 80}")
    seeder.store()
    table = bare.headrace("noise", "suggest", "shop").stdout.partition("\n\n")[0].splitlines()
    assert max(map(len, table)) <= 80
    assert "aaa.coupons.example" in "".join(table)


LOOK_ALIKES: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "broken.partner.example": ({"people": range(1, 350)}, "of all people of a day"),
    "one-day.example": ({"people": range(1, 21), "days": 1, "times": 20}, "It was seen on 1 day only."),
    "forged.example": ({"people": [7], "times": 80}, "So few people may be one"),
    "unknown.example": ({"people": [0], "times": 80}, "How many people it met is unknown."),
    "some-pages.example": ({"people": range(1, 21), "pages": PAGES[:8], "times": 3}, "of the pages only"),
}


@pytest.mark.parametrize("host", LOOK_ALIKES)
def test_what_looks_like_an_extension_is_doubted(bare: servers.Servers, seeder: Seeder, host: str) -> None:
    given, doubt = LOOK_ALIKES[host]
    seeder.report(host, **given)
    seeder.store()
    found = suggested(bare)[host]
    assert any(doubt in sentence for sentence in found["doubts"]), found["doubts"]


def test_browsers_of_several_engines_are_a_doubt(bare: servers.Servers, seeder: Seeder) -> None:
    for first, browser in enumerate(("Chrome", "Firefox", "Safari")):
        people = range(1 + 7 * first, 8 + 7 * first)
        seeder.report("every.example", people=people, times=4, browser=browser)
    seeder.store()
    assert any("several engines" in doubt for doubt in suggested(bare)["every.example"]["doubts"])


def test_the_sites_own_and_attacks_are_never_suggested(bare: servers.Servers, seeder: Seeder) -> None:
    people = range(1, 21)
    seeder.report("images.partner.example", people=people, times=4)
    seeder.report("a.stats.example", people=people, times=4)
    seeder.report("cdn.shop.example", people=people, times=4)
    seeder.report("evil.example", people=range(1, 350), pages=PAGES[:1])
    seeder.report("known.example", people=people, times=4, noise="extension")
    seeder.report("form.example", people=people, times=4, directive="form-action")
    seeder.store()
    assert suggested(bare) == {}
    assert "Nothing that no rule knows" in bare.headrace("noise", "suggest", "shop").stdout


def test_schemes_sources_and_samples_are_suggested_too(bare: servers.Servers, seeder: Seeder) -> None:
    people = range(1, 21)
    seeder.report("", people=people, times=4, source_file="odd-extension://abc/x.js")
    seeder.report("", people=people, times=4, source_file="https://inject.example/x.js")
    seeder.report("", people=people, times=4, sample="window.couponFinderPlus=1")
    seeder.report("", people=people, times=4, sample="a=1")
    seeder.report("", people=people, times=4, blocked="nikkonative")
    seeder.store()
    found = {name: one["rule"].partition(" ")[2] for name, one in suggested(bare).items()}
    assert found == {
        "odd-extension": "extension scheme=odd-extension",
        "inject.example": "injected host=inject.example in=source_file",
        "window.couponFinderPlus=1": "injected sample=couponFinderPlus",
        "a=1": "",
        "nikkonative": "injected scheme=nikkonative",
    }


def test_another_day_is_looked_at_on_demand(bare: servers.Servers, seeder: Seeder) -> None:
    seeder.report(EXTENSION, people=range(1, 21), times=4)
    seeder.store()
    tomorrow = (TODAY + dt.timedelta(days=2)).date().isoformat()
    assert bare.json("noise", "suggest", "shop", "--since", tomorrow) == []
