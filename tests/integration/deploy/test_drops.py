"""Releases are dropped at once, counted, and out of findings too, whatever is killed on the way."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from storage.archive import archiving, moves
from storage.findings import due, rebuild
from storage.ledger import equations
from storage.queue import appenders, envelope, pause
from storage.removal import drops, removals
from storage.servers import leases
from tests.helpers import invariant, servers

pytestmark = pytest.mark.integration

OLD, KEPT = "1.0", "2.0"


def report(number: int) -> bytes:
    body = {
        "document-uri": "https://shop.example/",
        "effective-directive": "img-src",
        "blocked-uri": f"https://{number}.example/",
        "original-policy": "img-src 'self'",
    }
    return json.dumps({"csp-report": body}).encode()


def send(shop: servers.Servers, release: str, environment: str = "prod", times: int = 3) -> None:
    sent = [envelope.Payload(1, "key", environment, release, "", "", 0, report(one)) for one in range(times)]
    shard = envelope.shard_of(1, environment, release, servers.SHARDS)
    appenders.Appender(shop.client).append({shard: sent})
    shop.drain()


def archive(shop: servers.Servers, release: str) -> None:
    """Put the live reports of a release into the archive."""
    shop.server.execute(
        "INSERT INTO reports_archive SELECT *, 0 FROM reports_live WHERE release = %(release)s",
        {"release": release},
    )
    shop.server.execute("ALTER TABLE reports_live DROP PARTITION tuple(1, 'prod', %(r)s)", {"r": release})


def check(shop: servers.Servers) -> dict[tuple[str, str], int]:
    """Check the books, and return how many reports each pair has."""
    for line in equations.verify(shop.server, shop.client, servers.SHARDS):
        assert line.balanced, line
    return {
        (environment, release): seen
        for environment, release, seen in shop.rows(
            "SELECT environment, release, sum(seen) FROM reports GROUP BY ALL"
        )
    }


def settled(shop: servers.Servers) -> dict[tuple[str, str], int]:
    assert invariant.differences(shop.server) == []
    assert due.months(shop.server) == []
    assert removals.unfinished(shop.server) == []
    return check(shop)


def finish(shop: servers.Servers) -> None:
    """Do what maintenance does once the leases of a dead command ended."""
    shop.client.delete(pause.KEY, f"headrace:lease:{leases.STORED_ROWS}")
    with leases.hold(shop.client, leases.STORED_ROWS) as lease:
        drops.Dropper(shop.server, shop.client, servers.SHARDS, lease).resume()
        rebuild.finish_due(shop.server, shop.client, servers.SHARDS, lease)


def drop(shop: servers.Servers, *arguments: str) -> Any:
    return shop.json("release", "drop", "shop", *arguments, "--yes")


@pytest.fixture
def shop(bare: servers.Servers) -> servers.Servers:
    """Two releases: the older one is live, archived, and in another environment, too."""
    send(bare, OLD)
    archive(bare, OLD)
    send(bare, OLD, times=5)
    send(bare, KEPT)
    send(bare, OLD, "staging", times=2)
    assert settled(bare) == {("prod", OLD): 8, ("prod", KEPT): 3, ("staging", OLD): 2}
    return bare


def test_a_release_is_dropped_with_its_findings(shop: servers.Servers) -> None:
    assert drop(shop, OLD, "--environment", "prod") == {
        "release": OLD,
        "environments": ["prod"],
        "reports": 8,
        "dropped": 8,
    }
    assert settled(shop) == {("prod", KEPT): 3, ("staging", OLD): 2}
    assert shop.rows("SELECT sum(reports), max(finished) FROM removals WHERE dropped") == [(8, 1)]
    send(shop, OLD, times=1)
    assert settled(shop) == {("prod", KEPT): 3, ("staging", OLD): 2, ("prod", OLD): 1}
    assert drop(shop, OLD)["dropped"] == 3
    assert settled(shop) == {("prod", KEPT): 3}


def test_a_drop_asks_and_a_typo_is_told(shop: servers.Servers) -> None:
    done = shop.headrace("release", "drop", "shop", OLD)
    assert done.returncode == 1
    assert done.stderr == (
        "headrace: This drops 10 reports of release '1.0' in environment 'prod' and environment 'staging'"
        " for good: say --yes.\n"
    )
    done = shop.headrace("release", "drop", "shop", "1.O", "--yes")
    assert done.stderr == (
        "headrace: 'shop' has no reports of release '1.O'; it has '1.0' in 'prod', '1.0' in 'staging',"
        " '2.0' in 'prod'.\n"
    )
    done = shop.headrace("release", "drop", "shop", KEPT, "--environment", "staging", "--yes")
    assert "no reports of release '2.0' in environment 'staging'; it has '2.0' in 'prod'" in done.stderr
    assert len(settled(shop)) == 3
    listed = shop.json("release", "list", "shop")
    assert {(row["environment"], row["release"], row["reports"]) for row in listed} == {
        ("prod", OLD, 8),
        ("prod", KEPT, 3),
        ("staging", OLD, 2),
    }


@pytest.mark.parametrize("step", drops.STEPS)
def test_a_drop_that_is_killed_is_finished(shop: servers.Servers, step: str) -> None:
    done = shop.headrace_with(
        "release", "drop", "shop", OLD, "--environment", "prod", "--yes", HEADRACE_FAILPOINTS=f"{step}=kill@1"
    )
    assert done.returncode == -signal.SIGKILL
    check(shop)
    shop.client.delete(pause.KEY, f"headrace:lease:{leases.STORED_ROWS}")
    send(shop, OLD, times=2)
    finish(shop)
    left = settled(shop)
    assert (left.pop(("prod", KEPT)), left.pop(("staging", OLD))) == (3, 2)
    gone_before = step in {"drop_dropped", "drop_finished", "drop_findings"}
    assert left == (
        {("prod", OLD): 2} if gone_before else {("prod", OLD): 10} if step == "drop_noted" else {}
    )


def test_nothing_is_archived_while_a_drop_is_unfinished(shop: servers.Servers) -> None:
    shop.headrace_with(
        "release",
        "drop",
        "shop",
        OLD,
        "--environment",
        "prod",
        "--yes",
        HEADRACE_FAILPOINTS="drop_counted=kill@1",
    )
    shop.client.delete(pause.KEY, f"headrace:lease:{leases.STORED_ROWS}")
    archiver = archiving.Archiver(shop.server, shop.client, servers.SHARDS)
    with pytest.raises(moves.NotMovedError, match="still being dropped"):
        archiver.archive_now(1, lambda pair: pair[1] == OLD)
    finish(shop)
    assert settled(shop) == {("prod", KEPT): 3, ("staging", OLD): 2}


def test_drains_that_go_on_too_early_do_no_harm(shop: servers.Servers) -> None:
    """The command was suspended until its pause had ended, and reports came in."""

    def reached(step: str) -> None:
        if step == "drop_finished":
            shop.client.delete(pause.KEY, pause.HELD)
            send(shop, OLD, times=4)

    with (
        leases.hold(shop.client, leases.STORED_ROWS) as lease,
        pytest.raises(Exception, match="pause of the drains ended"),
    ):
        drops.Dropper(shop.server, shop.client, servers.SHARDS, lease, reached).drop(1, [("prod", OLD)])
    assert invariant.differences(shop.server)
    finish(shop)
    assert settled(shop)["prod", OLD] == 4


def test_findings_are_counted_again_by_hand(shop: servers.Servers) -> None:
    shop.server.execute("TRUNCATE TABLE finding_days")
    shop.server.execute("TRUNCATE TABLE policy_days")
    assert invariant.differences(shop.server)
    assert shop.json("rebuild-findings", "--project", "shop", "--month", "2001-01") == []
    counted = shop.json("rebuild-findings", "--project", "shop")
    assert [row["project"] for row in counted] == ["shop"]
    settled(shop)
    month = counted[0]["month"]
    done = shop.headrace("rebuild-findings", "--month", month)
    assert done.stdout.endswith("The findings of 1 months are counted again.\n")
    assert "a month such as 2026-11" in shop.headrace("rebuild-findings", "--month", "2026-13").stderr


def test_retention_is_set_for_releases(shop: servers.Servers) -> None:
    for arguments in (["90"], ["14", "--environment", "staging"], ["0", "--release", OLD]):
        assert shop.headrace("retention", "set", "shop", *arguments).returncode == 0
    assert [tuple(row.values()) for row in shop.json("retention", "list")] == [
        ("shop", None, OLD, 0),
        ("shop", "staging", None, 14),
        ("shop", None, None, 90),
    ]
    shown = shop.headrace("retention", "set", "shop", "7", "--environment", "staging")
    assert shown.stdout == (
        "retention_rules: 14 environment=staging,0 release=1.0 → 0 release=1.0,7 environment=staging\n"
    )
    assert (
        shop.headrace("retention", "set", "shop", "7", "--environment", "staging").stdout
        == "Nothing changes.\n"
    )
    told = shop.headrace("retention", "set", "shop", "5", "--release", "a, 'b'").stderr
    assert "No report of just that is stored so far" in told
    assert shop.json("retention", "list")[1] == {
        "project": "shop",
        "environment": None,
        "release": "a, 'b'",
        "days": 5,
    }
    exported = shop.headrace("project", "export").stdout
    assert "retention_rules" in exported
    assert shop.headrace("retention", "unset", "shop", "--release", "a, 'b'").returncode == 0
    assert shop.headrace("retention", "unset", "shop").returncode == 0
    assert "for ever" in shop.headrace("retention", "list").stdout
    done = shop.headrace("retention", "unset", "shop", "--release", "x")
    assert done.stderr == "headrace: No rule speaks of just that: `headrace retention list` shows them all.\n"
