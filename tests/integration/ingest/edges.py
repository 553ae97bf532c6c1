"""Runs an edge under gunicorn for the tests, and knows what they ask of it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec

from deploy.network import addresses, ports
from deploy.processes import child
from ingest import config
from storage.projects import model, registry
from storage.queue import batches, envelope, streams
from tests.helpers import paths, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

KEY: Final = "0123456789abcdef0123456789abcdef"
OTHER_KEY: Final = "f" * 32
DISABLED_KEY: Final = "d" * 32
RETIRED_KEY: Final = "e" * 32
PROJECTS: Final = (
    model.Project(id=1, name="one", keys=(KEY,)),
    model.Project(id=2, name="two", keys=(OTHER_KEY,)),
    model.Project(id=3, name="disabled", keys=(DISABLED_KEY,), status="disabled"),
    model.Project(id=4, name="retired", keys=(RETIRED_KEY,), status="retired"),
)
PATH: Final = "/api/1/security/"
TARGET: Final = f"{PATH}?sentry_key={KEY}"
REPORT: Final = b'{"csp-report":{"document-uri":"https://www.example.com/","blocked-uri":"inline"}}'
CSP: Final = {"Content-Type": "application/csp-report"}

_ROOT: Final = paths.ROOT
REDIS_S: Final = 20.0
"""Seconds that an edge of the tests waits for Redis: more than in production, for the machine may be busy."""


def publish(client: redis.Redis, version: int, projects: tuple[model.Project, ...] = PROJECTS) -> None:
    """Put a snapshot of the registry into Redis."""
    snapshot = model.Snapshot(version=version, projects=projects)
    client.set(registry.SNAPSHOT_KEY, msgspec.msgpack.encode(snapshot))
    client.set(registry.VERSION_KEY, str(version))


def stored(client: redis.Redis, receipt: str) -> envelope.Payload:
    """Return the payload that a receipt stands for."""
    shard, milliseconds, sequence, index = receipt.split("-")
    entry_id = f"{milliseconds}-{sequence}"
    (entry,) = batches.Queue(client).read_between(int(shard), entry_id, entry_id)
    return envelope.decode(entry.id, entry.value).payloads[int(index)]


def acknowledged(client: redis.Redis) -> int:
    """Return how many payloads were ever stored."""
    ledgers = [client.hgetall(streams.keys(shard).ledger) for shard in range(streams.DEFAULT_SHARDS)]
    return sum(int(count) for ledger in ledgers for count in ledger.values())


def has_cors(headers: httpx.Headers) -> bool:
    """Tell whether these headers let every origin read the answer, and reflect none."""
    exposed = headers.get("access-control-expose-headers", "")
    return headers.get("access-control-allow-origin") == "*" and "X-Headrace-Receipt" in exposed


@dataclasses.dataclass(frozen=True)
class Edge:
    """A running edge."""

    port: int
    process: child.Child
    log: Path

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{addresses.LOOPBACK}:{self.port}"

    def client(self) -> httpx.Client:
        """Return a new HTTP client of this edge."""
        return httpx.Client(base_url=self.url, timeout=waiting.PATIENCE_S)

    def readiness(self) -> tuple[int, str]:
        """Return what ``/readyz`` answers: the status, and the reason or an empty string."""
        answer = httpx.get(f"{self.url}/readyz", timeout=waiting.PATIENCE_S)
        return answer.status_code, answer.json().get("detail", "")

    def is_ready(self) -> bool:
        """Tell whether it takes reports."""
        return self.readiness() == (httpx.codes.OK, "")

    def is_up(self) -> bool:
        """Tell whether it answers at all."""
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/healthz", timeout=waiting.PATIENCE_S).is_success
        return False


@contextlib.contextmanager
def edge(directory: Path, redis_url: str, *, keep_alive: int = 15, **settings: Any) -> Iterator[Edge]:
    """Run an edge of one process, with the same options of gunicorn as in production.

    Args:
        directory: where its log goes.
        redis_url: the Redis it stores in.
        keep_alive: seconds that a sender may take to send something, or to read an answer.
        settings: members of ``config.EdgeConfig``.
    """
    edge_config = config.EdgeConfig(
        redis_url=redis_url,
        **{"trusted_proxies": (addresses.LOOPBACK,), "redis_timeout": REDIS_S, **settings},
    )
    port = ports.free_port()
    options = {
        "--bind": f"{addresses.LOOPBACK}:{port}",
        "--worker-class": "ingest.http.gunicorn_worker.EdgeWorker",
        "--asgi-loop": "uvloop",
        "--asgi-lifespan": "on",
        "--graceful-timeout": "5",
        "--keep-alive": str(keep_alive),
    }
    process = child.Child(
        [
            *(sys.executable, "-m", "gunicorn", "tests.integration.ingest.edge_factory:create()"),
            *(part for pair in options.items() for part in pair),
            "--no-control-socket",
        ],
        directory / "edge.log",
        {"EDGE_CONFIG": msgspec.json.encode(edge_config).decode(), "PYTHONPATH": str(_ROOT)},
    )
    running = Edge(port, process, directory / "edge.log")
    try:
        waiting.until(running.is_up, "the edge answers", child=process, log=running.log)
        yield running
    finally:
        process.stop()


@contextlib.contextmanager
def frozen(process: child.Child) -> Iterator[None]:
    """Stop a process from answering, without ending it."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)
