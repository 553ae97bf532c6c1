"""Requests that no HTTP library would send go over a raw socket, byte by byte."""

from __future__ import annotations

import contextlib
import select
import socket
from concurrent import futures
from typing import TYPE_CHECKING

import httpx
import pytest

from deploy.network import addresses
from ingest import config
from tests.helpers import waiting
from tests.integration.ingest import edges
from tests.integration.ingest.edges import REPORT, TARGET

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

pytestmark = pytest.mark.integration

LIMIT = config.EdgeConfig(redis_url="").max_body_bytes


class Connection:
    """A socket to the edge that reads its answers one by one."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw
        self._stream = raw.makefile("rb")

    def send(self, *parts: bytes) -> None:
        """Send these parts of a request."""
        self._raw.sendall(b"".join(parts))

    def is_answered(self, seconds: float) -> bool:
        """Tell whether there is something to read within so many seconds."""
        return bool(select.select([self._raw], [], [], seconds)[0])

    def answer(self) -> httpx.Response:
        """Read one answer; it must have CORS headers, and a body that is empty or one sentence."""
        status, headers = self.head()
        answer = httpx.Response(
            status, headers=headers, content=self._stream.read(int(headers.get("content-length", 0)))
        )
        assert edges.has_cors(answer.headers)
        assert answer.is_success or answer.json()["detail"].endswith(".")
        return answer

    def head(self) -> tuple[int, httpx.Headers]:
        """Read the status and the headers of an answer."""
        status_line = self._stream.readline().decode()
        assert status_line.startswith("HTTP/1."), status_line
        return int(status_line.split()[1]), httpx.Headers(list(self._header_lines()))

    def _header_lines(self) -> Iterator[tuple[str, str]]:
        while line := self._stream.readline().decode().strip():
            name, _, value = line.partition(":")
            yield name, value.strip()

    def is_closed(self) -> bool:
        """Tell whether the edge closes the connection, sending nothing more."""
        try:
            return self._stream.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()
        self._raw.close()


@pytest.fixture
def connection(edge: edges.Edge) -> Iterator[Connection]:
    raw = socket.create_connection((addresses.LOOPBACK, edge.port), waiting.PATIENCE_S)
    with contextlib.closing(Connection(raw)) as opened:
        yield opened


def head(*fields: str, target: str = TARGET, method: str = "POST") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: edge", "Content-Type: application/csp-report", *fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def whole(body: bytes = REPORT, *fields: str) -> bytes:
    return head(f"Content-Length: {len(body)}", *fields) + body


def chunks(*bodies: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(body), body) for body in bodies) + b"0\r\n\r\n"


CHUNKED = "Transfer-Encoding: chunked"


def test_a_chunked_body(connection: Connection, redis_client: redis.Redis) -> None:
    connection.send(head(CHUNKED), chunks(REPORT[:10], REPORT[10:11], REPORT[11:]))
    answer = connection.answer()
    assert answer.status_code == 200
    assert edges.stored(redis_client, answer.headers["x-headrace-receipt"]).body == REPORT


def test_a_body_that_comes_byte_by_byte(connection: Connection, redis_client: redis.Redis) -> None:
    request = whole()
    for index in range(len(request)):
        connection.send(request[index : index + 1])
    answer = connection.answer()
    assert edges.stored(redis_client, answer.headers["x-headrace-receipt"]).body == REPORT


def test_pipelined_requests(connection: Connection, redis_client: redis.Redis) -> None:
    bodies = [REPORT, b'{"n":1}', b"{}"]
    connection.send(*(whole(body) for body in bodies), head("Content-Length: 0"), whole(b"[]"))
    answers = [connection.answer() for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 200]
    receipts = [answer.headers["x-headrace-receipt"] for answer in answers[:3]]
    assert [edges.stored(redis_client, receipt).body for receipt in receipts] == bodies


def test_many_requests_that_are_sent_ahead_are_all_answered(
    connection: Connection, edge: edges.Edge, redis_client: redis.Redis
) -> None:
    """Far more than the edge keeps: it reads on as it answers, and cuts requests in two where it stops."""
    before, memory = edges.acknowledged(redis_client), _resident(edge)
    requests = head(method="OPTIONS") * 400 + whole() + head(CHUNKED) + chunks(REPORT[:9], REPORT[9:])
    with futures.ThreadPoolExecutor(1) as beside:
        sending = beside.submit(connection.send, requests * 12)
        statuses = [connection.answer().status_code for _ in range(402 * 12)]
        sending.result()
    assert statuses == [*[204] * 400, 200, 200] * 12
    assert edges.acknowledged(redis_client) - before == 24
    assert _resident(edge) - memory < 4 << 20


def test_what_proxies_add_is_no_reason_to_refuse(connection: Connection, redis_client: redis.Redis) -> None:
    """The edge asks for no scheme, so that none contradicts another; names with ``_`` it does not see."""
    fields = ["X-Forwarded-Proto: https", "X-Forwarded-Ssl: off", "X_Sentry_Auth: Sentry sentry_key=none"]
    connection.send(whole(REPORT, *fields))
    answer = connection.answer()
    assert edges.stored(redis_client, answer.headers["x-headrace-receipt"]).body == REPORT


def test_a_refusal_does_not_end_the_connection(connection: Connection) -> None:
    connection.send(head("Content-Length: 5", target="/api/1/nothing"), b"12345", whole())
    assert connection.answer().status_code == 404
    assert connection.answer().status_code == 200


def test_a_length_that_promises_too_much(connection: Connection) -> None:
    connection.send(head("Content-Length: 100000"), REPORT)
    assert connection.answer().status_code == 408
    assert connection.is_closed()


def test_a_length_that_promises_too_little(connection: Connection) -> None:
    connection.send(head("Content-Length: 10"), REPORT)
    assert connection.answer().status_code == 400
    assert connection.answer().status_code == 400
    assert connection.is_closed()


def test_a_body_that_drips(connection: Connection) -> None:
    connection.send(head("Content-Length: 1000000"))
    with contextlib.suppress(ConnectionError):
        while not connection.is_answered(0.05):
            connection.send(b" ")
    assert connection.answer().status_code == 408


@pytest.mark.parametrize("length", ["12a", "-1", "", "0x10", "1, 1", "9" * 40])
def test_a_length_that_is_no_number(connection: Connection, length: str) -> None:
    connection.send(head(f"Content-Length: {length}"), REPORT)
    assert connection.answer().status_code in {400, 413}


@pytest.mark.parametrize(
    "fields",
    [
        ["Content-Length: 5", CHUNKED],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Transfer-Encoding: gzip"],
        ["Bad Header: x"],
        ["X: a\x00b"],
    ],
)
def test_a_message_that_can_be_read_in_two_ways(connection: Connection, fields: list[str]) -> None:
    connection.send(head(*fields), chunks(REPORT))
    answer = connection.answer()
    assert 400 <= answer.status_code <= 501
    assert answer.headers["connection"] == "close"
    assert connection.is_closed()


@pytest.mark.parametrize("size", [b"zz", b"-5", b"fffffffffffffffff"])
def test_a_chunk_that_lies(connection: Connection, size: bytes) -> None:
    connection.send(head(CHUNKED), size, b"\r\n", REPORT, b"\r\n0\r\n\r\n")
    assert 400 <= connection.answer().status_code < 500


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head(f"X-Long: {'x' * 70_000}"), 431),
        (head(*(f"X-{number}: y" for number in range(500))), 431),
        (head(target=f"{TARGET}&x={'y' * 10_000}"), 414),
        (b"NONSENSE\r\n\r\n", 400),
        (b"POST / HTTP/9.9\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40) + b"\r\n\r\n", 400),
    ],
)
def test_a_head_that_is_too_large_or_nonsense(
    connection: Connection, request_head: bytes, status: int
) -> None:
    connection.send(request_head)
    assert connection.answer().status_code == status
    assert connection.is_closed()


def test_a_hostile_origin_is_not_reflected(connection: Connection) -> None:
    connection.send(head("Origin: https://evil.example\r\nX: y", method="OPTIONS"))
    assert "evil" not in str(connection.answer().headers)


def test_an_upload_of_50_mib_is_answered_and_not_kept(connection: Connection, edge: edges.Edge) -> None:
    before = _resident(edge)
    connection.send(head(f"Content-Length: {50 << 20}"), bytes(50 << 20))
    assert connection.answer().status_code == 413
    connection.send(whole())
    assert connection.answer().status_code == 200
    assert _resident(edge) - before < 16 << 20


def test_an_endless_chunked_upload_is_answered(connection: Connection) -> None:
    connection.send(head(CHUNKED), *[b"10000\r\n%s\r\n" % bytes(0x10000)] * 40)
    assert connection.answer().status_code == 413
    connection.send(b"0\r\n\r\n", whole())
    assert connection.answer().status_code == 200


def test_connections_that_ended_leave_nothing_behind(edge: edges.Edge) -> None:
    request = whole(b'{"a":"' + b"x" * 60_000 + b'"}')
    before = _resident(edge)
    for _ in range(600):
        with socket.create_connection((addresses.LOOPBACK, edge.port)) as raw:
            raw.sendall(request)
            assert raw.recv(4096).startswith(b"HTTP/1.1 200")
    assert _resident(edge) - before < 16 << 20


def test_a_sender_that_asks_first_is_told_to_go_on(connection: Connection) -> None:
    connection.send(head(f"Content-Length: {len(REPORT)}", "Expect: 100-continue"))
    assert connection.head()[0] == 100
    connection.send(REPORT)
    assert connection.answer().status_code == 200


def test_a_sender_that_asks_first_is_refused_at_once(connection: Connection) -> None:
    connection.send(head(f"Content-Length: {LIMIT + 1}", "Expect: 100-continue"))
    assert connection.answer().status_code == 413
    assert connection.is_closed()


def test_a_sender_that_leaves_in_the_middle_stores_nothing(
    connection: Connection, edge: edges.Edge, redis_client: redis.Redis
) -> None:
    before = edges.acknowledged(redis_client)
    connection.send(head("Content-Length: 1000"), REPORT)
    connection.close()
    assert edge.is_ready()
    assert edges.acknowledged(redis_client) == before


@pytest.mark.parametrize("field", ["X: y", "Connection: keep-alive"])
def test_http_1_0(connection: Connection, field: str) -> None:
    request = whole(REPORT, field).replace(b"HTTP/1.1", b"HTTP/1.0")
    connection.send(request)
    answer = connection.answer()
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    assert connection.is_closed()


def test_a_sender_that_wants_the_connection_closed_among_other_things(connection: Connection) -> None:
    connection.send(whole(REPORT, "Connection: TE,Close"), whole())
    answer = connection.answer()
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    assert connection.is_closed()


def test_head_is_answered_without_a_body(connection: Connection) -> None:
    connection.send(head(method="HEAD"))
    assert connection.head()[0] == 405
    connection.send(whole())
    assert connection.answer().status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        whole(),
        whole(REPORT, "Connection: close"),
        head()[:-2],
        whole()[:-1],
        head("Content-Length: 99999999"),
        head(CHUNKED) + b"5\r\nab",
        head(CHUNKED) + b"zz\r\n",
        whole() + b"nonsense\r\n\r\n",
        head("Content-Length: 5", target="/elsewhere") + b"ab",
        head("Content-Length: 0", method="PUT"),
    ],
)
def test_a_connection_leaves_nothing_to_collect(edge: edges.Edge, sent: bytes) -> None:
    """Python looks for cycles too rarely to free a request, and perhaps a body, for each connection."""
    with edge.client() as client:
        client.get("/garbage")
        for _ in range(100):
            with socket.create_connection((addresses.LOOPBACK, edge.port)) as raw:
                raw.sendall(sent)
        waiting.until(lambda: not _others(edge, client), "no other connection is held")
        assert client.get("/garbage").json() < 100


def _others(edge: edges.Edge, client: httpx.Client) -> int:
    """Return how many connections the edge holds beside that of a client that it has just answered."""
    assert client.get("/healthz").is_success
    connections = (found for process in edge.process.family() for found in process.net_connections("tcp"))
    return sum(bool(each.raddr) and each.laddr.port == edge.port for each in connections) - 1


def _resident(edge: edges.Edge) -> int:
    return max(process.memory_info().rss for process in edge.process.family())
