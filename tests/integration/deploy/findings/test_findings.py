"""``headrace findings`` and ``headrace finding``: what they select, count and print."""

from __future__ import annotations

import csv
import io
import json
import shlex
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import rich.cells

from storage.projects import registry
from storage.text import characters
from tests.helpers import harness, paths, servers, stored, terminals, waiting
from tests.integration.deploy.findings import conftest as shops

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.servers import clickhouse
    from tests.integration.deploy.findings.conftest import Asked

    Drawn = Callable[[int, str], list[str]]

pytestmark = pytest.mark.integration

Row = dict[str, Any]
PRECISE = "100h"
"""A period that is answered from the reports: the last four of the days."""


def folded(row: Row) -> str:
    directive: str = row["directive"]
    return directive.removesuffix("-elem")


def host(row: Row) -> str:
    return str(row["blocked_host"] or row["hostname"])


SELECTED: dict[tuple[str, ...], Callable[[Row], bool]] = {
    (): lambda _: True,
    ("--environment", "production"): lambda row: row["environment"] == "production",
    ("--not-environment", "production"): lambda row: row["environment"] != "production",
    ("--environment", ""): lambda row: row["environment"] == "",
    ("--environment", "production", "--environment", "staging"): lambda row: row["environment"] != "",
    ("--release", "2.0"): lambda row: row["release"] == "2.0",
    ("--not-release", "2.0", "--not-release", ""): lambda row: row["release"] == "1.0",
    ("--kind", "nel"): lambda row: row["kind"] == "nel",
    ("--not-kind", "nel"): lambda row: row["kind"] != "nel",
    ("--directive", "script-src"): lambda row: folded(row) == "script-src",
    ("--directive", "script-src-elem"): lambda row: folded(row) == "script-src",
    ("--not-directive", "script-src"): lambda row: folded(row) != "script-src",
    ("--disposition", "report"): lambda row: row["disposition"] == "report",
    ("--not-disposition", "report"): lambda row: row["disposition"] != "report",
    ("--host", "tracker.example"): lambda row: host(row) == "tracker.example",
    ("--host", ".Tracker.example"): lambda row: host(row).endswith("tracker.example"),
    ("--not-host", ".tracker.example"): lambda row: not host(row).endswith("tracker.example"),
    ("--host", "api.shop.example"): lambda row: host(row) == "api.shop.example",
    ("--document-host", "shop.example"): lambda row: row["document_host"] == "shop.example",
    ("--document-host", ".shop.example"): lambda _: True,
    ("--not-document-host", "shop.example"): lambda row: row["document_host"] != "shop.example",
    ("--host", "' OR 1 = 1 --", "--release", "%(release)s\\"): lambda _: False,
}


def test_each_filter_selects_what_it_says(shop: servers.Servers, asked: Asked) -> None:
    stored_rows = shop.rows(
        "SELECT fingerprint, environment, release, kind, directive, disposition, blocked_host, hostname,"
        " document_host, noise, impossible, seen, window_start > now() - INTERVAL 100 HOUR FROM reports"
    )
    names = (
        "fingerprint environment release kind directive disposition blocked_host hostname document_host noise"
    )
    names += " impossible seen recent"
    rows = [dict(zip(names.split(), row, strict=True)) for row in stored_rows]
    wrong = []
    for options, wanted in SELECTED.items():
        for noise, since in ((False, "7d"), (True, PRECISE)):
            expected: Counter[int] = Counter()
            for row in rows:
                real = noise or not (row["noise"] or row["impossible"])
                if real and wanted(row) and (row["recent"] or since == "7d"):
                    expected[row["fingerprint"]] += row["seen"]
            arguments = ("findings", "--since", since, *options, *(["--noise"] if noise else []))
            found = {one["fingerprint"]: one["total"] for one in asked(*arguments)}
            if found != expected:
                wrong.append((arguments, found, expected))
    assert not wrong


def test_numbers_are_those_of_the_view(shop: servers.Servers, asked: Asked) -> None:
    told = {one["fingerprint"]: one for one in asked("findings", "--since", "2000-01-01")}
    for fingerprint, kind, title, total, reach, releases, browsers in shop.rows(
        "SELECT fingerprint, kind, title, total, reach, releases, browsers FROM findings"
    ):
        one = told.pop(fingerprint)
        expected = (kind, title, total, reach, releases, browsers)
        assert (
            one["kind"],
            one["title"],
            one["total"],
            one["reach"],
            one["releases"],
            one["browsers"],
        ) == expected
        assert one["id"] == f"{fingerprint:016x}"
    assert not told


def test_bars_tell_none_from_unknown(asked: Asked) -> None:
    for finding in asked("findings", "--since", "7d"):
        # Nothing at all was stored three, four, six and seven days ago.
        known = [bar["total"] is not None for bar in finding["bars"]]
        assert known == [False, False, True, False, False, True, True, True]
        assert sum(bar["total"] or 0 for bar in finding["bars"]) == finding["total"]


