"""The edge while its Redis is frozen, killed, full, empty, or not there yet."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os
import signal
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest

from deploy.network import addresses, ports
from ingest import config
from storage.projects import registry
from storage.tables import refusals
from tests.helpers import harness, waiting
from tests.integration.ingest import edges
from tests.integration.ingest.edges import CSP, REPORT, TARGET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis import Redis

pytestmark = pytest.mark.integration

REDIS_S = config.EdgeConfig(redis_url="").redis_timeout
"""Seconds that an edge in production waits for its Redis."""


@dataclasses.dataclass(frozen=True)
class System:
    """A Redis and an edge that a test may do anything to."""

    redis: harness.RedisServer
    client: Redis
    edge: edges.Edge

    def post(self, target: str = TARGET) -> httpx.Response:
        """Send a report over a connection of its own."""
        answer = httpx.post(self.edge.url + target, content=REPORT, headers=CSP, timeout=waiting.PATIENCE_S)
        assert edges.has_cors(answer.headers)
        return answer

    def comes_to(self, status: int, target: str = TARGET) -> None:
        """Wait until a report is answered with this status."""
        waiting.until(lambda: self.post(target).status_code == status, f"a report is answered with {status}")

    def becomes_ready(self) -> None:
        """Wait until the edge says that it is ready."""
        waiting.until(self.edge.is_ready, "the edge is ready")

    def becomes_unready(self, detail: str) -> None:
        """Wait until the edge says that it is not ready, and why."""
        waiting.until(lambda: self.edge.readiness() == (503, detail), detail)


@contextlib.contextmanager
def running(tmp_path: Path, **settings: Any) -> Iterator[System]:
    with harness.redis_server(tmp_path) as server, server.client() as client:
        edges.publish(client, 1)
        with edges.edge(tmp_path, server.url, **settings) as edge:
            started = System(server, client, edge)
            started.becomes_ready()
            yield started


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    with running(tmp_path) as started:
        yield started


def is_temporary(answer: httpx.Response) -> bool:
    """Tell whether this is a 503 that says when to come back, and no receipt."""
    return (
        answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        and answer.headers["retry-after"].isdigit()
        and "x-headrace-receipt" not in answer.headers
    )


def test_a_frozen_redis_is_answered_with_503_until_it_wakes(tmp_path: Path) -> None:
    with running(tmp_path, redis_timeout=REDIS_S) as system:
        with edges.frozen(system.redis.process):
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                assert all(map(is_temporary, pool.map(lambda _: system.post(), range(24))))
            system.becomes_unready("Redis does not answer.")
            assert httpx.get(f"{system.edge.url}/healthz", timeout=waiting.PATIENCE_S).is_success
        system.comes_to(200)
        system.becomes_ready()


def test_a_redis_that_is_killed_and_comes_back(system: System, tmp_path: Path) -> None:
    receipt = system.post().headers["x-headrace-receipt"]
    os.kill(system.redis.process.pid, signal.SIGKILL)
    system.redis.process.wait(waiting.PATIENCE_S)
    assert is_temporary(system.post())
    refused = system.post("/api/1/security/")
    assert refused.status_code == 401, "the registry outlives Redis"
    port = int(system.redis.url.rpartition(":")[2].partition("/")[0])
    with harness.redis_server(tmp_path, port) as again, again.client() as client:
        system.comes_to(200)
        assert edges.stored(client, receipt).body == REPORT
        waiting.until(lambda: "no_key" in pending_reasons(client), "counts are kept")


def test_a_key_that_may_be_new_is_not_refused_for_good_while_redis_is_away(system: System) -> None:
    one, *others = edges.PROJECTS
    new = "9" * 32
    target = f"{edges.PATH}?sentry_key={new}"
    assert system.post(target).status_code == 403
    with edges.frozen(system.redis.process):
        system.becomes_unready("Redis does not answer.")
        assert is_temporary(system.post(target))
        assert system.post("/api/1/security/").status_code == 401
        assert system.post(f"/api/3/security/?sentry_key={edges.DISABLED_KEY}").status_code == 403
    edges.publish(system.client, 2, (msgspec.structs.replace(one, keys=(edges.KEY, new)), *others))
    system.comes_to(200, target)
    assert system.post(f"{edges.PATH}?sentry_key={'8' * 32}").status_code == 403
    waiting.until(lambda: "unsure" in pending_reasons(system.client), "the refusals are counted")


def pending_reasons(client: Redis) -> set[str]:
    fields: Any = client.hgetall(refusals.PENDING_KEY)
    return {msgspec.json.decode(key, type=refusals.RefusalKey).reason for key in fields}


def test_an_edge_that_is_started_before_its_redis(tmp_path: Path) -> None:
    port = ports.free_port()
    url = f"redis://{addresses.LOOPBACK}:{port}/0"
    with edges.edge(tmp_path, url) as edge:
        assert not edge.is_ready()
        assert is_temporary(
            httpx.post(edge.url + TARGET, content=REPORT, headers=CSP, timeout=waiting.PATIENCE_S)
        )
        with harness.redis_server(tmp_path, port) as server, server.client() as client:
            system = System(server, client, edge)
            system.becomes_unready("The project registry is not loaded yet.")
            edges.publish(client, 1)
            system.becomes_ready()
            system.comes_to(200)


def test_a_change_of_the_registry_counts_soon(system: System) -> None:
    one, *others = edges.PROJECTS
    assert system.post().status_code == 200
    for version, status, expected in ((2, "disabled", 403), (3, "retired", 410), (4, "active", 200)):
        edges.publish(system.client, version, (msgspec.structs.replace(one, status=status), *others))
        system.comes_to(expected)


def test_a_key_that_is_rotated_counts_soon(system: System) -> None:
    one, *others = edges.PROJECTS
    new_target = TARGET.replace(edges.KEY, "9" * 32)
    assert system.post(new_target).status_code == 403
    edges.publish(system.client, 2, (msgspec.structs.replace(one, keys=("9" * 32,)), *others))
    system.comes_to(200, new_target)
    assert system.post().status_code == 403


def test_a_registry_that_breaks_is_kept(system: System) -> None:
    system.client.delete(registry.SNAPSHOT_KEY)
    system.client.set(registry.VERSION_KEY, "2")
    assert still_takes_reports(system)
    system.client.set(registry.SNAPSHOT_KEY, b"\xc1 no snapshot")
    assert still_takes_reports(system)
    system.client.set(registry.VERSION_KEY, "no number")
    system.becomes_unready("Redis does not answer.")
    assert system.post().status_code == 200


def test_an_emptied_redis_is_answered_with_503_until_the_registry_is_back(system: System) -> None:
    assert system.post().status_code == 200
    system.client.flushall()
    system.comes_to(503)
    assert is_temporary(system.post())
    system.becomes_unready("The project registry is not loaded yet.")
    edges.publish(system.client, 1)
    answers = [503]
    while answers[-1] == httpx.codes.SERVICE_UNAVAILABLE:
        answers.append(system.post().status_code)
    assert answers[-1] == httpx.codes.OK, "a good key is never refused for good"


def still_takes_reports(system: System) -> bool:
    """Tell whether reports are taken after the edge looked at Redis twice more."""
    before = commands(system.client)
    waiting.until(lambda: commands(system.client) >= before + 2, "the edge looked twice")
    return system.post().status_code == 200


def commands(client: Redis) -> int:
    """Return how often the edge asked for the registry's version, or for anything else by GET."""
    statistics: dict[str, dict[str, int]] = client.info("commandstats")
    return statistics.get("cmdstat_get", {"calls": 0})["calls"]


