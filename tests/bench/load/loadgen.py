"""A lean HTTP load generator, run as a process of its own: ``python -m tests.bench.load.loadgen PLAN``.

It shares the machine with the system under test, so it spends as little as Python can: keep-alive sockets,
requests that were built before the clock starts, one ``epoll`` and about ten microseconds a request. It is no
HTTP client: an answer without a ``Content-Length`` is taken to have no body.

In a closed loop every connection sends its next request when it has its answer. With a rate, requests fall
due by the clock; a request that has to wait for a free connection counts its waiting as latency.
"""

from __future__ import annotations

import array
import itertools
import re
import select
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.load import corpus

_addresses: Final = (f"11.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in itertools.count())
"""Each request comes from somebody else; the edge must trust loopback to say so."""
_READ: Final = 65_536
_LAST_ANSWERS: Final = 10.0
"""Seconds to wait for the answers that are outstanding when the time is up."""
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length:[ \t]*(\d+)")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The requests to send, and for how long.

    Attributes:
        host, port: where to; loopback.
        requests: complete HTTP/1.1 requests, sent in this order and over again.
        seconds: how long to measure.
        connections: keep-alive connections, each with at most one request under way.
        rate: requests a second; 0 means a closed loop.
        warm_up: seconds of the same load before the measuring starts.
    """

    host: str
    port: int
    requests: list[bytes]
    seconds: float
    connections: int = 128
    rate: float = 0
    warm_up: float = 1.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The answers that came back.

    Attributes:
        seconds: the time measured.
        statuses: answers by status over the whole run, warm-up and last answers included.
        broken: requests whose connection ended before the answer.
        measured: 2xx answers within the measured time.
        p50_ms, p99_ms: latency of those.
        started_at: when the measuring began, by ``time.time()``.
        cpu_seconds: CPU time of the load generator itself.
    """

    seconds: float
    statuses: dict[str, int]
    broken: int
    measured: int
    p50_ms: float
    p99_ms: float
    started_at: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        """2xx answers a second."""
        return self.measured / self.seconds

    @property
    def acknowledged(self) -> int:
        """2xx answers over the whole run."""
        return sum(count for status, count in self.statuses.items() if status.startswith("2"))


class Running:
    """A load generator under way; ``outcome`` waits for its end."""

    def __init__(self, plan: Plan, directory: Path) -> None:
        path = directory / f"load-{time.monotonic_ns()}.msgpack"
        path.write_bytes(msgspec.msgpack.encode(plan))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.load.loadgen", str(path)], stdout=subprocess.PIPE
        )

    def is_under_way(self) -> bool:
        """Tell whether it still sends."""
        return self._process.poll() is None

    def outcome(self) -> Outcome:
        """Return what came back.

        Raises:
            CalledProcessError: the load generator failed.
        """
        output, _ = self._process.communicate()
        if self._process.returncode:
            raise subprocess.CalledProcessError(self._process.returncode, "loadgen")
        return msgspec.json.decode(output, type=Outcome)


