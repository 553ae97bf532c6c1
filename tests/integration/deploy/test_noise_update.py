"""``headrace noise update``: another rules file in force, and all that commands and rows tell of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from storage.ledger import equations
from storage.noise import published, rules_files
from storage.servers import clickhouse
from tests.helpers import rules, servers
from workers.draining import rules_in_force
from workers.noise import shipped

if TYPE_CHECKING:
    import pathlib
    import subprocess

pytestmark = pytest.mark.integration

OWN = shipped.file().version
RULE = 'new-cdn injected hosts = [".cdn.example"]'
LATER = rules.shipped_and(RULE)


def body(number: int = 0, **members: str) -> bytes:
    page = f"https://www.example.com/{number}"
    report = {"document-uri": page, "effective-directive": "script-src", **members}
    return json.dumps({"csp-report": report}).encode()


CDN = {"blocked-uri": "https://a.cdn.example/x.js"}
OTHER = {"blocked-uri": "https://other.example/x.js"}


@pytest.fixture
def later(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "rules.toml"
    path.write_bytes(LATER)
    return str(path)


def store(bare: servers.Servers, *reports: dict[str, str]) -> None:
    bare.append(*(body(number, **report) for number, report in enumerate(reports)))
    bare.drain()


def update(bare: servers.Servers, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = bare.headrace("noise", "update", *arguments)
    assert done.returncode == 0, done.stderr
    return done


def refusal(bare: servers.Servers, *arguments: str) -> str:
    done = bare.headrace("noise", "update", *arguments)
    assert done.returncode == 1, done.stdout
    return done.stderr.removeprefix("headrace: ").strip()


def labels(bare: servers.Servers) -> dict[tuple[str, str], int]:
    found = bare.rows("SELECT noise_rule, noise_version, sum(seen) FROM reports GROUP BY ALL")
    return {(rule, version): seen for rule, version, seen in found}


def versions(bare: servers.Servers) -> dict[str, bool]:
    return {row["version"]: row["in_force"] for row in bare.json("noise", "versions")}


def write(path: pathlib.Path, text: bytes) -> str:
    path.write_bytes(text)
    return str(path)


def test_rules_are_updated_used_traced_and_taken_back(bare: servers.Servers, later: str) -> None:
    store(bare, CDN, CDN, OTHER)
    done = update(bare, later, "--yes")
    assert "added new-cdn (injected)\n  + hosts .cdn.example" in done.stdout
    assert "Of 3 reports of the last week, 2 would get another label." in done.stdout
    assert f"Noise rules {OWN} → {rules.LATER}" in done.stdout
    assert "Each batch that a worker of this release begins from now on goes by them." in done.stderr
    store(bare, CDN)
    assert labels(bare) == {("", OWN): 3, ("new-cdn", rules.LATER): 1}
    assert versions(bare) == {OWN: False, rules.LATER: True}
    listed = {rule["id"] for rule in bare.json("noise", "list")}
    assert "new-cdn" in listed
    assert bare.json("noise", "test", "new-cdn")["matched"] == 3
    assert bare.json("noise", "relabel") == [
        {"project": "shop", "before": "", "after": "new-cdn", "reports": 2}
    ]
    assert labels(bare) == {("", rules.LATER): 1, ("new-cdn", rules.LATER): 3}
    assert bare.json("noise", "relabel") == []
    back = update(bare, "--shipped", "--yes")
    assert "removed new-cdn (injected)" in back.stdout
    assert "These rules are older than those in force." in back.stdout
    bare.json("noise", "relabel")
    assert labels(bare) == {("", OWN): 4}
    assert all(line.balanced for line in equations.verify(bare.server, bare.client, servers.SHARDS))
    assert "in force already" in update(bare, "--shipped").stdout


def test_nothing_changes_without_a_yes(bare: servers.Servers, later: str) -> None:
    assert refusal(bare, later) == (
        f"Nothing was changed: say --yes to use the rules {rules.LATER} without being asked."
    )
    found = bare.json("noise", "update", later, "--dry-run")
    (change,) = found["rules"]
    assert (change["change"], change["rule"]) == ("added", "new-cdn")
    assert versions(bare) == {OWN: True}
    assert bare.client.get(published.KEY) is None


def test_what_settings_say_of_the_rules_is_told(bare: servers.Servers, tmp_path: pathlib.Path) -> None:
    first = write(tmp_path / "first.toml", rules.shipped_and(RULE, version="2998.1.1"))
    update(bare, first, "--yes")
    done = bare.headrace(
        "project", "set", "shop", "noise_off=new-cdn", "noise_drop=injected",
        "noise_rules=mine bug host=mine.example",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    second = rules.shipped_and('mine injected hosts = [".mine2.example"]')
    found = bare.json("noise", "update", write(tmp_path / "second.toml", second), "--dry-run")
    assert found["settings"] == [
        "noise_off of shop names new-cdn, which these rules do not have: it does nothing.",
        "The rule mine of shop has the id of a new rule, and counts no more: rename it.",
        "shop drops the class injected: reports that its new rules match are counted, and not stored.",
    ]
    update(bare, str(tmp_path / "second.toml"), "--yes")
    store(bare, CDN, *({"blocked-uri": f"https://{name}.example/x.js"} for name in ("mine", "mine2")))
    assert labels(bare) == {("", rules.LATER): 2}
    assert bare.rows(
        "SELECT reason, sum(quantity) FROM outcomes WHERE outcome = 'filtered' GROUP BY ALL"
    ) == [("mine", 1)]
    again = bare.headrace("project", "set", "shop", "noise_rules=mine2 bug host=mine.example")
    assert again.returncode == 0, "a rule that is gone may stay in the settings: " + again.stderr


def test_a_rules_file_that_hides_findings_is_warned_of(bare: servers.Servers, later: str) -> None:
    store(bare, *[CDN] * 10, OTHER)
    done = update(bare, later, "--dry-run")
    assert "Warning: 91% of the findings of shop would become noise." in done.stdout
    (row,) = bare.json("noise", "update", later, "--dry-run")["reports"]
    assert (row["findings"], row["become_noise"], row["examples"][0]["after"]) == (11, 10, "new-cdn")


BAD = [
    (rules.text(RULE, version=OWN), f"The rules {OWN} are not newer than those that this release ships"),
    (rules.text(RULE, version="soon"), "The version of a rules file is a date such as 2026.11.27"),
    (
        rules.text('x bug moods = ["bad"]', head='requires = "9.1"\n'),
        "This rules file needs Headrace 9.1 or later: Headrace 0.1.0 does not know its member 'moods'.",
    ),
    (rules.text('x bug paths = ["/ads/"]'), "x needs a host= beside path="),
    (rules.text('x bug hosts = [".com"]'), ".com is far too broad"),
    (rules.text('x bug agents = ["mozilla"]'), "x is far too broad"),
    (
        rules.text('superfish bug hosts = ["a.example"]'),
        "superfish has the class bug in this",
    ),
    (b"\x00\xff", "This is no rules file"),
    (b"#" * (10 << 20), "is too long: a rules file has at most 1,048,576 bytes."),
]


@pytest.mark.parametrize(("text", "sentence"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_wrong_file_is_refused_with_a_sentence(
    bare: servers.Servers, tmp_path: pathlib.Path, text: bytes, sentence: str
) -> None:
    said = refusal(bare, write(tmp_path / "rules.toml", text), "--yes")
    assert sentence in said
    assert said.count("\n") == 0
    assert bare.rows("SELECT count() FROM noise_rules") == [(0,)]


def test_an_id_keeps_the_class_that_a_file_before_gave_it(
    bare: servers.Servers, tmp_path: pathlib.Path
) -> None:
    """Rows still have that label, though the rules in force do not have the rule."""
    first = write(tmp_path / "first.toml", rules.shipped_and(RULE, version="2998.1.1"))
    update(bare, first, "--yes")
    update(bare, "--shipped", "--yes")
    other = write(tmp_path / "other.toml", rules.shipped_and(RULE.replace("injected", "bug")))
    assert refusal(bare, other, "--yes") == (
        "new-cdn has the class bug in this file and injected in the version 2998.1.1: a rule keeps its class."
    )


def test_of_two_updates_at_once_one_wins(bare: servers.Servers) -> None:
    """Both saw the same rules in force; so the second has shown a difference that is none any more."""
    source = rules_files.RulesFiles(bare.server)
    before = source.in_force()
    source.add(rules.LATER, rules.sha256(LATER), LATER, "a test")
    assert source.decide(rules.sha256(LATER), before).revision == 1
    with pytest.raises(rules_files.UpdateError, match="meanwhile"):
        source.decide("other", before)
    other = rules.text(RULE)
    with pytest.raises(rules_files.UpdateError, match="another rules file of the version"):
        source.add(rules.LATER, rules.sha256(other), other, "a test")
    assert [file.sha256 for file in source.list()] == [rules.sha256(LATER)]


def test_redis_is_told_by_maintenance_if_it_was_away(bare: servers.Servers, later: str) -> None:
    done = bare.headrace_with("noise", "update", later, "--yes", HEADRACE_REDIS_URL="redis://127.0.0.1:1/0")
    assert done.returncode == 0, done.stderr
    assert "Workers go by these rules once maintenance could tell Redis of them." in done.stderr
    bare.client.set(published.VERSION_KEY, 1 << 60)
    bare.client.set(published.KEY, b"\x80")
    source = rules_files.RulesFiles(bare.server)
    assert source.publish(bare.client) == 1 << 60
    assert source.publish(bare.client, replace=1 << 60) is None
    found = published.read(bare.client)
    assert found is not None
    assert found.version == rules.LATER
    assert published.read_text(bare.client, found.sha256) == LATER


def test_without_clickhouse_nothing_is_decided(bare: servers.Servers, later: str) -> None:
    gone = "clickhouse://default:@127.0.0.1:1/headrace"
    done = bare.headrace_with("noise", "update", later, "--yes", HEADRACE_CLICKHOUSE_URL=gone)
    assert done.returncode == 1
    assert done.stderr.startswith("headrace: ClickHouse at 127.0.0.1:1 did not answer")
    listed = bare.headrace_with("noise", "list", HEADRACE_CLICKHOUSE_URL=gone)
    assert listed.returncode == 0
    assert "These are the rules" in listed.stderr


def test_what_explains_a_payload_goes_by_the_rules_in_force(
    bare: servers.Servers, later: str, tmp_path: pathlib.Path
) -> None:
    update(bare, later, "--yes")
    path = tmp_path / "body.json"
    path.write_bytes(body(0, **CDN))
    (row,) = bare.json("explain", str(path), "--project", "shop")["rows"]
    assert (row["noise_rule"], row["noise_version"]) == ("new-cdn", rules.LATER)
    (row,) = bare.json("explain", str(path))["rows"]
    assert (row["noise_rule"], row["noise_version"]) == ("", OWN)


def test_maintenance_keeps_the_shipped_rules(bare: servers.Servers) -> None:
    source, own = rules_files.RulesFiles(bare.server), shipped.file()
    for _ in range(2):
        source.archive(own.version, own.sha256, shipped.text(), "shipped")
    assert [(file.version, file.text) for file in source.list()] == [(OWN, shipped.text())]
    rules_in_force._read.clear()
    found: Any = rules_in_force.RulesInForce(bare.client, clickhouse.connect(bare.address)).of(own.sha256)
    assert found is own