@pytest.mark.parametrize(
    ("sort", "key"), [("total", "total"), ("reach", "reach"), ("last", "last_seen"), ("first", "first_seen")]
)
def test_the_greatest_come_first(asked: Asked, sort: str, key: str) -> None:
    values = [one[key] for one in asked("findings", "--noise", "--sort", sort)]
    assert values == sorted(values, reverse=True)
    assert [one[key] for one in asked("findings", "--noise", "--sort", sort, "-n", "2")] == values[:2]


def test_csv_is_read_back_and_calculates_nothing(shop: servers.Servers) -> None:
    printed = shop.headrace("findings", "--noise", "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(printed, newline=""), strict=True))
    found = shop.json("findings", "--noise")
    assert [(row["id"], int(row["total"])) for row in rows] == [
        (f"0x{one['id']}", one["total"]) for one in found
    ]
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    assert not characters.holds_hidden("".join(cell for row in rows for cell in row.values()))
    assert "'=HYPERLINK" in printed


def test_a_pipe_gets_tab_separated_values_of_full_length(shop: servers.Servers) -> None:
    names, *rows = [line.split("\t") for line in shop.headrace("findings", "--noise").stdout.splitlines()]
    found = shop.json("findings", "--noise")
    assert [dict(zip(names, row, strict=True))["id"] for row in rows] == [f"0x{one['id']}" for one in found]
    assert "\x1b" not in "".join(names)


@pytest.mark.parametrize("columns", [20, 40, 80, 132])
def test_every_terminal_is_filled_and_never_overflown(drawn: Drawn, columns: int) -> None:
    commands = (
        "findings --noise",
        "finding a1b2c3d4e5",
        "finding 1234567890123456789",
        "top --once --since 7d",
    )
    for command in (*commands, "tail --once --noise"):
        lines = drawn(columns, command)
        wide = [
            line for line in lines if rich.cells.cell_len(line) > columns and "headrace query" not in line
        ]
        assert not wide, command
        assert not [line for line in lines if characters.holds_hidden(line)]
        assert any("Bl" in line or "HYPER" in line for line in lines), lines


def test_in_the_locale_c_signs_are_ascii(shop: servers.Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**shop.environment, "PYTHONPATH": str(paths.ROOT), "LC_ALL": "C"}.items():
        monkeypatch.setenv(name, value)
    lines = terminals.run(f"{sys.executable} -P -m deploy findings", paths.ROOT)
    assert "\n".join(lines).isascii()
    assert any("??" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("a1b2c3d4e5f60718", 0xA1B2C3D4E5F60718),
        ("A1B2C3D4E", 0xA1B2C3D4E5F60718),
        ("0xa1b2c3d4f", 0xA1B2C3D4FFFFFFFF),
        (str(0xA1B2C3D4E5F60718), 0xA1B2C3D4E5F60718),
        ("12345678901", 1234567890123456789),
        ("112210f47d", 1234567890123456789),
        ("0000", 0xABC),
        ("2748", 0xABC),
        ("ffff0", 0xFFFF000000000000),
    ],
)
def test_a_finding_has_its_id_in_hexadecimal_and_decimal(asked: Asked, name: str, meant: int) -> None:
    assert asked("finding", name)["fingerprint"] == meant


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a1b2c3d4", "Several findings begin with a1b2c3d4: a1b2c3d4e5f60718, a1b2c3d4ffffffff."),
        ("abcdef", "Project shop has no finding abcdef."),
        ("99999999999999999999", "Project shop has no finding 99999999999999999999."),
        ("no id", "'no id' is no id of a finding: headrace findings shows them."),
        ("", "'' is no id of a finding: headrace findings shows them."),
    ],
)
def test_an_id_that_names_none_or_several_is_one_sentence(
    shop: servers.Servers, name: str, said: str
) -> None:
    done = shop.headrace("finding", name)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"headrace: {said}\n")


def test_a_finding_is_told_whole(bare: servers.Servers, server: clickhouse.Connection) -> None:
    report = {
        "document-uri": "https://shop.example/cart",
        "effective-directive": "img-src",
        "blocked-uri": "https://tracker.example/a.gif",
        "original-policy": "img-src 'self'",
        "disposition": "enforce",
    }
    bare.append(*[json.dumps({"csp-report": report}).encode()] * 3)
    bare.append(json.dumps({"csp-report": {**report, "document-uri": "https://shop.example/b"}}).encode())
    bare.drain()
    stored.count_findings(server)
    (listed,) = bare.json("findings")
    whole = bare.json("finding", listed["id"][:8])
    assert (whole["total"], whole["title"]) == (4, "Blocked image from tracker.example")
    assert {one["document"]: one["total"] for one in whole["documents"]} == {
        "https://shop.example/cart": 3,
        "https://shop.example/b": 1,
    }
    assert [(one["text"], one["total"]) for one in whole["policies"]] == [("img-src 'self'", 4)]
    assert [(one["release"], one["total"], one["brought"]) for one in whole["releases"]] == [("1", 4, 0)]
    assert [(one["noise"], one["impossible"], one["total"]) for one in whole["labels"]] == [("", 0, 4)]
    assert json.loads(whole["example"]["raw"])["csp-report"]["effective-directive"] == "img-src"
    shown = bare.headrace("finding", listed["id"]).stdout
    raw = next(line for line in shown.splitlines() if line.startswith("headrace query"))
    sql = raw.removeprefix('headrace query "').removesuffix('"')
    assert bare.json("query", sql) == [{"raw": whole["example"]["raw"]}]


