"""What a request resolves to, by its project, its key and the registry."""

from __future__ import annotations

import pytest

from ingest import refusals
from ingest.checks import targets
from storage.limits import exhausted_quotas
from storage.projects import model, project_settings, public_keys
from storage.queue import envelope

KEY, OTHER_KEY, THIRD_KEY = "a" * 32, "b" * 32, "c" * 32
SNAPSHOT = model.Snapshot(
    version=1,
    projects=(
        model.Project(id=1, name="one", keys=(KEY, THIRD_KEY)),
        model.Project(id=2, name="two", keys=(OTHER_KEY,)),
        model.Project(id=3, name="three", keys=("d",), status="disabled"),
        model.Project(id=4, name="four", keys=("e",), status="retired"),
    ),
)


@pytest.fixture
def table() -> targets.TargetTable:
    table = targets.TargetTable(16)
    table.replace(SNAPSHOT)
    return table


@pytest.mark.parametrize(
    ("project_id", "query", "refusal"),
    [
        (1, f"sentry_key={KEY}", None),
        (1, f"sentry_key={THIRD_KEY}", None),
        (1, "", refusals.NO_KEY),
        (9, "", refusals.NO_KEY),
        (1, "sentry_key=unknown", refusals.UNKNOWN_KEY),
        (1, f"sentry_key={OTHER_KEY}", refusals.UNKNOWN_KEY),
        (9, f"sentry_key={KEY}", refusals.UNKNOWN_KEY),
        (1, f"sentry_key={KEY.upper()}", refusals.UNKNOWN_KEY),
        (3, "sentry_key=d", refusals.DISABLED),
        (3, f"sentry_key={KEY}", refusals.UNKNOWN_KEY),
        (4, "sentry_key=e", refusals.RETIRED),
        (4, f"sentry_key={KEY}", refusals.UNKNOWN_KEY),
    ],
)
def test_who_may_report(
    project_id: int, query: str, refusal: refusals.Refusal | None, table: targets.TargetTable
) -> None:
    assert table.find(project_id, query.encode(), b"").refusal is refusal


def test_a_target_holds_what_the_payload_needs(table: targets.TargetTable) -> None:
    query = b"sentry_environment=prod&sentry_release=latest"
    target = table.find(1, query, f"Sentry sentry_key={KEY}".encode())
    assert (target.project_id, target.key, target.environment, target.release) == (1, KEY, "prod", "")
    assert target.flags == envelope.RELEASE_BLANKED
    assert target.stream == envelope.shard_of(1, "prod", "", 16)


def test_an_unknown_key_leaves_no_trace_in_the_statistics(table: targets.TargetTable) -> None:
    target = table.find(1, b"sentry_key=unknown&sentry_environment=prod", b"")
    assert (target.project_id, target.key, target.environment, target.release) == (0, "", "", "")


def test_a_disabled_project_is_named_in_the_statistics(table: targets.TargetTable) -> None:
    target = table.find(3, b"sentry_key=d&sentry_environment=prod", b"")
    assert (target.project_id, target.key, target.environment) == (3, "d", "prod")


def test_nothing_resolves_before_the_registry_arrived() -> None:
    table = targets.TargetTable(16)
    assert not table.loaded
    assert table.find(1, f"sentry_key={KEY}".encode(), b"").refusal is refusals.NO_REGISTRY
    table.replace(SNAPSHOT)
    found = table.find(1, f"sentry_key={KEY}".encode(), b"")
    assert (table.loaded, found.refusal) == (True, None)


def test_a_new_snapshot_counts_at_once(table: targets.TargetTable) -> None:
    request = (1, f"sentry_key={KEY}".encode(), b"")
    assert table.find(*request).refusal is None
    disabled = model.Project(id=1, name="one", keys=(KEY,), status="disabled")
    table.replace(model.Snapshot(version=2, projects=(disabled,)))
    assert table.find(*request).refusal is refusals.DISABLED
    table.replace(model.Snapshot(version=3, projects=()))
    assert table.find(*request).refusal is refusals.UNKNOWN_KEY


def test_a_repeated_request_is_cached_and_a_long_one_is_not(table: targets.TargetTable) -> None:
    short, long = f"sentry_key={KEY}".encode(), f"sentry_key={KEY}&x={'y' * 600}".encode()
    assert table.find(1, short, b"") is table.find(1, short, b"")
    assert table.find(1, long, b"") is not table.find(1, long, b"")