def request(sample: corpus.Sample, path: str, host: str) -> bytes:
    """Return the complete HTTP request that posts a sample to ``path``, as a browser words it."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive\r\n"
        f"Content-Length: {len(sample.body)}\r\nUser-Agent: {sample.user_agent}\r\n"
        f"Content-Type: {sample.content_type}\r\nAccept: */*\r\nOrigin: https://shop.example\r\n"
        f"X-Forwarded-For: {next(_addresses)}\r\n"
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: report\r\n"
        "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\r\n"
    ).encode() + sample.body


class _Connection:
    """One keep-alive connection. ``due`` is when the request under way fell due; 0 while it is idle."""

    __slots__ = ("address", "buffer", "due", "sock")

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.open()

    def open(self) -> None:
        self.buffer = b""
        self.due = 0.0
        self.sock = socket.create_connection(self.address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class _Load:
    """One run of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = itertools.cycle(plan.requests)
        self._epoll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._idle: deque[_Connection] = deque()
        self._statuses: Counter[bytes] = Counter()
        self._latencies = array.array("d")
        self._broken = 0
        self._sent = 0
        for _ in range(plan.connections):
            connection = _Connection((plan.host, plan.port))
            self._register(connection)
            self._idle.append(connection)

    def run(self) -> Outcome:
        """Send until the time is up, then wait for the answers still outstanding."""
        plan = self._plan
        begin = time.perf_counter()
        self._send_until(begin, begin + plan.warm_up)
        self._latencies = array.array("d")
        started_at, measured_from, cpu_from = time.time(), time.perf_counter(), time.process_time()
        self._send_until(begin, begin + plan.warm_up + plan.seconds)
        seconds, cpu_seconds = time.perf_counter() - measured_from, time.process_time() - cpu_from
        latencies = sorted(self._latencies)
        self._await_answers()
        return Outcome(
            seconds=seconds,
            statuses={status.decode(): count for status, count in self._statuses.items()},
            broken=self._broken,
            measured=len(latencies),
            p50_ms=percentile(latencies, 0.50) * 1000,
            p99_ms=percentile(latencies, 0.99) * 1000,
            started_at=started_at,
            cpu_seconds=cpu_seconds,
        )

    def _send_until(self, begin: float, end: float) -> None:
        clock, poll, receive = time.perf_counter, self._epoll.poll, self._receive
        send = self._send_due if self._plan.rate else self._send_idle
        while (now := clock()) < end:
            send(now - begin, now)
            for descriptor, _ in poll(0.001):
                receive(descriptor)

    def _send_idle(self, _elapsed: float, now: float) -> None:
        idle = self._idle
        while idle:
            self._send(idle.popleft(), now)

    def _send_due(self, elapsed: float, now: float) -> None:
        """Send what has fallen due, as far as connections are free; latency starts when it fell due."""
        idle, rate = self._idle, self._plan.rate
        while idle and self._sent < elapsed * rate:
            self._send(idle.popleft(), now - elapsed + self._sent / rate)
            self._sent += 1

    def _send(self, connection: _Connection, due: float) -> None:
        connection.due = due
        try:
            connection.sock.sendall(next(self._requests))
        except OSError:
            self._reopen(connection)

    def _receive(self, descriptor: int) -> None:
        connection = self._connections[descriptor]
        try:
            data = connection.sock.recv(_READ)
        except OSError:
            data = b""
        if not data:
            self._reopen(connection)
            return
        if connection.buffer or not data.endswith(b"\r\n\r\n"):
            connection.buffer = data = connection.buffer + data
            if not _is_complete(data):
                return
            connection.buffer = b""
        status = data[9:12]
        self._statuses[status] += 1
        if status[:1] == b"2":
            self._latencies.append(time.perf_counter() - connection.due)
        connection.due = 0.0
        self._idle.append(connection)

    def _reopen(self, connection: _Connection) -> None:
        if connection.due:
            self._broken += 1
            self._idle.append(connection)
        del self._connections[connection.sock.fileno()]
        connection.sock.close()
        connection.open()
        self._register(connection)

    def _register(self, connection: _Connection) -> None:
        self._connections[connection.sock.fileno()] = connection
        self._epoll.register(connection.sock.fileno(), select.EPOLLIN)

    def _await_answers(self) -> None:
        end = time.perf_counter() + _LAST_ANSWERS
        while len(self._idle) < len(self._connections) and time.perf_counter() < end:
            for descriptor, _ in self._epoll.poll(0.1):
                self._receive(descriptor)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` of the ascending values lie; 0 when there are none."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def _is_complete(data: bytes) -> bool:
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        return False
    length = _LENGTH.search(head)
    return length is None or len(body) >= int(length[1])


def main(arguments: Sequence[str]) -> None:
    """Run the plan in the named file and print its outcome as JSON."""
    (path,) = arguments
    plan = msgspec.msgpack.decode(Path(path).read_bytes(), type=Plan)
    Path(path).unlink()
    sys.stdout.buffer.write(msgspec.json.encode(_Load(plan).run()))


if __name__ == "__main__":
    main(sys.argv[1:])
