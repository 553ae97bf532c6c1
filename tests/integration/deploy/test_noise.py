"""``headrace noise``: list the rules, try one on what is stored, and label what is stored again."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from storage.findings import due, rebuild
from storage.ledger import equations
from storage.projects import registry
from storage.queue import appenders, envelope
from storage.servers import leases
from storage.tables import labels as storage_labels
from tests.helpers import invariant, payloads, recorded, servers, waiting
from workers.noise import shipped

pytestmark = pytest.mark.integration

PAGE = "https://www.example.com/"
EXTENSION = {
    "blocked-uri": "inline",
    "source-file": "moz-extension://11111111-2222-3333-4444-555555555555/c.js",
}
CHAT = {"blocked-uri": "https://a.chat.example/widget/x.js"}
CSS = {"blocked-uri": "https://www.example.com/a.css", "effective-directive": "style-src"}
REWRITTEN = {
    "blocked-uri": f"{PAGE}a.png",
    "effective-directive": "img-src",
    "original-policy": "script-src *",
}


def body(**members: str) -> bytes:
    return json.dumps(
        {"csp-report": {"document-uri": PAGE, "effective-directive": "script-src", **members}}
    ).encode()


def store(bare: servers.Servers, *reports: dict[str, str], times: int = 1, agent: str = "") -> None:
    payloads = [envelope.Payload(1, "key", "prod", "1", agent, "", 0, body(**one)) for one in reports] * times
    appenders.Appender(bare.client).append({envelope.shard_of(1, "prod", "1", servers.SHARDS): payloads})
    bare.drain()


def copy(bare: servers.Servers, changed: str) -> None:
    """Store all reports once more, but for one column."""
    bare.server.execute(f"INSERT INTO reports_live SELECT * REPLACE({changed}) FROM reports")  # noqa: S608 - constants


def labels(bare: servers.Servers) -> dict[str, int]:
    return dict(bare.rows("SELECT noise_rule, sum(seen) FROM reports GROUP BY noise_rule"))


def relabel(bare: servers.Servers, *options: str) -> dict[tuple[str, str], int]:
    rows: list[dict[str, Any]] = bare.json("noise", "relabel", *options)
    return {(row["before"], row["after"]): row["reports"] for row in rows}


def put(bare: servers.Servers, *assignments: str) -> None:
    done = bare.headrace("project", "set", "shop", *assignments)
    assert done.returncode == 0, done.stderr


def assert_balanced(bare: servers.Servers) -> None:
    assert all(line.balanced for line in equations.verify(bare.server, bare.client, servers.SHARDS))
    assert invariant.differences(bare.server) == []
    assert due.months(bare.server) == []


def refusal(bare: servers.Servers, *arguments: str) -> str:
    done = bare.headrace(*arguments)
    assert done.returncode == 1
    return done.stderr.removeprefix("headrace: ").strip()


def test_rules_are_listed_with_their_effect(bare: servers.Servers) -> None:
    put(bare, "noise_off=crawler", "noise_drop=superfish", "noise_rules=chat extension host=.chat.example")
    found = bare.json("noise", "list", "--project", "shop")
    assert [rule["id"] for rule in found] == ["chat", *(rule.id for rule in shipped.rules_in_order())]
    effects = {rule["id"]: rule["effect"] for rule in found}
    assert (effects["googlebot"], effects["superfish"], effects["metrext"]) == ("off", "drop", "label")
    bugs = bare.json("noise", "list", "--class", "bug")
    assert {rule["class"] for rule in bugs} == {"bug"}
    shown = bare.headrace("noise", "list", "--class", "bug").stdout
    assert "firefox 43" in shown.replace("\n", " ")
    assert refusal(bare, "noise", "list", "--class", "x").startswith(
        "There is no class 'x', only extension, "
    )


def test_a_rule_is_tried_on_the_last_week(bare: servers.Servers) -> None:
    store(bare, EXTENSION, EXTENSION, CHAT, CSS)
    copy(bare, "window_start - INTERVAL 9 DAY AS window_start")
    tried = bare.json("noise", "test", "moz-extension")
    assert (tried["reports"], tried["matched"], tried["new"], tried["share"]) == (4, 2, 0, 0.5)
    (example,) = tried["examples"]
    assert (example["reports"], example["noise_rule"]) == (2, "moz-extension")
    tried = bare.json("noise", "test", "host=.chat.example path=/widget/", "--project", "shop")
    assert (tried["matched"], tried["new"], tried["rule"]["matches"]["hosts"]) == (1, 1, [".chat.example"])
    shown = bare.headrace("noise", "test", "chat extension host=.chat.example").stdout
    assert "It matches 1 of 4 reports of the last week (25.0%); 1 of them no rule labels yet." in shown
    assert "https://a.chat.example/widget/x.js" in shown


def test_a_projects_own_rule_is_tried_by_its_id(bare: servers.Servers) -> None:
    store(bare, CHAT)
    put(bare, "noise_rules=chat extension host=.chat.example")
    assert bare.json("noise", "test", "chat", "--project", "shop")["matched"] == 1
    assert (
        refusal(bare, "noise", "test", "chat")
        == "There is no rule 'chat': headrace noise list shows them all."
    )


def test_a_rule_that_matches_everything_is_refused(bare: servers.Servers) -> None:
    store(bare, CHAT, times=20)
    store(bare, CSS)
    done = bare.headrace("noise", "test", "host=.chat.example")
    assert done.returncode == 1
    assert "It matches 20 of 21 reports" in done.stdout
    assert done.stderr == "headrace: new matches 95.2% of all reports: it is far too broad.\n"
    assert refusal(bare, "noise", "test", "host=.example") == (
        ".example is far too broad: a rule may not match a whole registry."
    )
    assert refusal(bare, "noise", "test", "scheme=https").startswith("new matches everything: ")


def test_nothing_is_no_reason_to_refuse_a_rule(bare: servers.Servers) -> None:
    tried = bare.json("noise", "test", "superfish")
    assert (tried["reports"], tried["share"], tried["examples"]) == (0, 0.0, [])


def test_a_wrong_rule_is_not_set(bare: servers.Servers) -> None:
    assert refusal(bare, "project", "set", "shop", "noise_rules=x bug host=.com") == (
        ".com is far too broad: a rule may not match a whole registry."
    )
    assert refusal(bare, "project", "set", "shop", "noise_off=x").startswith("'x' is no rule and no class")


def test_what_is_dropped_is_counted_by_its_rule(bare: servers.Servers) -> None:
    put(bare, "noise_drop=extension")
    store(bare, EXTENSION, CSS, times=3)
    assert labels(bare) == {"": 3}
    assert bare.rows("SELECT outcome, reason, sum(quantity) FROM outcomes GROUP BY ALL ORDER BY 1") == [
        ("accepted", "", 3),
        ("filtered", "moz-extension", 3),
    ]
    assert_balanced(bare)


def test_stored_reports_are_labelled_again(bare: servers.Servers) -> None:
    store(bare, EXTENSION, CHAT, CSS, REWRITTEN, times=5)
    store(bare, CSS, agent="Mozilla/5.0 (compatible; NeverHeardOf/1; +https://never.example/)")
    before = {"moz-extension": 5, "": 10, "rewritten-policy": 5, "crawler": 1}
    assert labels(bare) == before
    assert relabel(bare) == {}
    put(bare, "noise_off=extension", "noise_rules=chat injected host=.chat.example")
    changes = {("moz-extension", ""): 5, ("", "chat"): 5}
    assert relabel(bare, "--dry-run", "--project", "shop") == changes
    assert labels(bare) == before
    assert relabel(bare) == changes
    assert labels(bare) == {"": 10, "chat": 5, "rewritten-policy": 5, "crawler": 1}
    assert bare.rows("SELECT DISTINCT noise FROM reports WHERE noise_rule = 'chat'") == [("injected",)]
    assert relabel(bare) == {}
    assert_balanced(bare)
    shown = bare.headrace("noise", "relabel").stdout
    assert shown == "0 reports have another label.\n"
    put(bare, "noise_off=", "noise_rules=")
    shown = bare.headrace("noise", "relabel").stdout
    assert "moz-extension" in shown
    assert shown.endswith("10 reports have another label.\n")
    assert labels(bare) == before
    assert_balanced(bare)


AGENTS = (
    payloads.FIREFOX,
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (Windows NT 6.1; rv:42.0) Gecko/20100101 Firefox/42.0",
    "Mozilla/5.0 (compatible; NeverHeardOf/1; +https://never.example/)",
    "Mozilla/5.0 xbingbotx/2.0",
    "",
)
"""User agents of which rules see more than the browser's name, and one that is taken for a crawler."""
KNOWN = {"test-report", "rewritten-policy", "eval-allowed", "crawler", "googlebot", "firefox-self"}
"""Rules that ask for what no row tells."""
BEYOND_A_ROW = [
    {"blocked-uri": f"{PAGE}a.png", "effective-directive": "img-src", "original-policy": "img-src https:"},
    {"blocked-uri": "eval", "original-policy": "script-src 'unsafe-eval'"},
    {"blocked-uri": "self", "effective-directive": "script-src"},
]
TEST_REPORT = b'{"expect-ct-report":{"hostname":"a.example","port":443,"test-report":true}}'


