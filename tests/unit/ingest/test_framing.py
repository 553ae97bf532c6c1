"""What passes is read alike by whoever reads it, however it is cut; and every request ends where all say."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import gunicorn_h1c
import h11
import pytest
from gunicorn.asgi import parser as gunicorn_parser
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ingest import framing, refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HEAD: Final = b"POST /a HTTP/1.1\r\nHost: edge\r\n"
CHUNKED: Final = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
REQUESTS: Final = [
    HEAD + b"\r\n",
    HEAD + b"Content-Length: 5\r\n\r\nhello",
    b"\r\n" + HEAD + b"Content-Length: 0\r\n\r\n",
    b"GET http://other/a?b HTTP/1.1\r\nX: y\r\nHost: edge\r\nContent-Length: 2\r\n\r\nhi",
    CHUNKED + b"0\r\n\r\n",
    CHUNKED + b"5\r\nhello\r\n0;a\r\n\r\n",
    CHUNKED + b'1;a;b=c; d="e;\\" f"\r\nh\r\n004\r\nello\r\n000\r\nX: y\r\nVary:\t*\r\n\r\n',
    CHUNKED + b"A\r\n0\r\n\r\nGET /\r\n0\r\n\r\n",
]
NEXT: Final = b"GET /next HTTP/1.1\r\n"


def walk(pieces: Iterable[bytes]) -> tuple[bytes, bytes, bool]:
    """Return what was passed on, what comes later, and whether a request ended between the two."""
    followed = framing.Framing()
    passed, later = b"", b""
    for piece in pieces:
        if followed.complete:
            later += piece
            continue
        now, following = followed.read(piece)
        passed += now
        later += following
    return passed, later, followed.complete


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges) if start < end]


@given(request=st.sampled_from(REQUESTS), places=st.lists(st.integers(0, 400), max_size=12))
@pytest.mark.parametrize("following", [b"", NEXT])
def test_a_request_ends_at_the_same_place_however_it_is_cut(
    following: bytes, request: bytes, places: list[int]
) -> None:
    whole = walk([request + following])
    assert whole[1:] == (following, True)
    assert walk(cut(request + following, places)) == whole
    assert walk(request[at : at + 1] for at in range(len(request))) == (whole[0], b"", True)


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_that_is_cut_short_does_not_end(request_: bytes) -> None:
    for end in range(1, len(request_)):
        assert not walk([request_[:end]])[2]


def test_requests_follow_each_other() -> None:
    followed = framing.Framing()
    later = b"".join(REQUESTS)
    for _ in REQUESTS:
        _, later = followed.read(later)
        assert followed.complete
        followed.restart()
        assert not followed.complete
    assert not later


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"nonsense", refusals.MALFORMED),
        (HEAD + b"X : y\r\n\r\n", refusals.MALFORMED),
        (CHUNKED + b"\r\n", refusals.MALFORMED),
        (CHUNKED + b"zz\r\n", refusals.MALFORMED),
        (CHUNKED + b"5 \r\n", refusals.MALFORMED),
        (CHUNKED + b"5;\r\n", refusals.MALFORMED),
        (CHUNKED + b"5\n", refusals.MALFORMED),
        (CHUNKED + b"1000000000000000\r\n", refusals.MALFORMED),
        (CHUNKED + b"5;a\0", refusals.MALFORMED),
        (CHUNKED + b"5;a\ra", refusals.MALFORMED),
        (CHUNKED + b"5;" + b"a" * 1024, refusals.MALFORMED),
        (CHUNKED + b"5;" + b"a" * 1024 + b"\r\n", refusals.MALFORMED),
        (CHUNKED + b"5\r\nhello!", refusals.MALFORMED),
        (CHUNKED + b"5\r\nhello\n", refusals.MALFORMED),
        (CHUNKED + b"5\r\nhello\r\r\n", refusals.MALFORMED),
        (CHUNKED + b"5\r\nhello\r\n\r\n", refusals.MALFORMED),
        (CHUNKED + b"0\r\nX\r\n", refusals.MALFORMED),
        (CHUNKED + b"0\r\n\n", refusals.MALFORMED),
        (CHUNKED + b"0\r\nHost: a\r\n", refusals.MALFORMED),
        (CHUNKED + b"0\r\nX: " + b"y" * 1024, refusals.MALFORMED),
        (CHUNKED + b"0\r\n" + b"X: y\r\n" * 17, refusals.LARGE_HEADERS),
        (CHUNKED + (b"1;" + b"a" * 1000 + b"\r\nh\r\n") * 33, refusals.MALFORMED),
    ],
)
def test_what_is_not_plain_is_refused(data: bytes, refusal: refusals.Refusal) -> None:
    for pieces in ([data], (data[at : at + 1] for at in range(len(data)))):
        with pytest.raises(refusals.RefusedError) as raised:
            walk(pieces)
        assert raised.value.refusal is refusal


def test_fine_chunks_are_no_reason_to_refuse() -> None:
    assert walk([CHUNKED + b"5\r\nhello\r\n" * 100_000 + b"0\r\n\r\n"])[2]


Read = tuple[bytes, bytes, bytes, bool, int]
"""A method, a target, a body, whether all is there, and the bytes that follow."""


def read_by_gunicorn(make: Callable[..., Any], data: bytes) -> Read:
    body: list[bytes] = []
    reader = make(on_body=body.append)
    reader.feed(data)
    complete = bool(reader.is_complete)
    return reader.method, reader.path, b"".join(body), complete, len(reader.remaining())


def read_by_h11(data: bytes) -> Read:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    request = connection.next_event()
    assert isinstance(request, h11.Request)
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += bytes(event.data)
    complete = isinstance(event, h11.EndOfMessage)
    return request.method, request.target, body, complete, len(connection.trailing_data[0])


READERS: Final[dict[str, Callable[[bytes], Read]]] = {
    "gunicorn_h1c": lambda data: read_by_gunicorn(gunicorn_h1c.H1CProtocol, data),
    "gunicorn": lambda data: read_by_gunicorn(gunicorn_parser.PythonProtocol, data),
    "h11": read_by_h11,
}

TROUBLE: Final = [
    *(
        b"\r",
        b"\n",
        b"\r\n",
        b" ",
        b"\t",
        b"\0",
        b"\x0b",
        b":",
        b";",
        b",",
        b"0",
        b"1",
        b"f",
        b"=",
        b'"',
        b"_",
        b"+",
    ),
    *(
        b"-",
        b"\x80",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Host: b\r\n",
        b"5\r\nhello\r\n",
    ),
    *(b"0\r\n\r\n", b"HTTP/1.1", b"http://", b"\r\n ", b"chunked", b"gzip, ", b"GET / HTTP/1.1\r\n\r\n"),
]


@example(request=CHUNKED + b"10000000000000005\r\nhello\r\n0\r\n\r\n", edits=[])
@given(
    request=st.sampled_from(REQUESTS),
    edits=st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 3), st.sampled_from(TROUBLE)), min_size=1, max_size=3
    ),
)
def test_what_passes_is_read_alike_by_all(request: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    for place, removed, inserted in edits:
        at = place % (len(request) + 1)
        request = request[:at] + inserted + request[at + removed :]
    try:
        passed, _, complete = walk([request])
    except refusals.RefusedError:
        return
    assume(b"\r\n\r\n" in passed)
    readings = {name: read(passed) for name, read in READERS.items()}
    assert len({reading[:4] for reading in readings.values()}) == 1, readings
    assert all(reading[3] is complete for reading in readings.values())
    assert not complete or not any(reading[4] for reading in readings.values())
