"""What passes is read alike by whoever reads it, however it is cut; and every request ends where all say."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, NamedTuple

import h11
import pytest
from gunicorn.asgi import parser as gunicorn_parser
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ingest import refusals
from ingest.http import framing, heads

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


class Read(NamedTuple):
    """What was read: a head, a body, whether all of the request is there, and what follows it."""

    head: heads.RequestHead | None
    body: bytes
    complete: bool
    later: bytes


def walk(pieces: Iterable[bytes]) -> Read:
    reader = framing.Framing()
    body = b"".join([reader.read(piece) for piece in pieces])
    assert reader.ahead == len(reader.remaining())
    return Read(reader.head, body, reader.complete, reader.remaining())


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges) if start < end]


@given(request=st.sampled_from(REQUESTS), places=st.lists(st.integers(0, 400), max_size=12))
@pytest.mark.parametrize("following", [b"", NEXT])
def test_a_request_ends_at_the_same_place_however_it_is_cut(
    following: bytes, request: bytes, places: list[int]
) -> None:
    whole = walk([request + following])
    assert whole[2:] == (True, following)
    assert walk(cut(request + following, places)) == whole
    assert walk(request[at : at + 1] for at in range(len(request))) == (*whole[:3], b"")


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_that_is_cut_short_does_not_end(request_: bytes) -> None:
    for end in range(1, len(request_)):
        assert not walk([request_[:end]]).complete


def test_requests_follow_each_other() -> None:
    reader = framing.Framing()
    later = b"".join(REQUESTS)
    bodies = []
    for _ in REQUESTS:
        bodies.append(reader.read(later[:60]))
        bodies[-1] += reader.read(later[60:])
        assert reader.complete
        later = reader.remaining()
        reader.reset()
        assert (reader.complete, reader.head, reader.ahead, reader.remaining()) == (False, None, 0, b"")
    assert not later
    assert bodies == [b"", b"hello", b"", b"hi", b"", b"hello", b"hello", b"0\r\n\r\nGET /"]


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
    found = walk([CHUNKED + b"5\r\nhello\r\n" * 100_000 + b"0\r\n\r\n"])
    assert (found.body, found.complete) == (b"hello" * 100_000, True)


class Other(NamedTuple):
    """How somebody else's parser reads a request; of what follows it, only the length is told."""

    method: bytes
    target: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes
    complete: bool
    later: int


def read_by_gunicorn(data: bytes) -> Other:
    body: list[bytes] = []
    reader = gunicorn_parser.PythonProtocol(on_body=body.append)
    reader.feed(data)
    complete = bool(reader.is_complete)
    later = len(reader.remaining())
    return Other(reader.method, reader.path, reader.headers, b"".join(body), complete, later)


def read_by_h11(data: bytes) -> Other:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    request = connection.next_event()
    assert isinstance(request, h11.Request)
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += bytes(event.data)
    complete = isinstance(event, h11.EndOfMessage)
    later = len(connection.trailing_data[0]) if complete else 0
    return Other(request.method, request.target, list(request.headers), body, complete, later)


READERS: Final[dict[str, Callable[[bytes], Other]]] = {"gunicorn": read_by_gunicorn, "h11": read_by_h11}


def fields(read: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the fields that the edge keeps; h11 writes codings in small letters."""
    return [(name, value.lower()) for name, value in read if b"_" not in name]


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
        ours = walk([request])
    except refusals.RefusedError:
        return
    head = ours.head
    assume(head is not None)
    assert head is not None
    readings = {name: read(request.removeprefix(b"\r\n")) for name, read in READERS.items()}
    for reading in readings.values():
        assert reading.method == head.method
        assert [reading.body, reading.complete] == [ours.body, ours.complete], readings
        assert not reading.complete or reading.later == len(ours.later), readings
        if reading.target == head.target:
            assert fields(reading.fields) == fields(head.fields)
        else:
            assert reading.target.startswith(b"http://")