def test_the_cache_is_bounded(table: targets.TargetTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "_CACHED", 2)
    query = f"sentry_key={KEY}&n=".encode()
    first = table.find(1, query + b"0", b"")
    table.find(1, query + b"1", b"")
    assert table.find(1, query + b"0", b"") is first
    table.find(1, query + b"2", b"")
    assert table.find(1, query + b"0", b"") is not first


def keyed(*records: public_keys.Key, **parts: object) -> model.Snapshot:
    project = model.Project(id=1, name="one", keys=(), **parts)  # type: ignore[arg-type]
    return model.Snapshot(version=1, projects=(model.with_keys(project, records),))


def test_a_key_ends_by_the_clock_of_the_edge() -> None:
    now = [1000.0]
    table = targets.TargetTable(16, lambda: now[0])
    ending = public_keys.Key(key="ending-key", valid_until=1_005_000)
    table.replace(keyed(public_keys.Key(key="lasting-key"), ending))
    request = (1, b"sentry_key=ending-key", b"")
    target = table.find(*request)
    assert target.refusal is None
    assert table.find(*request) is target
    now[0] = 1004.9
    assert table.find(*request).refusal is None
    now[0] = 1005.0
    assert table.find(*request).refusal is refusals.EXPIRED_KEY
    assert table.find(*request) is table.find(*request), "a refusal is remembered like an acceptance"
    assert table.find(*request).key == "ending-key", "an operator sees which key is still in use"
    assert table.find(1, b"sentry_key=lasting-key", b"").refusal is None


def test_a_clock_that_was_ahead_for_a_moment_ends_no_key() -> None:
    now = [1000.0]
    table = targets.TargetTable(16, lambda: now[0])
    table.replace(keyed(public_keys.Key(key="ending-key", valid_until=1_005_000)))
    request = (1, b"sentry_key=ending-key", b"")
    for ahead_s, refusal in ((0, None), (21_600, refusals.EXPIRED_KEY), (0, None), (-21_600, None)):
        now[0] = 1000.0 + ahead_s
        assert table.find(*request).refusal is refusal
    now[0] = 1000.0 + 21_600
    table.replace(keyed(public_keys.Key(key="ending-key", valid_until=1_005_000)))
    assert table.find(*request).refusal is refusals.EXPIRED_KEY
    now[0] = 1000.0
    assert table.find(*request).refusal is None, "also of a request that came first while it was ahead"


def test_a_disabled_key_is_refused_and_the_status_of_its_project_comes_first() -> None:
    disabled = public_keys.Key(key="disabled-key", state="disabled")
    request = (1, b"sentry_key=disabled-key", b"")
    table = targets.TargetTable(16)
    table.replace(keyed(public_keys.Key(key="lasting-key"), disabled))
    assert table.find(*request).refusal is refusals.DISABLED_KEY
    table.replace(keyed(public_keys.Key(key="lasting-key"), disabled, status="retired"))
    assert table.find(*request).refusal is refusals.RETIRED


def test_a_forgotten_registry_is_no_unknown_key(table: targets.TargetTable) -> None:
    request = (1, f"sentry_key={KEY}".encode(), b"")
    assert table.find(*request).refusal is None
    table.forget()
    assert not table.loaded
    assert table.find(*request).refusal is refusals.NO_REGISTRY


def test_a_target_knows_who_may_send_to_it(table: targets.TargetTable) -> None:
    assert table.find(1, f"sentry_key={KEY}".encode(), b"").origins is None
    settings = project_settings.ProjectSettings(allowed_origins=("https://a.example",))
    table.replace(keyed(public_keys.Key(key="lasting-key"), settings=settings))
    allowed = table.find(1, b"sentry_key=lasting-key", b"").origins
    assert allowed
    assert allowed.allow("https://a.example")
    assert not allowed.allow("https://b.example")


def test_an_isolated_project_sends_into_the_streams_beyond_the_shards(table: targets.TargetTable) -> None:
    request = (1, f"sentry_key={KEY}".encode(), b"")
    shard = table.find(*request).stream
    table.isolate(frozenset({1}))
    assert table.find(*request).stream == shard + 16
    assert table.find(2, f"sentry_key={OTHER_KEY}".encode(), b"").stream < 16
    table.isolate(frozenset())
    assert table.find(*request).stream == shard


def test_only_a_quota_that_a_project_still_has_sheds(table: targets.TargetTable) -> None:
    exhausted = exhausted_quotas.Exhausted(1, "", "project_day", 10, 2_000_000_000)
    assert not table.stands(exhausted)
    settings = project_settings.ProjectSettings(quota_per_day=10)
    table.replace(keyed(public_keys.Key(key="lasting-key"), settings=settings))
    assert table.stands(exhausted)
    table.forget()
    assert not table.stands(exhausted)
