"""What is no plain HTTP is refused, stores nothing and hides no second request."""

from __future__ import annotations

import contextlib
import random
import select
import socket
from typing import TYPE_CHECKING

import pytest

from deploy.network import addresses
from tests.integration.ingest import edges, http_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import redis

    from tests.helpers import harness

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def strict_edge(
    tmp_path_factory: pytest.TempPathFactory,
    redis_server: harness.RedisServer,
    redis_client: redis.Redis,
) -> Iterator[edges.Edge]:
    assert redis_client.ping()
    directory = tmp_path_factory.mktemp("strict-edge")
    with edges.edge(directory, redis_server.url, body_timeout=2.0) as running:
        assert running.is_ready()
        yield running


def at_once(sent: bytes) -> list[bytes]:
    return [sent]


def byte_by_byte(sent: bytes) -> list[bytes]:
    if len(sent) > 4096:  # the length of these is what matters
        return in_pieces(sent)
    return [sent[at : at + 1] for at in range(len(sent))]


def in_pieces(sent: bytes) -> list[bytes]:
    chosen = random.Random(sent)
    pieces = []
    while sent:
        size = chosen.choice((1, 2, 3, 7, 40, 200, 5000))
        pieces.append(sent[:size])
        sent = sent[size:]
    return pieces


class Answers:
    """Reads the answers that come over a socket."""

    def __init__(self, raw: socket.socket) -> None:
        self._stream = raw.makefile("rb")

    def next(self) -> int | None:
        """Return the status of the next answer that is final; None at the end."""
        status, length = 100, 0
        while status == 100:
            line = self._line()
            if not line:
                return None
            assert line.startswith(b"HTTP/1."), line
            status, length = int(line.split()[1]), self._length()
        self._stream.read(length)
        return status

    def _length(self) -> int:
        length = 0
        while (line := self._line().strip()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return length

    def _line(self) -> bytes:
        try:
            return self._stream.readline()
        except ConnectionResetError:
            return b""


def send(raw: socket.socket, pieces: Iterable[bytes]) -> None:
    """Send piece by piece, until the other side closes."""
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            raw.sendall(piece)


def statuses(port: int, pieces: Iterable[bytes], expected: int) -> list[int]:
    """Return the statuses of all answers to what is sent over one connection."""
    with socket.create_connection((addresses.LOOPBACK, port), timeout=30) as raw:
        send(raw, pieces)
        answers = Answers(raw)
        found = [status for _ in range(expected) if (status := answers.next()) is not None]
        with contextlib.suppress(OSError):
            raw.shutdown(socket.SHUT_WR)
        while (more := answers.next()) is not None:
            found.append(more)
        return found


@pytest.mark.parametrize("cut", [at_once, byte_by_byte, in_pieces])
@pytest.mark.parametrize("case", http_cases.CASES, ids=lambda case: case.name)
def test_what_is_not_plain_is_refused(
    strict_edge: edges.Edge,
    redis_client: redis.Redis,
    case: http_cases.Case,
    cut: Callable[[bytes], list[bytes]],
) -> None:
    before = edges.acknowledged(redis_client)
    found = statuses(strict_edge.port, cut(case.sent), len(case.statuses))
    assert found == list(case.statuses)
    assert edges.acknowledged(redis_client) - before == case.stored


def test_a_refusal_ends_the_connection(strict_edge: edges.Edge, redis_client: redis.Redis) -> None:
    before = edges.acknowledged(redis_client)
    with socket.create_connection((addresses.LOOPBACK, strict_edge.port), timeout=30) as raw:
        send(raw, [http_cases.post(host=None)])
        answers = Answers(raw)
        assert answers.next() == 400
        send(raw, [http_cases.FOLLOWING])
        assert answers.next() is None
    assert edges.acknowledged(redis_client) == before


def test_a_request_is_answered_once(strict_edge: edges.Edge) -> None:
    """A second answer would pass for that of the next request, which may be somebody else's."""
    with socket.create_connection((addresses.LOOPBACK, strict_edge.port), timeout=30) as raw:
        answers = Answers(raw)
        send(raw, [http_cases.head(http_cases.CHUNKED, line="POST /api/1/nothing HTTP/1.1")])
        assert answers.next() == 404
        send(raw, [b"zz\r\n", http_cases.FOLLOWING])
        assert answers.next() is None


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (f"POST //edge{edges.TARGET} HTTP/1.1", 404),
        ("POST /healthz HTTP/1.1", 405),
        ("GET /healthz HTTP/1.1", 200),
        ("POST /api/1/nothing HTTP/1.1", 404),
        (f"OPTIONS {edges.TARGET} HTTP/1.1", 204),
    ],
)
def test_a_body_that_comes_after_its_answer_is_no_request(
    strict_edge: edges.Edge, line: str, status: int
) -> None:
    """The connection is kept, whatever answered: a close in the middle of a body may destroy the answer."""
    sent = http_cases.post(line=line)
    with socket.create_connection((addresses.LOOPBACK, strict_edge.port), timeout=30) as raw:
        answers = Answers(raw)
        body_at = sent.index(b"\r\n\r\n") + 4
        send(raw, [sent[: body_at + 1]])
        assert answers.next() == status
        send(raw, [sent[body_at + 1 :], http_cases.FOLLOWING])
        assert answers.next() == 200


@pytest.mark.parametrize("left_out", [1, 100, 200])
def test_half_a_request_ends_with_its_connection(strict_edge: edges.Edge, left_out: int) -> None:
    with socket.create_connection((addresses.LOOPBACK, strict_edge.port), timeout=30) as raw:
        raw.sendall(http_cases.FOLLOWING[:-left_out])
        raw.shutdown(socket.SHUT_WR)
        assert Answers(raw).next() is None


@pytest.mark.parametrize(
    ("opening", "piece"),
    [
        (b"", b"P"),
        (b"POST /", b"a" * 100),
        (http_cases.head()[:-2], b"X: y\r\n"),
        (http_cases.head()[:-2] + b"X: ", b"y" * 100),
        (http_cases.head(http_cases.CHUNKED) + b"1;", b"a" * 100),
        (http_cases.head(http_cases.CHUNKED) + b"1;a=", b'"' + b"a" * 50),
        (http_cases.head(http_cases.CHUNKED) + b"", b"0" * 100),
        (http_cases.head(http_cases.CHUNKED) + b"0\r\n", b"X: y\r\n" * 10),
        (http_cases.head(http_cases.CHUNKED) + b"0\r\nX: ", b"y" * 100),
        (http_cases.head(http_cases.CHUNKED), b"1;aaaaaaaaa\r\n \r\n" * 10),
    ],
)
def test_what_never_ends_is_ended(strict_edge: edges.Edge, opening: bytes, piece: bytes) -> None:
    """After 32 KiB or a little more, long before any time-out; the rest of what is sent lies in buffers."""
    with socket.create_connection((addresses.LOOPBACK, strict_edge.port), timeout=30) as raw:
        sent = len(opening)
        with contextlib.suppress(ConnectionError):
            raw.sendall(opening)
            while not select.select([raw], [], [], 0)[0]:
                assert sent < 16 << 20, "the edge takes all of it"
                raw.sendall(piece)
                sent += len(piece)
        assert Answers(raw).next() in {400, 414, 431}