def store_everything(bare: servers.Servers) -> None:
    """Store every recorded report, each from other browsers too."""
    bodies = [one.body for one in recorded.READABLE]
    bodies += [request["body"].encode() for request in recorded.REQUESTS]
    bodies += [*(body(**members) for members in BEYOND_A_ROW), TEST_REPORT]
    for agent in AGENTS:
        sent = [envelope.Payload(1, "key", "prod", "1", agent, "", 0, one) for one in bodies]
        appenders.Appender(bare.client).append({envelope.shard_of(1, "prod", "1", servers.SHARDS): sent})
    bare.drain()


def state(bare: servers.Servers) -> list[tuple[Any, ...]]:
    """Return a hash of all rows, whatever parts they lie in."""
    return bare.rows(
        "SELECT count(), sum(seen), groupBitXor(sipHash64(*)), uniqExact(noise_rule) FROM reports"
    )


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("new_variants_per_hour=40",),
        ("noise_rules=own injected host=.example.com path=/a", "noise_off=proxy"),
    ],
)
def test_unchanged_rules_change_no_label(bare: servers.Servers, settings: tuple[str, ...]) -> None:
    put(bare, "dedupe_window=0", *settings)
    store_everything(bare)
    if not settings:
        assert labels(bare).keys() >= KNOWN
    before = state(bare)
    assert relabel(bare) == {}
    assert state(bare) == before
    assert_balanced(bare)


