"""Old reports go, the ledger balances throughout, and all of a deleted project goes."""

from __future__ import annotations

import time
import types
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from storage.findings import due
from storage.ledger import equations
from storage.projects import model, project_settings, registry
from storage.queue import streams
from storage.removal import deletion, retention
from storage.tables import writer
from tests.helpers import invariant, stored

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse

pytestmark = pytest.mark.integration

SHARDS = 16
DAY_MS = retention.DAY_MS


def project(
    days: int, number: int = 1, status: model.Status = "active", rules: tuple[str, ...] = ()
) -> model.Project:
    settings = project_settings.ProjectSettings(retention=days, retention_rules=rules)
    return model.Project(
        id=number, name=f"p{number}", keys=("a-public-key",), settings=settings, status=status
    )


class Books:
    """Reports of some age, with everything that the ledger compares."""

    def __init__(self, server: clickhouse.Connection, client: redis.Redis) -> None:
        self.server, self.client = server, client
        self.now_ms = int(time.time() * 1000)
        self._token = 0

    def insert(  # noqa: PLR0913 - what tells rows apart
        self,
        age_days: float,
        seen: int,
        *,
        number: int = 1,
        release: str = "",
        environment: str = "",
        archived: bool = False,
    ) -> None:
        """Store a row, and count its reports as acknowledged, committed and accepted."""
        moment = self.now_ms - int(age_days * DAY_MS)
        self._token += 1
        row: dict[str, list[Any]] = {
            **{name: [moment] for name in ("window_start", "first_seen", "last_seen")},
            "project_id": [number],
            "environment": [environment],
            "release": [release],
            "seen": [seen],
            "identity": [self._token],
            "policy": [self._token],
        }
        self._store("reports_archive" if archived else "reports_live", row)
        self._store("policies", {"project_id": [number], "hash": [self._token], "last_seen": [moment]})
        outcome: dict[str, list[Any]] = {"project_id": [number], "outcome": ["accepted"], "quantity": [seen]}
        self._store("outcomes", {"minute": [self.now_ms // 60_000 * 60], **outcome})
        for name in ("acknowledged", "committed"):
            self.client.hincrby(streams.keys(0).ledger, f"{name}:{number}", 1)
        self.client.hincrby(streams.keys(0).ledger, f"found:{number}", seen)
        stored.count_findings(self.server)

    def _store(self, table: str, row: dict[str, list[Any]]) -> None:
        writer.insert(self.server, table, row, f"{table}:{self._token}")

    def enforce(self, *projects: model.Project) -> int:
        """Remove what is too old."""
        return retention.enforce(self.server, self.client, SHARDS, projects)

    def seen(self, number: int = 1) -> int:
        """Return how many reports are stored, which the ledger of all projects and findings agree with."""
        assert all(line.balanced for line in equations.verify(self.server, self.client, SHARDS))
        assert invariant.differences(self.server) == []
        ((total,),) = self.server.execute(
            "SELECT sum(seen) FROM reports WHERE project_id = %(n)s", {"n": number}
        )
        return int(total)

    def policies(self) -> int:
        ((total,),) = self.server.execute("SELECT count() FROM policies")
        return int(total)


@pytest.fixture
def books(server: clickhouse.Connection, client: redis.Redis) -> Books:
    return Books(server, client)


def test_what_is_old_goes_and_the_rest_stays(books: Books) -> None:
    books.insert(0, 1)
    books.insert(6.9, 10)  # also if a midnight comes in between
    books.insert(10.1, 100)
    books.insert(30, 1000, release="1.0")
    books.insert(30, 5000, number=2)
    assert books.enforce(project(0), project(0, 2)) == 0
    assert books.enforce(project(7), project(0, 2)) == 1100
    assert books.seen() == 11
    assert books.seen(2) == 5000
    assert books.policies() == 3
    assert books.enforce(project(7), project(0, 2)) == 0
    assert books.seen() == 11


def test_a_shorter_retention_removes_more_and_a_longer_one_nothing(books: Books) -> None:
    for age in (5, 20, 50):
        books.insert(age, age)
    assert books.enforce(project(30)) == 50
    assert books.enforce(project(10)) == 20
    assert books.enforce(project(90)) == 0
    books.insert(60, 3)
    assert books.seen() == 8, "what arrives later is counted like any other"
    assert books.enforce(project(90)) == 0


def test_archived_reports_go_like_live_ones_in_one_removal(books: Books) -> None:
    for number in (1, 2):
        for archived in (False, True):
            for release in ("1.0", "2.0"):
                books.insert(0, 1, number=number, release=release, archived=archived)
                books.insert(30, 10, number=number, release=release, archived=archived)
                books.insert(70, 100, number=number, release=release, archived=archived)
    assert books.enforce(project(7), project(0, 2)) == 440
    assert books.seen() == 4
    assert books.seen(2) == 444
    assert books.server.execute("SELECT count(), sum(reports) FROM removals FINAL") == [(1, 440)]
    assert books.server.execute(
        "SELECT DISTINCT day >= today() - 1 FROM finding_days WHERE project_id = 1"
    ) == [(1,)]


def test_releases_and_environments_are_kept_for_a_time_of_their_own(books: Books) -> None:
    for environment in ("prod", "staging"):
        for release in ("1.0", "2.0"):
            for archived, age, seen in ((False, 0, 1), (True, 15, 10), (False, 45, 100)):
                books.insert(age, seen, environment=environment, release=release, archived=archived)
    rules = ("10 environment=staging", "0 release=2.0", "30 environment=staging release=2.0")
    assert books.enforce(project(0, rules=rules)) == 110 + 100
    assert books.seen() == 111 + 111 + 1 + 11
    assert books.policies() == 12, "some reports are kept for ever, and their policies with them"
    assert books.enforce(project(5, rules=rules)) == 110
    assert books.seen() == 1 + 111 + 1 + 11
    assert books.enforce(project(5)) == 110 + 10
    assert books.seen() == 4
    assert books.policies() == 4


def test_late_reports_of_a_release_are_not_taken_below_its_floor(books: Books) -> None:
    source = registry.Registry(books.server)
    kept = source.create("shop")
    books.insert(30, 7, release="1.0")
    settings = project_settings.ProjectSettings(retention_rules=("7 release=1.0",))
    kept = source.change(str(kept.id), lambda found: msgspec.structs.replace(found, settings=settings))
    assert books.enforce(kept) == 7
    (floor,) = source.get("shop").floors
    assert (floor.environment, floor.release) == (None, "1.0")
    assert source.get("shop").removed_before == 0
    published = registry.read_snapshot(books.client)
    assert published is not None
    assert published.projects[0].floors == (floor,)
    assert books.seen() == 0


def test_a_removal_of_an_older_release_is_finished(books: Books) -> None:
    books.insert(30, 7, release="1.0")
    books.insert(40, 5, release="1.0", archived=True)
    books.insert(0, 1)
    cutoff = retention.cutoff_of(books.now_ms, 7)
    row: dict[str, list[Any]] = {"project_id": [1], "number": [1], "cutoff": [cutoff], "reports": [12]}
    writer.insert(books.server, "removals", {**row, "environment": [""], "release": ["1.0"]}, "removal:1:1:0")
    assert books.seen() == 13, "counted in the removal, and still there"
    books.enforce(project(7))
    assert books.seen() == 1
    books.insert(30, 3, release="2.0")
    writer.insert(books.server, "removals", {**row, "number": [0], "reports": [3]}, "removal:1:0:0")
    assert books.seen() == 4
    books.enforce(project(7))
    assert books.seen() == 1


def test_an_interrupted_removal_balances_and_is_finished(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.insert(30, 7)
    books.insert(0, 1)
    with monkeypatch.context() as patch:
        patch.setattr(retention, "_finish", _killed)
        with pytest.raises(KeyboardInterrupt):
            books.enforce(project(7))
    assert books.seen() == 8, "counted in the removal, and still there"
    assert books.enforce(project(7)) == 0
    assert books.seen() == 1


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_nothing_goes_while_something_waits_for_long(books: Books) -> None:
    books.insert(30, 7)
    stream = streams.keys(3).stream
    books.client.xadd(stream, {"p": "x"}, id=f"{books.now_ms - DAY_MS}-0")
    assert books.enforce(project(7)) == 0
    books.client.delete(stream)
    books.client.xadd(stream, {"p": "x"})
    assert books.enforce(project(7)) == 7


def test_the_cutoff_is_a_midnight_that_no_new_row_lies_before() -> None:
    now_ms = 1_800_000_000_000
    cutoff = retention.cutoff_of(now_ms, 30)
    assert cutoff % DAY_MS == 0
    assert 30 * DAY_MS + retention.SLACK_MS <= now_ms - cutoff < 33 * DAY_MS


def test_all_of_a_deleted_project_goes_and_nothing_of_another(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "SETTLE_S", 0)
    source = registry.Registry(books.server)
    for name in ("kept", "gone"):
        source.create(name)
    for number in (1, 2):
        books.insert(0, 5, number=number, release="1.0")
        books.insert(40, 6, number=number)
        books.insert(0, 7, number=number, release="2.0", archived=True)
        due.note(books.server, number, [202001])
        receipt: dict[str, list[Any]] = {"shard": [0], "ms": [number], "seq": [0], "project_id": [[number]]}
        writer.insert(books.server, "receipts", receipt, f"receipt:{number}")
        quarantined: dict[str, list[Any]] = {"received": [books.now_ms], "project_id": [number], "raw": ["x"]}
        writer.insert(books.server, "quarantine", quarantined, f"quarantine:{number}")
    books.enforce(project(7, 1), project(7, 2))
    gone = source.set_status("gone", "retired")
    deletion.delete(books.server, books.client, SHARDS, gone)
    assert [line.project_id for line in equations.verify(books.server, books.client, SHARDS)] == [1]
    assert books.seen() == 12
    kept = ("reports", "outcomes", "quarantine", "policies", "removals", "finding_days", "policy_days")
    for table in (*kept, "finding_rebuilds"):
        left = books.server.execute(f"SELECT DISTINCT project_id FROM {table}")  # noqa: S608 - named above
        assert left == [(1,)], table
    assert books.server.execute("SELECT project_id FROM receipts") == [([1],)]
    assert [each.name for each in source.list()] == ["kept"]
    assert [each.name for each in source.snapshot().projects] == ["kept"]
    assert source.create("gone").id == 3
    with pytest.raises(model.ProjectError, match="id is not given again"):
        source.create("again", number=2)
    with pytest.raises(model.ProjectError, match="too high"):
        source.create("far", number=model.MOST_ID + 1)


def test_only_a_quiet_retired_project_is_deleted(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    source = registry.Registry(books.server)
    active = source.create("busy")
    with pytest.raises(deletion.DeletionError, match="retire 'busy' first"):
        deletion.delete(books.server, books.client, SHARDS, active)
    retired = source.set_status("busy", "retired")
    monkeypatch.setattr(deletion, "SETTLE_S", 0)
    books.client.hincrby(streams.keys(5).ledger, "acknowledged:1", 1234)
    with pytest.raises(deletion.DeletionError, match="1,234 payloads of 'busy' wait"):
        deletion.delete(books.server, books.client, SHARDS, retired)


def test_before_a_deletion_every_edge_has_time_to_learn_that_the_project_is_retired(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = registry.Registry(books.server)
    source.create("back")
    retired = source.set_status("back", "retired")
    waited = []

    def somebody_enables_it(seconds: float) -> None:
        published = registry.read_snapshot(books.client)
        assert published is not None
        waited.append((seconds, published.projects[0].status))
        source.set_status("back", "active")

    monkeypatch.setattr(deletion, "time", types.SimpleNamespace(sleep=somebody_enables_it))
    with pytest.raises(deletion.DeletionError, match="retire 'back' first"):
        deletion.delete(books.server, books.client, SHARDS, retired)
    assert waited == [(deletion.SETTLE_S, "retired")]


def test_a_deletion_that_was_interrupted_is_repeated(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "SETTLE_S", 0)
    source = registry.Registry(books.server)
    source.create("gone")
    books.insert(0, 5)
    retired = source.set_status("gone", "retired")
    with monkeypatch.context() as patch:
        patch.setattr(deletion, "_delete_counts", _killed)
        with pytest.raises(KeyboardInterrupt):
            deletion.delete(books.server, books.client, SHARDS, retired)
    assert source.list() == (), "it is marked first, so that nothing comes in any more"
    left = source.get_deleted("gone")
    deletion.delete(books.server, books.client, SHARDS, left)
    assert source.get_deleted(str(left.id)).name == ""
    assert equations.verify(books.server, books.client, SHARDS) == []


def test_rows_of_older_releases_stay_readable(books: Books) -> None:
    old: dict[str, list[Any]] = {
        "id": [1],
        "revision": [1],
        "name": ["old"],
        "keys": [["first-key", "second-key"]],
        "status": ["active"],
        "settings": ['{"dedupe_window":5,"from_the_future":1}'],
    }
    writer.insert(books.server, "projects", old, "project:1:1")
    source = registry.Registry(books.server)
    found = source.get("old")
    assert (found.keys, found.settings.dedupe_window) == (("first-key", "second-key"), 5)
    assert [(record.key, record.lasting) for record in found.records] == [
        ("first-key", True),
        ("second-key", True),
    ]
    source.set_keys("old", lambda records: records)
    snapshot = msgspec.msgpack.decode(msgspec.msgpack.encode(source.snapshot()))
    assert snapshot["projects"][0]["keys"] == ["first-key", "second-key"], "what older edges read"
