"""Each view on findings tells what the reports say, be they merged, archived, changed or removed."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import math
import operator
import random
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import pytest

from storage.queue import reach
from tests.helpers import stored

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from storage.servers import clickhouse

    Row = dict[str, Any]
    Told = list[dict[str, Any]]

pytestmark = pytest.mark.integration

SEEDS: Final = (1, 2)
NOT_RELEASES: Final = ("", "(other)")
SINCE: Final = dt.datetime(2026, 10, 20, tzinfo=dt.UTC)
MINUTE: Final = dt.timedelta(minutes=1)


def made_up(rng: random.Random, number: int) -> Row:
    """Return a row of reports: of two projects, and of days before and after a month began."""
    start = SINCE + MINUTE * rng.choice([rng.randrange(25 * 24 * 60), 1439, 1440])
    first = start + dt.timedelta(milliseconds=rng.randrange(60_000))
    seen = rng.randint(1, 5)
    fingerprint = rng.randint(1, 9)
    return {
        "project_id": rng.randint(1, 2),
        "environment": rng.choice(["", "production", "production", "staging"]),
        "release": rng.choice(["", "(other)", "1", "2", "3", "4"]),
        "kind": rng.choice(["csp", "nel"]) if fingerprint == 1 else "csp",
        "disposition": rng.choice(["enforce", "report", ""]),
        "window_start": start,
        "first_seen": first,
        "last_seen": first + dt.timedelta(milliseconds=rng.randrange(30_000)),
        "seen": seen,
        "weight": seen * rng.choice([1.0, 1.0, 2.5]),
        "reach": rng.choice([0, *(1 << rng.randrange(reach.EVEN) for _ in range(3))]),
        "fingerprint": fingerprint,
        "identity": number,
        "title": f"Blocked {fingerprint} {rng.randrange(2)}",
        "directive": rng.choice(["img-src", "script-src"]),
        "blocked": f"https://{rng.randrange(3)}.example/",
        "blocked_host": f"{rng.randrange(3)}.example",
        "document": f"https://shop.example/{rng.randrange(40)}",
        "document_host": rng.choice(["shop.example", "m.shop.example"]),
        "policy": rng.choice([0, 11, 12]),
        "browser": rng.choice(["", "Chrome", "Firefox"]),
        **rng.choice([LABELS["none"], LABELS["none"], LABELS["none"], *LABELS.values()]),
    }


LABELS: Final[dict[str, Row]] = {
    "none": {"noise": "", "noise_rule": "", "impossible": 0},
    "extension": {"noise": "extension", "noise_rule": "a", "impossible": 0},
    "injected": {"noise": "injected", "noise_rule": "b", "impossible": 1},
    "impossible": {"noise": "", "noise_rule": "", "impossible": 1},
}


def batches(rng: random.Random) -> list[list[Row]]:
    """Return the rows of some batches; a few of them share their sorting key with an earlier one."""
    rows = [made_up(rng, number) for number in range(rng.randint(300, 500))]
    rows += [{**row, "seen": 7, "weight": 7.0} for row in rng.sample(rows, 20)]
    return [rows[start : start + 90] for start in range(0, len(rows), 90)]


def real(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["noise"] == "" and not row["impossible"]]


def grouped(rows: Iterable[Row], *names: str) -> dict[Any, list[Row]]:
    """Return the rows by the values of these columns; ``day`` is the day of window_start."""
    groups: dict[Hashable, list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(day_of(row) if name == "day" else row[name] for name in names)].append(row)
    return groups


def day_of(row: Row) -> dt.date:
    day: dt.date = row["window_start"].date()
    return day


def quantities(rows: list[Row]) -> Row:
    """Return what every view on findings says of the rows that it groups."""
    days = grouped(rows, "day").values()
    people = [
        reach.estimate(functools.reduce(operator.or_, (row["reach"] for row in day))) or 0 for day in days
    ]
    most = max(math.ceil(sum(row["weight"] for row in rows)), sum(row["seen"] for row in rows))
    return {
        **{name: min(row[name] for row in rows) for name in ("kind", "title", "directive")},
        **{name: min(row[name] for row in rows) for name in ("blocked", "blocked_host", "first_seen")},
        "last_seen": max(row["last_seen"] for row in rows),
        "total": sum(row["seen"] for row in rows),
        "weight": sum(row["weight"] for row in rows),
        "reach": min(max(people), most) or None,
        "reach_at_most": min(sum(people), most) or None,
    }


def shares(rows: list[Row], pages: dict[str, int]) -> Row:
    """Return what views on a finding say of its environments, releases, browsers and pages."""
    first: dict[int, str] = {}
    for row in rows:
        group = pages[row["document"]]
        first[group] = min(first.get(group, row["document"]), row["document"])
    kept = ("environment", "release", "disposition", "browser")
    counts: dict[str, Counter[str]] = {name: Counter() for name in kept}
    for name, counter in counts.items():
        for row in rows:
            counter[row[name]] += row["seen"]
    return {
        "releases": sorted({row["release"] for row in rows}),
        "environments": sorted({row["environment"] for row in rows}),
        "by_environment": dict(counts["environment"]),
        "by_release": dict(counts["release"]),
        "dispositions": dict(counts["disposition"]),
        "browsers": dict(counts["browser"]),
        "documents": sorted(first.values()),
    }


def findings(rows: list[Row], pages: dict[str, int]) -> Iterator[Row]:
    for (project, fingerprint), group in grouped(real(rows), "project_id", "fingerprint").items():
        names = {"project_id": project, "fingerprint": fingerprint}
        yield {**names, **quantities(group), **shares(group, pages)}


def findings_by_day(rows: list[Row], pages: dict[str, int]) -> Iterator[Row]:
    for (project, fingerprint, day), group in grouped(real(rows), "project_id", "fingerprint", "day").items():
        told = {**quantities(group), **shares(group, pages)}
        del told["reach_at_most"]
        yield {"project_id": project, "fingerprint": fingerprint, "day": day, **told}


def new_in_release(rows: list[Row], _pages: dict[str, int]) -> Iterator[Row]:
    """Yield what each release brought, by comparing each finding of it with all releases before it."""
    for (project, environment), of_both in grouped(rows, "project_id", "environment").items():
        releases = {key[0]: each for key, each in grouped(of_both, "release").items()}
        began = {
            release: min(row["first_seen"] for row in each)
            for release, each in releases.items()
            if release not in NOT_RELEASES
        }
        order = sorted(began, key=lambda release: (began[release], release))
        for place, release in enumerate(order):
            for (fingerprint,), group in grouped(real(releases[release]), "fingerprint").items():
                others = [row for row in real(of_both) if row["fingerprint"] == fingerprint]
                if not known_before(others, order[:place], began[release]):
                    yield {
                        "project_id": project,
                        "environment": environment,
                        "release": release,
                        "release_began": began[release],
                        "earlier_releases": place,
                        "fingerprint": fingerprint,
                        **quantities(group),
                    }


def known_before(rows: list[Row], earlier: list[str], began: dt.datetime) -> bool:
    """Return whether an earlier release has some of these rows, or a nameless one had before it began."""
    return any(
        row["release"] in earlier or (row["release"] in NOT_RELEASES and row["first_seen"] < began)
        for row in rows
    )


def policies_in_use(rows: list[Row], _pages: dict[str, int]) -> Iterator[Row]:
    names = ("project_id", "document_host", "environment", "disposition", "policy")
    for key, group in grouped(rows, *names).items():
        if key[-1]:
            yield {
                **dict(zip(names, key, strict=True)),
                "text": "default-src 'self'" if key[-1] == 11 and key[0] == 1 else "",
                "releases": sorted({row["release"] for row in group}),
                "first_seen": min(row["first_seen"] for row in group),
                "last_seen": max(row["last_seen"] for row in group),
            }


VIEWS: Final[dict[str, Callable[[list[Row], dict[str, int]], Iterator[Row]]]] = {
    view.__name__: view for view in (findings, findings_by_day, new_in_release, policies_in_use)
}


def told(server: clickhouse.Connection, view: str) -> Told:
    """Return all that a view tells, by column."""
    names = [name for name, *_ in server.execute(f"DESCRIBE TABLE {view}")]
    answer = server.execute(f"SELECT * FROM {view}")  # noqa: S608 - of those above
    return in_order(dict(zip(names, values, strict=True)) for values in answer)


def in_order(rows: Iterable[Row]) -> Told:
    return sorted(({name: plain(row[name]) for name in sorted(row)} for row in rows), key=repr)


def plain(value: Any) -> Any:
    """Return the value, a map with its keys in order."""
    return dict(sorted(value.items())) if isinstance(value, dict) else value


def groups_of_pages(server: clickhouse.Connection) -> dict[str, int]:
    """Return in which of the groups of finding_days each page is."""
    return dict(server.execute("SELECT DISTINCT document, toUInt8(xxHash64(document) % 8) FROM reports"))


def check(server: clickhouse.Connection, rows: list[Row]) -> None:
    """Compare each view with what the rows say."""
    pages = groups_of_pages(server)
    for name, view in VIEWS.items():
        assert told(server, name) == in_order(view(rows, pages)), name


@pytest.fixture(params=SEEDS)
def rng(request: pytest.FixtureRequest) -> random.Random:
    """A source of random rows; its seed is in the name of the test."""
    return random.Random(request.param)


@pytest.fixture
def rows(server: clickhouse.Connection, rng: random.Random) -> list[Row]:
    """Rows that are stored, of live and of archived releases, in parts that are not merged."""
    for table in ("finding_days", "reports_live", "policy_days"):
        server.execute(f"SYSTEM STOP MERGES {table}")
    server.execute(
        "INSERT INTO policies (project_id, hash, text) VALUES", [(1, 11, "default-src 'self'"), (3, 12, "no")]
    )
    both = batches(rng)
    for batch in both:
        stored.insert(server, batch, rng.choice(["reports_live", "reports_live", "reports_archive"]))
    return list(itertools.chain(*both))


def merge(server: clickhouse.Connection) -> None:
    for table in ("finding_days", "reports_live", "reports_archive", "policy_days"):
        server.execute(f"SYSTEM START MERGES {table}")
        server.execute(f"OPTIMIZE TABLE {table} FINAL")


def test_views_tell_what_reports_say(
    server: clickhouse.Connection, rows: list[Row], rng: random.Random
) -> None:
    check(server, rows)
    merge(server)
    check(server, rows)
    more = [made_up(rng, 1000 + number) for number in range(50)]
    stored.insert(server, more)
    check(server, rows + more)


def test_views_tell_what_is_left(server: clickhouse.Connection, rows: list[Row]) -> None:
    merge(server)
    wait = {"mutations_sync": 2}
    for table in ("reports_live", "reports_archive", "finding_days", "policy_days"):
        server.execute(f"ALTER TABLE {table} DELETE WHERE release = '2'", settings=wait)
    left = [row for row in rows if row["release"] != "2"]
    check(server, left)
    server.execute("ALTER TABLE finding_days DROP PARTITION (1, 202610)")
    server.execute("DELETE FROM finding_days WHERE project_id = 2 AND day < '2026-11-01'")
    kept = [row for row in left if day_of(row) >= dt.date(2026, 11, 1)]
    pages = groups_of_pages(server)
    for name in ("findings", "findings_by_day", "new_in_release"):
        assert told(server, name) == in_order(VIEWS[name](kept, pages)), name


def test_a_label_that_changes_moves_a_finding(server: clickhouse.Connection, rows: list[Row]) -> None:
    merge(server)
    change = "UPDATE reach = 0 WHERE fingerprint < 5"
    server.execute(f"ALTER TABLE finding_days {change}", settings={"mutations_sync": 2})
    check(server, [{**row, "reach": 0 if row["fingerprint"] < 5 else row["reach"]} for row in rows])


def test_columns_that_are_not_named_change_nothing(server: clickhouse.Connection, rows: list[Row]) -> None:
    merge(server)
    expected = list(findings(rows, groups_of_pages(server)))
    for columns in (["title", "total"], ["reach"], ["releases"], ["documents"], ["browsers", "dispositions"]):
        answer = server.execute(f"SELECT {', '.join(columns)} FROM findings")  # noqa: S608 - of those above
        named = ({name: row[name] for name in columns} for row in expected)
        assert in_order(dict(zip(columns, values, strict=True)) for values in answer) == in_order(named)


def test_reports_and_violations_are_those_stored(server: clickhouse.Connection, rows: list[Row]) -> None:
    for _ in range(2):
        for view, of_view in (("reports", rows), ("violations", real(rows))):
            expected: Counter[tuple[int, str, int]] = Counter()
            for row in of_view:
                expected[row["identity"], row["noise"], row["project_id"]] += row["seen"]
            answer = server.execute(
                f"SELECT identity, noise, project_id, sum(seen) FROM {view} GROUP BY ALL"  # noqa: S608 - of two
            )
            assert {tuple(values): seen for *values, seen in answer} == dict(expected)
        merge(server)


def test_report_volume_counts_each_report_once(server: clickhouse.Connection, rng: random.Random) -> None:
    names = ("accepted", "quota", "filtered", "invalid")
    expected: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for _ in range(6):
        rows = []
        for _ in range(40):
            key = (rng.randint(1, 2), SINCE + MINUTE * rng.randrange(3), rng.choice(["", "production"]))
            full = (*key, rng.choice(["", "1"]), rng.choice(["csp", ""]))
            outcome, quantity = rng.choice([*names, "refused"]), rng.randint(1, 9)
            if outcome != "refused":
                expected[full][outcome] += quantity
            rows.append((*full, outcome, rng.choice(["", "why"]), quantity))
        server.execute(
            "INSERT INTO outcomes "
            "(project_id, minute, environment, release, kind, outcome, reason, quantity) VALUES",
            rows,
        )
    answer = [dict(row) for row in told(server, "report_volume")]
    assert answer == in_order(
        {
            **dict(zip(("project_id", "minute", "environment", "release", "kind"), key, strict=True)),
            **{name: counts[name] for name in names},
        }
        for key, counts in expected.items()
    )


RELEASES = [
    # release, hour, finding
    ("1", 0, 1),
    ("2", 10, 1),
    ("2", 10, 2),
    ("1.0.1", 20, 3),
    ("2", 21, 3),
    ("1", 22, 4),
    ("3", 30, 1),
    ("3", 30, 4),
    ("3", 31, 5),
    ("2", 32, 5),
    ("3", 33, 6),
]


def test_what_a_release_brought(server: clickhouse.Connection) -> None:
    """A hotfix of an old release, releases that overlap, a roll-back, findings that vanish and come back."""
    stored.insert(
        server,
        [
            {
                "project_id": 1,
                "environment": "production",
                "release": release,
                "window_start": SINCE + dt.timedelta(hours=hour),
                "first_seen": SINCE + dt.timedelta(hours=hour),
                "last_seen": SINCE + dt.timedelta(hours=hour),
                "seen": 1,
                "weight": 1.0,
                "fingerprint": finding,
                "identity": number,
            }
            for number, (release, hour, finding) in enumerate(RELEASES)
        ],
    )
    brought = server.execute(
        "SELECT release, earlier_releases, groupArray(fingerprint) FROM "
        "(SELECT * FROM new_in_release ORDER BY fingerprint) GROUP BY ALL ORDER BY earlier_releases"
    )
    # 3 is in release 2 too, which began before the hotfix; 4 came in pages of release 1 that were open still.
    assert brought == [("1", 0, [1, 4]), ("2", 1, [2, 3, 5]), ("3", 3, [6])]


def test_each_column_of_a_view_is_explained(server: clickhouse.Connection) -> None:
    for view in (*VIEWS, "reports", "violations", "report_volume"):
        columns = server.execute(
            "SELECT name, comment FROM system.columns "
            "WHERE database = currentDatabase() AND table = %(view)s",
            {"view": view},
        )
        assert columns, view
        assert [name for name, comment in columns if not comment] == [], view
        assert server.execute(f"SELECT * FROM {view}") == []  # noqa: S608 - of those above