def test_what_a_row_does_not_tell_is_kept_until_its_rule_is_off(bare: servers.Servers) -> None:
    store(bare, REWRITTEN, *BEYOND_A_ROW, agent=AGENTS[2])
    kept = labels(bare)
    assert kept.keys() == {"rewritten-policy", "eval-allowed", "firefox-self"}
    put(bare, "noise_rules=mine local host=.chat.example")
    assert relabel(bare) == {}
    put(bare, "noise_off=rewritten-policy,eval-allowed,firefox-self", "noise_rules=")
    assert relabel(bare) == {(name, ""): seen for name, seen in kept.items()}
    assert_balanced(bare)


def test_a_relabelling_that_is_killed_is_done_again(bare: servers.Servers) -> None:
    store_everything(bare)
    ((reports,),) = bare.rows("SELECT sum(seen) FROM reports")
    put(bare, "noise_off=extension,local,injected")
    bare.server.execute("SYSTEM STOP MERGES reports_live")  # so that the change begins and does not end
    with bare.start("noise", "relabel") as running:
        waiting.until(lambda: pending(bare), "the change has begun")
        running.kill()
    left = labels(bare)
    assert due.months(bare.server), "noted before a label changes"
    bare.server.execute("SYSTEM START MERGES reports_live")
    for key in bare.client.scan_iter("headrace:*lease*"):
        bare.client.delete(key)  # as if its time had passed
    with leases.hold(bare.client, leases.STORED_ROWS) as lease:
        rebuild.finish_due(bare.server, bare.client, servers.SHARDS, lease)
    assert_balanced(bare)
    put(bare, "noise_off=extension,local")
    changes = relabel(bare)
    assert set(changes) <= {pair for name in left for pair in (("", name), (name, ""))}
    assert relabel(bare) == {}
    put(bare, "noise_off=")
    relabel(bare)
    assert labels(bare) == left
    assert bare.rows("SELECT sum(seen) FROM reports") == [(reports,)]
    assert_balanced(bare)


def pending(bare: servers.Servers) -> bool:
    rows = bare.rows(
        "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND NOT is_done"
    )
    return rows != [(0,)]


