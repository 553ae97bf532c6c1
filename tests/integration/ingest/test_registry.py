"""What the registry says counts at every edge: keys, their ends, and the origins that may report."""

from __future__ import annotations

import contextlib
import operator
import secrets
import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest

from ingest import config
from storage.projects import model, project_settings, public_keys, registry
from tests.helpers import harness, waiting
from tests.integration.ingest import edges
from tests.integration.ingest.edges import CSP, REPORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx
    import redis

    from storage.servers import clickhouse

pytestmark = pytest.mark.integration

HOUR_MS = 3_600_000
EFFECTIVE_S = 2.0
"""How long a change may take to count at every edge."""


class Two:
    """Two edges on one Redis, and the registry that they follow."""

    def __init__(self, client: redis.Redis, source: registry.Registry, clients: list[httpx.Client]) -> None:
        self.client = client
        self.source = source
        self._clients = clients

    def change(self, change: Callable[[registry.Registry], model.Project]) -> model.Project:
        """Change a project and publish it."""
        project = change(self.source)
        self.source.publish(self.client)
        return project

    def answers(self, project: model.Project, key: str, **headers: str) -> list[int]:
        """Return what each edge answers to a report under a key."""
        target = f"/api/{project.id}/security/?sentry_key={key}"
        return [
            client.post(target, content=REPORT, headers={**CSP, **headers}).status_code
            for client in self._clients
        ]

    def come_to(self, status: int, project: model.Project, key: str, **headers: str) -> None:
        """Wait until both edges answer with this status."""
        wanted = [status] * len(self._clients)
        waiting.until(lambda: self.answers(project, key, **headers) == wanted, f"both edges answer {status}")


@pytest.fixture
def two(tmp_path: Path, server: clickhouse.Connection) -> Iterator[Two]:
    with contextlib.ExitStack() as stack:
        shared = stack.enter_context(harness.redis_server(tmp_path))
        client = stack.enter_context(shared.client())
        source = registry.Registry(server)
        source.publish(client)
        both = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            edge = stack.enter_context(edges.edge(tmp_path / name, shared.url))
            both.append(stack.enter_context(edge.client()))
        yield Two(client, source, both)


def test_an_edge_looks_often_enough() -> None:
    settings = config.EdgeConfig(redis_url="")
    assert settings.refresh_interval + 2 * settings.redis_timeout < EFFECTIVE_S


def test_every_change_of_a_project_counts_at_both_edges(two: Two) -> None:
    project = two.change(lambda source: source.create("shop"))
    (first,) = project.keys
    two.come_to(200, project, first)
    now_ms = int(time.time() * 1000)
    second, third = (public_keys.fresh(now_ms) for _ in range(2))
    two.change(lambda s: s.set_keys("shop", lambda keys: public_keys.added(keys, second, now_ms)))
    two.come_to(200, project, second.key)
    two.change(
        lambda s: s.set_keys(
            "shop", lambda keys: public_keys.rotated(keys, first, third, now_ms=s.now_ms, grace_ms=HOUR_MS)
        )
    )
    two.come_to(200, project, third.key)
    assert two.answers(project, first) == [200, 200], "the grace"
    two.change(lambda s: s.set_keys("shop", lambda keys: public_keys.disabled(keys, second.key)))
    two.come_to(403, project, second.key)
    assert two.answers(project, third.key) == [200, 200]
    changes: tuple[tuple[model.Status, int], ...] = (("disabled", 403), ("active", 200), ("retired", 410))
    for status, answer in changes:
        two.change(operator.methodcaller("set_status", "shop", status))
        two.come_to(answer, project, third.key)


def test_a_key_ends_while_redis_says_nothing(two: Two) -> None:
    project = two.change(lambda source: source.create("shop"))
    (first,) = project.keys
    two.come_to(200, project, first)
    two.change(
        lambda s: s.set_keys(
            "shop",
            lambda keys: public_keys.rotated(
                keys, "", public_keys.fresh(s.now_ms), now_ms=s.now_ms, grace_ms=1500
            ),
        )
    )
    version = two.client.get(registry.VERSION_KEY)
    two.come_to(403, project, first)
    assert two.client.get(registry.VERSION_KEY) == version


def test_only_allowed_origins_report(two: Two) -> None:
    project = two.change(lambda source: source.create("shop"))
    (key,) = project.keys
    two.come_to(200, project, key, Origin="https://evil.test")
    settings = project_settings.ProjectSettings(
        allowed_origins=("https://*.shop.example", "http://shop.example:81")
    )
    two.change(lambda s: s.change("shop", lambda p: msgspec.structs.replace(p, settings=settings)))
    two.come_to(403, project, key, Origin="https://evil.test")
    for headers, status in (
        ({"Origin": "https://a.shop.example"}, 200),
        ({"Origin": "http://shop.example:81", "Referer": "https://evil.test/"}, 200),
        ({"Origin": "https://shop.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "null", "Referer": "https://a.shop.example/"}, 403),
        ({"Referer": "https://a.shop.example/cart?x"}, 200),
        ({"Referer": "https://evil.test/?https://a.shop.example"}, 403),
        ({}, 200),
    ):
        assert two.answers(project, key, **headers) == [status] * 2, headers
    settings = project_settings.ProjectSettings(allowed_origins=("null",))
    two.change(lambda s: s.change("shop", lambda p: msgspec.structs.replace(p, settings=settings)))
    two.come_to(200, project, key, Origin="null")
    assert two.answers(project, key, Origin="https://a.shop.example") == [403, 403]


class Spent(NamedTuple):
    """What Redis carried out: looks of edges at it, and all commands."""

    looks: int
    commands: int


def spent(client: redis.Redis) -> Spent:
    by_command = client.info("commandstats")
    looks = by_command["cmdstat_client|setname"]["calls"]
    return Spent(looks, int(client.info("stats")["total_commands_processed"]))


def spent_by(client: redis.Redis, work: Callable[[], object], looks: int) -> Spent:
    """Return what Redis carried out during some work and until so many looks, further ones included."""
    before = spent(client)
    work()
    waiting.until(lambda: spent(client).looks - before.looks >= looks, f"{looks} looks of edges at Redis")
    after = spent(client)
    return Spent(after.looks - before.looks, after.commands - before.commands)


def test_random_keys_cost_redis_nothing(two: Two) -> None:
    project = two.change(lambda source: source.create("shop"))
    two.come_to(200, project, project.keys[0])
    requests = 1000

    def flood() -> None:
        for _ in range(requests // 2):
            assert two.answers(project, secrets.token_hex(16)) == [403, 403]

    quiet = spent_by(two.client, lambda: None, looks=20)
    flooded = spent_by(two.client, flood, looks=20)
    more = flooded.commands - quiet.commands / quiet.looks * flooded.looks
    # The counts of refusals are flushed each second, in some commands.
    assert more < requests / 5 + 3 * flooded.looks
    assert two.answers(project, project.keys[0]) == [200, 200]
