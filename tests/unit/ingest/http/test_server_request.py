"""gunicorn, and through it the application, is told what a head says."""

from __future__ import annotations

import pytest

from ingest.http import heads, server_request


def read(*fields: str, line: str = "POST /a/%C3%a4%ff?b=%20?c HTTP/1.1") -> server_request.ServerRequest:
    head = heads.read("\r\n".join([line, "Host: edge", *fields, "", ""]).encode("latin-1"))
    assert head is not None
    return server_request.ServerRequest(head)


def test_a_target_is_told_as_it_was_sent_and_as_it_is_meant() -> None:
    found = read("X-Y: Z")
    assert (found.method, found.version, found.scheme) == ("POST", (1, 1), "http")
    assert (found.path, found.raw_path, found.query) == ("/a/ä�", b"/a/%C3%a4%ff", "b=%20?c")
    assert found.uri == "/a/%C3%a4%ff?b=%20?c"
    assert found.headers_bytes == [(b"host", b"edge"), (b"x-y", b"Z")]


@pytest.mark.parametrize(
    ("field", "length", "chunked"),
    [
        ("X: y", 0, False),
        ("Content-Length: 0", 0, False),
        ("Content-Length: 7", 7, False),
        ("Transfer-Encoding: chunked", 0, True),
    ],
)
def test_what_follows_a_head_is_told(field: str, length: int, chunked: bool) -> None:  # noqa: FBT001 - a table
    found = read(field)
    assert (found.content_length, found.chunked) == (length, chunked)


@pytest.mark.parametrize(
    ("fields", "line", "closes"),
    [
        ([], "GET / HTTP/1.1", False),
        ([], "GET / HTTP/1.0", True),
        (["Connection: keep-alive"], "GET / HTTP/1.1", False),
        (["Connection: keep-alive"], "GET / HTTP/1.0", True),
        (["Connection: CLOSE"], "GET / HTTP/1.1", True),
        (["Connection: te,\tclose"], "GET / HTTP/1.1", True),
        (["Connection: close", "Connection: te"], "GET / HTTP/1.1", True),
        (["Connection: te", "Connection: close"], "GET / HTTP/1.1", True),
        (["Connection: closed"], "GET / HTTP/1.1", False),
    ],
)
def test_who_ends_the_connection_is_told(fields: list[str], line: str, closes: bool) -> None:  # noqa: FBT001 - a table
    assert read(*fields, line=line).should_close() is closes


@pytest.mark.parametrize(
    ("field", "line", "expects"),
    [
        ("Expect: 100-Continue", "POST / HTTP/1.1", True),
        ("Expect: 100-continue", "POST / HTTP/1.0", False),
        ("Expect: cake", "POST / HTTP/1.1", False),
        ("X: 100-continue", "POST / HTTP/1.1", False),
    ],
)
def test_who_waits_before_a_body_is_told(field: str, line: str, expects: bool) -> None:  # noqa: FBT001 - a table
    assert read(field, line=line)._expect_100_continue is expects


def test_no_upgrade_is_taken() -> None:
    assert not read("Connection: Upgrade", "Upgrade: websocket", line="GET / HTTP/1.1").may_upgrade()
