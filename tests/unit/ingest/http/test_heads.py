"""The head of a request is plain, or refused; one written for a proxy is brought into a server's form.

What each kind of refusal looks like on a connection is tested in ``tests/integration/ingest/test_http.py``.
"""

from __future__ import annotations

import pytest

from ingest import refusals
from ingest.http import heads


def head(*fields: str, line: str = "POST /a?b HTTP/1.1", host: str = "Host: edge") -> bytes:
    return "\r\n".join([line, *([host] if host else []), *fields, "", ""]).encode("latin-1")


def refusal_of(data: bytes) -> refusals.Refusal:
    with pytest.raises(refusals.RefusedError) as raised:
        heads.read(data)
    return raised.value.refusal


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (head(), 0),
        (head("Content-Length: 0"), 0),
        (head("content-length:\t17 "), 17),
        (head(f"Content-Length: {10**18 - 1}"), 10**18 - 1),
        (head("Transfer-Encoding: Chunked"), heads.CHUNKED),
        (head(host="", line="GET / HTTP/1.0"), 0),
    ],
)
def test_a_head_tells_what_follows(data: bytes, length: int) -> None:
    found = heads.read(data + b"POST / HTTP/1.1\r\n\r\n")
    assert found is not None
    assert (found.size, found.length) == (len(data), length)


def test_a_head_in_its_parts() -> None:
    data = head("X-Y:\tz \t", "x-y:", "A_b: c", "Empty: \t ", "CONTENT-LENGTH:0", "X: \xe4  \xe4")
    fields = [
        (b"host", b"edge"),
        (b"x-y", b"z"),
        (b"x-y", b""),
        (b"empty", b""),
        (b"content-length", b"0"),
        (b"x", b"\xe4  \xe4"),
    ]
    assert heads.read(data) == (len(data), 0, b"POST", b"/a?b", False, fields)


@pytest.mark.parametrize(
    "data", [b"", b"POST", head()[:-1], head("X : y"), head("X: \0"), head("X: a\r\n b")]
)
def test_what_is_no_head_is_none(data: bytes) -> None:
    assert heads.read(data) is None


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (head(host=""), refusals.MALFORMED),
        (head("Host: edge"), refusals.MALFORMED),
        (head(host="Host: a b"), refusals.MALFORMED),
        (head(host="Host:"), refusals.MALFORMED),
        (head(host="Host: a b", line="GET / HTTP/1.0"), refusals.MALFORMED),
        (head("Content_Length: 1"), refusals.MALFORMED),
        (head("Transfer_Encoding: chunked"), refusals.MALFORMED),
        (head("Content-Type: a", "content-type: a"), refusals.MALFORMED),
        (head("Content-Length: 1", "Content-Length: 1"), refusals.MALFORMED),
        (head("Content-Length: 1", "Transfer-Encoding: chunked"), refusals.MALFORMED),
        (head("Content-Length: +1"), refusals.MALFORMED),
        (head(f"Content-Length: {2**64}"), refusals.TOO_LARGE),
        (head("Transfer-Encoding: chunked", line="POST / HTTP/1.0"), refusals.MALFORMED),
        (head("Transfer-Encoding: xchunked"), refusals.MALFORMED),
        (head("Transfer-Encoding: chunked, chunked"), refusals.MALFORMED),
        (head("Transfer-Encoding: a b, chunked"), refusals.MALFORMED),
        (head("Transfer-Encoding: gzip , chunked"), refusals.TRANSFER_CODING),
        (head("Transfer-Encoding: chunkedx, chunked"), refusals.TRANSFER_CODING),
        (head(line="CONNECT edge:443 HTTP/1.1"), refusals.METHOD),
        (head(line="CONNECT /a HTTP/1.1"), refusals.METHOD),
        (head(line="POST edge:443 HTTP/1.1"), refusals.MALFORMED),
        (head(line="POST * HTTP/1.1"), refusals.MALFORMED),
        (head(line="POST http:///a HTTP/1.1"), refusals.MALFORMED),
        (head(line="POST http://a@b/ HTTP/1.1"), refusals.MALFORMED),
        (head(line="POST ws://b/ HTTP/1.1"), refusals.MALFORMED),
        (head(line=f"POST /{'a' * 8190} HTTP/1.1"), refusals.LONG_TARGET),
        (head(f"X: {'a' * 16382}"), refusals.LARGE_HEADERS),
        (head(*[f"X: {'a' * 8000}"] * 5), refusals.LARGE_HEADERS),
        (head(*["X: y"] * 100), refusals.LARGE_HEADERS),
    ],
)
def test_a_head_that_is_refused(data: bytes, refusal: refusals.Refusal) -> None:
    assert refusal_of(data) is refusal


