"""Senders that do not read the answers to what they send."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, BinaryIO

import pytest

from deploy.network import addresses
from deploy.processes import child
from tests.helpers import waiting
from tests.integration.ingest import edges

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

    from tests.helpers import harness

pytestmark = pytest.mark.integration

PREFLIGHT = f"OPTIONS {edges.TARGET} HTTP/1.1\r\nHost: edge\r\n\r\n".encode()
REPORT = (
    f"POST {edges.TARGET} HTTP/1.1\r\nHost: edge\r\nContent-Length: {len(edges.REPORT)}\r\n\r\n".encode()
    + edges.REPORT
)
PORTION = PREFLIGHT * 300 + REPORT
"""Less than what may be sent ahead; once its report is stored, all of it was served."""
MOST = 100
"""Portions, with 10 MB of answers: more than the kernel keeps for a connection."""


@pytest.fixture
def impatient(
    tmp_path: Path, redis_server: harness.RedisServer, redis_client: redis.Redis
) -> Iterator[edges.Edge]:
    assert redis_client.ping()
    with edges.edge(tmp_path, redis_server.url, keep_alive=1, trusted_proxies=()) as running:
        assert running.is_ready()
        yield running


def _is_cut(raw: socket.socket, edge: edges.Edge) -> bool:
    """Tell whether the edge holds this connection no more; what the kernel still has to send is its own."""
    held = (held for process in edge.process.family() for held in process.net_connections("tcp"))
    return raw.getsockname() not in {connection.raddr for connection in held}


def _resident(edge: edges.Edge) -> int:
    return max(process.memory_info().rss for process in edge.process.family())


def _wait_served(raw: socket.socket, edge: edges.Edge, client: redis.Redis, reports: int) -> None:
    waiting.until(
        lambda: edges.acknowledged(client) == reports or _is_cut(raw, edge),
        "a portion is served, or its sender cut off",
    )


def test_a_sender_that_reads_no_answers_is_cut_off(impatient: edges.Edge, redis_client: redis.Redis) -> None:
    before, memory = edges.acknowledged(redis_client), _resident(impatient)
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect((addresses.LOOPBACK, impatient.port))
        for sent in range(1, MOST + 1):
            with contextlib.suppress(ConnectionError):
                raw.sendall(PORTION)
            _wait_served(raw, impatient, redis_client, before + sent)
            if _is_cut(raw, impatient):
                break
        assert _is_cut(raw, impatient), f"{sent} portions were served"
    assert _resident(impatient) - memory < 16 << 20
    assert impatient.is_ready()


def test_answers_that_are_read_late_arrive_all(edge: edges.Edge, redis_client: redis.Redis) -> None:
    before = edges.acknowledged(redis_client)
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(waiting.PATIENCE_S)
        raw.connect((addresses.LOOPBACK, edge.port))
        for sent in range(1, MOST + 1):
            raw.sendall(PORTION)
            # Whatever takes so long, the answers below must be complete.
            if not child.wait_until(lambda: edges.acknowledged(redis_client) == before + sent, 1):  # noqa: B023 - called here
                break
        stream = raw.makefile("rb")
        statuses = [line.split()[1] for line in _lines(stream, sent * 301) if line.startswith(b"HTTP/")]
    assert statuses == [*[b"204"] * 300, b"200"] * sent


def _lines(stream: BinaryIO, answers: int) -> Iterator[bytes]:
    """Yield the lines of so many answers, which have no bodies."""
    while answers:
        line = stream.readline()
        assert line, f"{answers} answers are missing"
        answers -= line == b"\r\n"
        yield line