def test_labels_are_changed_from_a_day_on_and_in_no_other_project(bare: servers.Servers) -> None:
    store(bare, EXTENSION)
    copy(bare, "window_start - INTERVAL 9 DAY AS window_start")
    copy(bare, "2 AS project_id")
    put(bare, "noise_off=extension")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert relabel(bare, "--since", today) == {("moz-extension", ""): 1}
    assert labels(bare) == {"moz-extension": 3, "": 1}
    assert relabel(bare) == {("moz-extension", ""): 1}
    assert bare.rows("SELECT project_id, noise_rule, sum(seen) FROM reports GROUP BY ALL ORDER BY ALL") == [
        (1, "", 2),
        (2, "moz-extension", 2),
    ]


def test_findings_say_of_relabelled_reports_what_they_say_of_fresh_ones(bare: servers.Servers) -> None:
    for agent in (payloads.FIREFOX, ""):  # no rule sees more of them than a row tells
        sent = [envelope.Payload(1, "key", "prod", "1", agent, "", 0, one.body) for one in recorded.READABLE]
        appenders.Appender(bare.client).append({envelope.shard_of(1, "prod", "1", servers.SHARDS): sent})
    kept: dict[Any, Any] = {key: bare.client.dump(key) for key in bare.client.keys("*")}
    bare.drain()
    before = invariant.findings(bare.server)
    put(bare, "noise_off=extension,local", "noise_rules=own injected host=.example.com")
    assert relabel(bare)
    relabelled = invariant.findings(bare.server)
    assert relabelled != before
    assert_balanced(bare)
    for table in (
        "reports_live",
        "policies",
        "outcomes",
        "receipts",
        "quarantine",
        "finding_days",
        "policy_days",
    ):
        bare.server.execute(f"TRUNCATE TABLE {table}")
        for window in (0, 100_000):  # so that its tokens are forgotten, too
            bare.server.execute(
                f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = {window}"
            )
    bare.client.flushall()
    for key, value in kept.items():
        bare.client.restore(key, 0, value)
    registry.Registry(bare.server).publish(bare.client)
    bare.drain()
    fresh = invariant.findings(bare.server)
    assert [row for row in fresh if row not in relabelled] == []
    assert fresh == relabelled
    assert_balanced(bare)


def test_archived_reports_are_labelled_again_too(bare: servers.Servers) -> None:
    store(bare, EXTENSION, CSS, times=3)
    bare.server.execute("INSERT INTO reports_archive SELECT *, 0 FROM reports_live")
    bare.server.execute("TRUNCATE TABLE reports_live")
    put(bare, "noise_off=extension")
    assert relabel(bare) == {("moz-extension", ""): 3}
    assert labels(bare) == {"": 6}
    assert bare.rows("SELECT count() FROM reports WHERE noise_version = ''") == [(0,)]
    assert_balanced(bare)


def test_a_change_whose_note_is_finished_takes_no_effect(bare: servers.Servers) -> None:
    store(bare, EXTENSION)
    (day,) = storage_labels.days(bare.server, 1)
    note = due.note(bare.server, 1, [day.month])
    (page,) = storage_labels.stored_findings(bare.server, day)
    changes = {page[0].key: ("", "")}
    (month,) = due.months(bare.server)
    due.finish(bare.server, month)
    storage_labels.relabel(bare.server, day, changes, "v", note)
    assert labels(bare) == {"moz-extension": 1}
    storage_labels.relabel(bare.server, day, changes, "v", due.note(bare.server, 1, [day.month]))
    assert labels(bare) == {"": 1}


def test_a_batch_that_is_repeated_after_labels_changed_is_still_stored_once(bare: servers.Servers) -> None:
    entries = [envelope.Payload(1, "key", "prod", "1", "", "", 0, body(**EXTENSION))] * 3
    shard = envelope.shard_of(1, "prod", "1", servers.SHARDS)
    appenders.Appender(bare.client).append({shard: entries})
    kept: dict[Any, Any] = {key: bare.client.dump(key) for key in bare.client.keys("*")}
    bare.drain()
    put(bare, "noise_off=extension")
    assert relabel(bare) == {("moz-extension", ""): 3}
    bare.client.flushall()
    for key, value in kept.items():
        bare.client.restore(key, 0, value)
    bare.drain()
    assert labels(bare) == {"": 3}
    assert_balanced(bare)