def test_above_the_high_water_mark_reports_are_refused(system: System) -> None:
    used = system.client.info("memory")["used_memory"]
    system.client.config_set("maxmemory", int(used * 1.1))
    system.becomes_unready("Redis' memory is above the high-water mark.")
    assert is_temporary(system.post())
    system.client.config_set("maxmemory", 0)
    system.comes_to(200)


def test_a_redis_that_is_out_of_memory_stores_nothing(tmp_path: Path) -> None:
    with harness.redis_server(tmp_path) as server, server.client() as client:
        edges.publish(client, 1)
        with edges.edge(tmp_path, server.url, memory_high_water=1e9) as edge:
            system = System(server, client, edge)
            client.config_set("maxmemory", 1)
            assert is_temporary(system.post())
            client.config_set("maxmemory", 0)
            system.comes_to(200)
            assert edges.acknowledged(client) == 1


@pytest.mark.parametrize("right", ["client", "client|setname"])
def test_an_edge_that_may_not_name_its_connection_takes_reports(tmp_path: Path, right: str) -> None:
    with harness.redis_server(tmp_path) as server, server.client() as client:
        edges.publish(client, 1)
        client.execute_command("ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all", f"-{right}")
        limited = server.url.replace("redis://", "redis://limited:secret@")
        with edges.edge(tmp_path, limited) as edge:
            System(server, client, edge).comes_to(200)


def test_an_edge_that_is_stopped_answers_whom_it_has_taken_in(system: System) -> None:
    def send_until_refused() -> int:
        accepted = 0
        with contextlib.suppress(httpx.TransportError):
            while True:
                accepted += system.post().status_code == 200
        return accepted

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        senders = [pool.submit(send_until_refused) for _ in range(8)]
        waiting.until(lambda: edges.acknowledged(system.client) > 50, "the senders are under way")
        system.edge.process.terminate()
        accepted = sum(sender.result() for sender in senders)
    assert accepted == edges.acknowledged(system.client)
    waiting.until(lambda: system.edge.process.exit_code() is not None, "the edge ended")
    assert system.edge.process.exit_code() == 0
    assert "Traceback" not in system.edge.log.read_text()
