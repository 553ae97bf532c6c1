"""Attacks by whoever can reach the edge: good senders are answered, and it stays inside its memory.

Each attack runs from connections of its own while one good sender posts a report after the other.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import secrets
import select
import socket
import threading
import zlib
from typing import TYPE_CHECKING, Any, Final, Self

import brotli  # type: ignore[import-untyped] # it ships no type information
import httpx
import pytest
import zstandard

from deploy.network import addresses
from storage.queue import streams
from tests.helpers import waiting
from tests.integration.ingest import edges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

pytestmark = pytest.mark.integration

_MOST_RESIDENT: Final = 120_000_000
_MOST_WORK_S: Final = 5.0
"""Processor time, in seconds, that the edge may spend on others while a good sender waits."""
_ROUNDS: Final = 12
"""How often the attackers go through all their connections before an attack may end."""
_POSTS: Final = 3
"""How many good reports are taken before an attack may end."""
_CONNECTIONS: Final = 96
_MEBIBYTE: Final = 1 << 20

_BOMBS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": lambda zeros: gzip.compress(zeros, 9),
    "deflate": lambda zeros: zlib.compress(zeros, 9),
    "br": lambda zeros: brotli.compress(zeros, quality=1),
    "zstd": lambda zeros: zstandard.ZstdCompressor().compress(zeros),
}


def _head(*fields: str, target: str = edges.TARGET) -> bytes:
    lines = [f"POST {target} HTTP/1.1", "Host: edge", "Content-Type: application/reports+json", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


def _whole(body: bytes, *fields: str) -> bytes:
    return _head(f"Content-Length: {len(body)}", *fields) + body


class _Flood:
    """Connections that each send an opening and then piece after piece, at full speed or with pauses.

    Without a piece they send the opening over and over.
    """

    def __init__(self, edge: edges.Edge, opening: bytes, piece: bytes = b"", pause: float = 0.0) -> None:
        self._edge = edge
        self._opening, self._piece, self._pause = opening, piece, pause
        self._threads = [threading.Thread(target=self._send) for _ in range(4)]
        self._over = threading.Event()
        self._rounds = itertools.count(1)
        self.rounds = 0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def is_under_way(self) -> bool:
        """Tell whether the attackers can go on; one that failed has ended."""
        return all(thread.is_alive() for thread in self._threads)

    def _send(self) -> None:
        with contextlib.ExitStack() as stack:
            senders = [
                stack.enter_context(contextlib.closing(_Sender(self._edge.port, self._opening, self._piece)))
                for _ in range(_CONNECTIONS // len(self._threads))
            ]
            while not self._over.wait(self._pause):
                for sender in senders:
                    sender.go_on()
                self.rounds = next(self._rounds)


class _Sender:
    """One hostile connection; it never waits for anything, and comes back when it is thrown out."""

    def __init__(self, port: int, opening: bytes, piece: bytes) -> None:
        self._port, self._opening, self._piece = port, opening, piece
        self._connect()

    def _connect(self) -> None:
        self._raw = socket.create_connection((addresses.LOOPBACK, self._port), waiting.PATIENCE_S)
        self._raw.settimeout(0)
        self._left = memoryview(self._opening)

    def go_on(self) -> None:
        """Send what the edge takes right now."""
        try:
            self._left = self._left[self._raw.send(self._left) :]
            self._raw.recv(65_536)
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            self._connect()
        if not self._left:
            self._left = memoryview(self._piece or self._opening)

    def close(self) -> None:
        self._raw.close()


class _Seen:
    """What a good sender and the edge went through.

    Attributes:
        resident: the most memory of one of its processes, in bytes.
        work: the most processor time that the edge needed until it took a good report, in seconds.
    """

    def __init__(self, edge: edges.Edge, http: httpx.Client, client: redis.Redis) -> None:
        self._processes = edge.process.family()
        self._http = http
        self._client = client
        self.resident = 0
        self.work = 0.0

    def look(self, flood: _Flood) -> None:
        """Post good reports while an attack lasts."""
        posts = 0
        while flood.rounds < _ROUNDS or posts < _POSTS:
            assert flood.is_under_way()
            before = self._worked()
            waiting.until(self._post, "a good report is taken")
            posts += 1
            self.work = max(self.work, self._worked() - before)
            self.resident = max(self.resident, *(one.memory_info().rss for one in self._processes))

    def _worked(self) -> float:
        times = (process.cpu_times() for process in self._processes)
        return sum(time.user + time.system for time in times)

    def _post(self) -> bool:
        """Send a good report over a connection of its own."""
        self.make_room()
        with contextlib.suppress(httpx.TransportError):
            headers = edges.CSP | {"Connection": "close"}
            return self._http.post(edges.TARGET, content=edges.REPORT, headers=headers).is_success
        return False

    def make_room(self) -> None:
        """Take out of Redis what was stored, as workers would."""
        self._client.delete(*(streams.keys(shard).stream for shard in range(streams.DEFAULT_SHARDS)))


@pytest.fixture
def seen(edge: edges.Edge, http: httpx.Client, redis_client: redis.Redis) -> Iterator[_Seen]:
    """A good sender, and the demand that it was served and the edge stayed small."""
    witness = _Seen(edge, http, redis_client)
    yield witness
    witness.make_room()
    assert witness.work < _MOST_WORK_S
    assert 0 < witness.resident < _MOST_RESIDENT


def _array() -> bytes:
    item: dict[str, Any] = {"type": "csp-violation", "age": 1, "url": "https://www.example.com/", "body": {}}
    return json.dumps([item] * 7_000).encode()


_ATTACKS: Final[dict[str, tuple[bytes, bytes, float]]] = {
    "huge arrays": (_whole(_array()), b"", 0.0),
    "arrays without end": (_whole(b"[" * 500_000), b"", 0.0),
    "objects without end": (_whole(b'{"a":' * 100_000), b"", 0.0),
    "nothing but surrogates": (_whole(b'["' + rb"\ud800" * 150_000), b"", 0.0),
    "bodies that drip": (_head("Content-Length: 1000000"), b" ", 0.01),
    "bodies that stop half-way": (_head("Content-Length: 1000000") + b" " * 50_000, b" ", 0.03),
    "heads that drip": (_head()[:-2], b"X", 0.01),
    "a header without end": (_head()[:-2] + b"X: ", b"y" * 8_000, 0.0),
    "headers without end": (_head()[:-2], b"X: y\r\n" * 1_000, 0.0),
    "a target without end": (b"POST ", b"/" * 8_000, 0.0),
    "chunks of one byte": (_head("Transfer-Encoding: chunked"), b"1\r\n \r\n" * 1_000, 0.0),
    "a chunk without end": (_head("Transfer-Encoding: chunked") + b"7fffffff\r\n", b" " * 8_000, 0.0),
    "a chunk size without end": (_head("Transfer-Encoding: chunked"), b"0" * 8_000, 0.0),
    "a chunk extension without end": (_head("Transfer-Encoding: chunked") + b"5;", b"x" * 8_000, 0.0),
    "trailers without end": (_head("Transfer-Encoding: chunked") + b"0\r\n", b"X: y\r\n" * 1_000, 0.0),
    "a trailer without end": (_head("Transfer-Encoding: chunked") + b"0\r\nX: ", b"y" * 8_000, 0.0),
    "pipelined requests": (_whole(edges.REPORT) * 20, b"", 0.0),
}


@pytest.mark.parametrize("name", _ATTACKS)
def test_an_attack_leaves_room_for_others(name: str, edge: edges.Edge, seen: _Seen) -> None:
    opening, piece, pause = _ATTACKS[name]
    with _Flood(edge, opening, piece, pause) as flood:
        seen.look(flood)


@pytest.mark.parametrize("coding", _BOMBS)
def test_a_bomb_leaves_room_for_others(coding: str, edge: edges.Edge, seen: _Seen) -> None:
    bomb = _BOMBS[coding](bytes(256 * _MEBIBYTE))[:_MEBIBYTE]
    with _Flood(edge, _whole(bomb, f"Content-Encoding: {coding}")) as flood:
        seen.look(flood)


def test_made_up_keys_leave_room_for_others(edge: edges.Edge, seen: _Seen) -> None:
    requests = [
        _whole(edges.REPORT).replace(edges.KEY.encode(), secrets.token_hex(16).encode())
        for _ in range(10_000)
    ]
    with _Flood(edge, b"".join(requests)) as flood:
        seen.look(flood)


@pytest.mark.parametrize(
    ("opening", "piece", "status"),
    [
        pytest.param(_head()[:-2] + b"X: ", b"y" * 8_000, 431, id="header"),
        pytest.param(_head("Transfer-Encoding: chunked"), b"0" * 8_000, 400, id="chunk size"),
        pytest.param(_head("Transfer-Encoding: chunked") + b"5;", b"x" * 8_000, 400, id="chunk extension"),
        pytest.param(_head("Transfer-Encoding: chunked") + b"0\r\nX: ", b"y" * 8_000, 400, id="trailer"),
        pytest.param(_head("Transfer-Encoding: chunked"), b"1\r\n \r\n" * 1_000, 400, id="tiny chunks"),
    ],
)
def test_framing_without_end_is_refused_soon(
    opening: bytes, piece: bytes, status: int, edge: edges.Edge
) -> None:
    with socket.create_connection((addresses.LOOPBACK, edge.port), waiting.PATIENCE_S) as raw:
        raw.sendall(opening)
        _send_until_answered(raw, piece)
        answer = raw.recv(4096)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"access-control-allow-origin: *" in answer.lower()


def _send_until_answered(raw: socket.socket, piece: bytes) -> None:
    """Send piece after piece, a mebibyte at most: more than an edge may wait for before it answers."""
    left = memoryview(piece * (_MEBIBYTE // len(piece)))
    while left and not select.select([raw], [], [], 0)[0]:
        readable, _, _ = select.select([raw], [raw], [], waiting.PATIENCE_S)
        if readable:
            return
        try:
            left = left[raw.send(left[: len(piece)]) :]
        except ConnectionError:  # it has answered and gone
            return
