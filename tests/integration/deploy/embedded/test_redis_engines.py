"""A Redis that cannot hold the queue is told so before anything relies on it, and its version is shown."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from deploy.embedded import redis as embedded_redis
from deploy.network import ports
from deploy.processes import child
from deploy.servers import backends, redis_engines
from tests.helpers import harness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration


@contextlib.contextmanager
def redis_with(directory: Path, *options: str) -> Iterator[str]:
    """Run a Redis with further options, and give its URL."""
    port = ports.free_port()
    url = embedded_redis.url(port)
    program = embedded_redis.choose(directory).path
    command = embedded_redis.arguments(program, directory, port, maxmemory=1 << 28, appendfsync="no")
    if "--cluster-enabled" in options:  # else it is the port plus 10 000, which may be no port, or in use
        command += ["--cluster-port", str(ports.free_port())]
    process = child.Child([*command, *options], directory / "redis.log")
    try:
        assert child.wait_until(lambda: backends.redis_is_ready(url), 60, child=process)
        yield url
    finally:
        process.stop()


def test_the_embedded_redis_is_suitable(tmp_path: Path) -> None:
    with redis_with(tmp_path) as url:
        engine, risks = backends.require_suitable_redis(url)
    assert engine == embedded_redis.choose(tmp_path).engine
    assert risks == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--maxmemory-policy", "allkeys-lru"), "set its maxmemory-policy from allkeys-lru to noeviction."),
        (("--maxmemory-policy", "volatile-ttl"), "set its maxmemory-policy from volatile-ttl to noeviction."),
        (("--cluster-enabled", "yes"), "is a cluster: .* so name a single server."),
        (("--replicaof", "127.0.0.1 1"), "is a replica, which takes no writes: name its primary."),
        (
            ("--user", *["default", "on", "nopass", "~*", "&*", "+@all", "-eval"]),
            "does not run Headrace's scripts: it must be .*",
        ),
    ],
)
def test_what_cannot_hold_the_queue_is_refused(tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    engine = embedded_redis.choose(tmp_path).engine
    with (
        redis_with(tmp_path, *options) as url,
        pytest.raises(redis_engines.UnsuitableError, match=rf"^Redis at 127.* \({engine}\) .*{told}$"),
    ):
        backends.require_suitable_redis(url)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--maxmemory", "0", "--maxmemory-policy", "allkeys-lfu"), "would evict reports once it has a max"),
        (("--appendonly", "no"), "keeps no append-only log"),
    ],
)
def test_what_may_lose_reports_one_day_is_told(tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    with redis_with(tmp_path, *options) as url:
        _, risks = backends.require_suitable_redis(url)
    assert [told in risk for risk in risks] == [True]


@pytest.mark.parametrize("command", ["edge", "worker", "maintenance"])
def test_no_process_starts_on_a_redis_that_evicts(tmp_path: Path, command: str) -> None:
    with redis_with(tmp_path, "--maxmemory-policy", "allkeys-random") as url:
        done = harness.headrace(
            command, HEADRACE_REDIS_URL=url, HEADRACE_CLICKHOUSE_URL="clickhouse://127.0.0.1:1"
        )
    assert done.returncode == 1
    assert done.stderr.startswith("headrace: Redis at 127.0.0.1:")
    assert done.stderr.endswith("set its maxmemory-policy from allkeys-random to noeviction.\n")


def test_up_and_status_say_which_redis_runs(system: harness.System, tmp_path: Path) -> None:
    program = embedded_redis.choose(tmp_path)
    assert f"The queue is in {program.engine}: {program.path}." in system.output()
    found: dict[str, Any] = system.json("status")["redis"]
    assert (found["server"], found["version"]) == program.engine
    shown = system.headrace("status").stdout
    assert f"MiB, {program.engine}" in shown
    processes = len(system.runtime.pids.edge) - 1  # without gunicorn's master
    assert f"edges       {processes} of {processes} processes know the newest projects" in shown
    assert [edge["current"] for edge in system.json("status")["edges"]] == [True] * processes
    name, _ = program.engine
    assert f'"server":"{name}"' in (system.directory / "logs" / "edge.log").read_text().replace(": ", ":")