def test_the_printed_command_prints_the_example_that_is_shown(shop: servers.Servers) -> None:
    for options in (["--environment", "staging"], ["--release", "1.0"]):
        arguments = ("finding", "a1b2c3d4e", *options, "--data", "else where")
        shown = shop.headrace(*arguments).stdout.splitlines()
        printed = next(line for line in shown if line.startswith("headrace query"))
        _, _, option, data, sql = shlex.split(printed)
        assert (option, data) == ("--data", "else where")
        (told,) = shop.json("query", sql.replace("SELECT raw", "SELECT environment, release, last_seen"))
        example = shop.json(*arguments)["example"]
        assert (told["environment"], told["release"]) == (example["environment"], example["release"])


def test_more_findings_are_listed_than_a_query_can_name(
    bare: servers.Servers, server: clickhouse.Connection
) -> None:
    first, many = shops.rows()[0], 15_000
    stored.insert(
        server, [{**first, "fingerprint": (1 << 63) + one, "seen": many - one} for one in range(many)]
    )
    found = bare.json("findings", "--limit", "1000000")
    assert [one["fingerprint"] - (1 << 63) for one in found] == list(range(many))


def test_a_limit_beyond_all_reason_is_a_usage_error() -> None:
    for command in (["findings", "--limit"], ["top", "--limit"], ["tail", "--lines"]):
        done = harness.headrace(*command, "99999999999999999999")
        assert (done.returncode, "less than or equal to 1000000" in " ".join(done.stderr.split())) == (
            2,
            True,
        )


def test_policies_have_their_whole_hash(drawn: Drawn, shop: servers.Servers) -> None:
    (hashes,) = shop.rows(
        "SELECT groupUniqArray(toString(policy)) FROM reports WHERE startsWith(hex(fingerprint), 'A1B2C3D4E')"
    )[0]
    assert hashes
    assert max(map(len, hashes)) > 16
    lines = drawn(80, "finding a1b2c3d4e")
    assert all(any(line.startswith(f"{one} ") for line in lines) for one in hashes)


def test_the_release_that_brought_it_is_named(bare: servers.Servers, server: clickhouse.Connection) -> None:
    new = {**shops.rows()[0], "fingerprint": 77, "release": "2.0", "identity": 77_000}
    stored.insert(server, [*shops.rows(), new])
    assert bare.json("finding", "77")["new_in"] == [["production", "2.0", 1]]
    assert (
        "brought by  2.0 in production, after 1 release without it" in bare.headrace("finding", "77").stdout
    )


def test_filters_of_a_finding_that_leave_nothing_are_one_sentence(shop: servers.Servers) -> None:
    done = shop.headrace("finding", "a1b2c3d4e", "--environment", "nowhere")
    assert (done.returncode, done.stderr) == (
        1,
        "headrace: No report of this finding is among those selected.\n",
    )


def test_which_project_is_asked_where_there_are_several(
    bare: servers.Servers, server: clickhouse.Connection
) -> None:
    registry.Registry(server).create("blog")
    stored.insert(server, shops.rows()[:1])
    done = bare.headrace("findings")
    said = "headrace: Which project? Say --project with one of shop, blog.\n"
    assert (done.returncode, done.stderr) == (1, said)
    assert bare.json("findings", "--project", "blog") == []
    assert bare.json("findings", "--project", "1") == bare.json("findings", "--project", "shop") != []
    done = bare.headrace("tail", "--project", "nothing")
    assert (done.returncode, done.stderr) == (1, "headrace: There is no project 'nothing'.\n")


@pytest.mark.parametrize("since", ["soon", "0d", "-1h", "7", "2026-13-01", "1y"])
def test_a_period_that_is_none_is_a_usage_error(since: str) -> None:
    done = harness.headrace("findings", f"--since={since}")
    assert done.returncode == 2
    assert "90m, 24h, 7d, 2w" in done.stderr


def test_two_formats_at_once_are_a_usage_error() -> None:
    for command in (["findings"], ["finding", "1"], ["top"], ["tail"], ["query", "SELECT 1"]):
        done = harness.headrace(*command, "--json", "--csv")
        assert (done.returncode, "either --json or --csv" in done.stderr) == (2, True)


def test_without_a_system_it_is_one_sentence(tmp_path: Any) -> None:
    for command in (["findings"], ["finding", "1"], ["top"], ["tail"]):
        done = harness.headrace(*command, "--data", str(tmp_path))
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "No headrace up is running" in done.stderr


def test_a_reader_that_went_away_is_no_failure_to_tell(shop: servers.Servers) -> None:
    process = shop.start_piped("findings", "--csv")
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""
    process.wait(waiting.PATIENCE_S)
    process.stderr.close()