def test_long_lines_pass() -> None:
    data = head(*[f"X: {'a' * 8000}"] * 3, line=f"POST /{'a' * 8000} HTTP/1.1")
    found = heads.read(data)
    assert found is not None
    assert found.size == len(data)
    assert found.target == b"/" + b"a" * 8000


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        ("http://other:80/a?b=http://c", b"other:80", b"/a?b=http://c"),
        ("HTTPS://other", b"other", b"/"),
        ("http://[::1]?b", b"[::1]", b"/?b"),
    ],
)
def test_the_authority_of_a_target_wins(target: str, host: bytes, path: bytes) -> None:
    data = head("X: y", "Content-Length: 3", line=f"POST {target} HTTP/1.1", host="hOST: edge")
    found = heads.read(data + b"abc")
    assert found is not None
    expected = [(b"host", host), (b"x", b"y"), (b"content-length", b"3")]
    assert found == (len(data), 3, b"POST", path, False, expected)


@pytest.mark.parametrize("data", [head("X: y"), head(line="OPTIONS * HTTP/1.1")])
def test_an_empty_line_before_a_head_is_taken_away(data: bytes) -> None:
    plain, found = heads.read(data), heads.read(b"\r\n" + data + b"X")
    assert plain is not None
    assert found == plain._replace(size=len(data) + 2)


def test_the_server_itself_is_no_proxy() -> None:
    data = head(line="OPTIONS * HTTP/1.1")
    assert heads.read(data) == (len(data), 0, b"OPTIONS", b"*", False, [(b"host", b"edge")])


def test_an_old_request_for_a_proxy_gets_a_host() -> None:
    found = heads.read(b"\r\nGET http://other/a HTTP/1.0\r\nX: y\r\n\r\n")
    assert found is not None
    assert found[2:] == (b"GET", b"/a", True, [(b"host", b"other"), (b"x", b"y")])


@pytest.mark.parametrize("data", [head(), b"\r\n" + head("X: y", line="GET http://a/ HTTP/1.0")])
def test_each_beginning_of_a_head_is_possible(data: bytes) -> None:
    for at in range(len(data) - 1):
        heads.require_possible(bytearray(data[:at]), max(at - 1, 0))
        heads.require_possible(bytearray(data[:at]), 0)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"\0", refusals.MALFORMED),
        (b"\n", refusals.MALFORMED),
        (b"\rP", refusals.MALFORMED),
        (b"{", refusals.MALFORMED),
        (b"post", refusals.MALFORMED),
        (b"POST  ", refusals.MALFORMED),
        (b"POST / HTTQ", refusals.MALFORMED),
        (b"\r\n\r\n", refusals.MALFORMED),
        (b"NONSENSE\r\n", refusals.MALFORMED),
        (b"GET /\r\nX: y", refusals.MALFORMED),
        (head()[:-2] + b"X: \x7f", refusals.MALFORMED),
        (head()[:-2] + b"X: y\n", refusals.MALFORMED),
        (b"POST /" + b"a" * 8190, refusals.LONG_TARGET),
        (head()[:-2] + b"X: " + b"y" * 40_000, refusals.LARGE_HEADERS),
    ],
)
def test_what_cannot_become_a_head_is_refused_early(data: bytes, refusal: refusals.Refusal) -> None:
    with pytest.raises(refusals.RefusedError) as raised:
        heads.require_possible(bytearray(data), 0)
    assert raised.value.refusal is refusal


def is_possible(gathered: bytes, at: int) -> bool:
    try:
        heads.require_possible(bytearray(gathered), at)
    except refusals.RefusedError:
        return False
    return True


@pytest.mark.parametrize(
    "line",
    [
        f"POST /{'a/?%' * 12} HTTP/1.1",
        f"\r\nPATCHPATCHPATCHPATCH /{'a' * 9} HTTP/1.1",
        "GET / HTTP/1.1",
    ],
)
def test_what_was_looked_at_before_matters_not(line: str) -> None:
    data = head(line=line)
    for at in range(len(data) - 1):
        for byte in range(256):
            piece = data[:at] + bytes([byte])
            assert is_possible(piece, at) is is_possible(piece, 0), piece


def test_a_line_that_ends_between_two_pieces() -> None:
    gathered = bytearray(head()[:-2] + b"X: y\r")
    heads.require_possible(gathered, 10)
    at = len(gathered)
    heads.require_possible(gathered + b"\n", at)
    with pytest.raises(refusals.RefusedError):
        heads.require_possible(gathered + b"X", at)
