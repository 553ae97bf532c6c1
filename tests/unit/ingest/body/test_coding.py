"""Content types, content codings, and what is done about those that lie."""

from __future__ import annotations

import gzip
import itertools
import random
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped] # it ships no type information
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ingest import refusals
from ingest.body import coding

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 10_000
BODY = b'{"csp-report": {"blocked-uri": "inline"}}' * 3


def raw_deflate(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


ENCODERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": gzip.compress,
    b"x-gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"br": brotli.compress,
    b"zstd": zstandard.compress,
}
CASES = [*ENCODERS.items(), (b"deflate", raw_deflate)]


def refusal_of(body: bytes, content_encoding: bytes, limit: int = LIMIT) -> refusals.Refusal:
    with pytest.raises(refusals.RefusedError) as raised:
        coding.inflate(body, content_encoding, limit)
    return raised.value.refusal


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b"application/csp-report",
        b"application/csp-report; charset=utf-8",
        b"application/csp-report;charset=rot13",
        b" Application/Reports+JSON ",
        b"application/json; charset=utf-8",
        b"application/expect-ct-report",
        b"application/expect-ct-report+json; charset=utf-8",
        b"application/expect-staple-report",
        b"application/expect-staple-report+json",
        b"text/plain;charset=UTF-8",
        b"application/x-www-form-urlencoded",
        b"application/csp-report; a=" + b"b" * 4000,
    ],
)
def test_reports_come_under_many_content_types(content_type: bytes) -> None:
    coding.require_media_type(content_type)


@pytest.mark.parametrize(
    "content_type",
    [b"multipart/form-data; boundary=x", b"text/html", b"application/xml", b"application", b"*/*", b"\xff"],
)
def test_other_content_types_are_refused(content_type: bytes) -> None:
    with pytest.raises(refusals.RefusedError) as raised:
        coding.require_media_type(content_type)
    assert raised.value.refusal is refusals.MEDIA_TYPE


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (b"application/reports+json", True),
        (b" Application/Reports+JSON ;charset=utf-8", True),
        (b"application/csp-report", False),
        (b"", False),
    ],
)
def test_an_upload_of_the_reporting_api_is_told_by_its_type(content_type: bytes, *, expected: bool) -> None:
    assert coding.is_upload(content_type) is expected


@pytest.mark.parametrize(
    "content_encoding", [b"", b"identity", b"GZIP", b" gzip ", b"br", b"zstd", b"deflate"]
)
def test_known_codings_pass(content_encoding: bytes) -> None:
    coding.require_coding(content_encoding)


@pytest.mark.parametrize(
    "content_encoding", [b"gzip, gzip", b"identity, gzip", b"compress", b"*", b"gzip;q=1"]
)
def test_unknown_and_layered_codings_are_refused(content_encoding: bytes) -> None:
    with pytest.raises(refusals.RefusedError) as raised:
        coding.require_coding(content_encoding)
    assert raised.value.refusal is refusals.ENCODING


@pytest.mark.parametrize("content_encoding", [b"", b"identity"])
def test_identity_is_left_alone(content_encoding: bytes) -> None:
    assert coding.inflate(BODY, content_encoding, LIMIT) is BODY


@pytest.mark.parametrize(("content_encoding", "encode"), CASES)
def test_each_coding_is_undone(content_encoding: bytes, encode: Callable[[bytes], bytes]) -> None:
    assert coding.inflate(encode(BODY), content_encoding, LIMIT) == BODY
    assert coding.inflate(encode(BODY), content_encoding.upper(), len(BODY)) == BODY
    assert coding.inflate(encode(b""), content_encoding, LIMIT) == b""


@pytest.mark.parametrize(("content_encoding", "encode"), CASES)
def test_the_inflated_size_is_bounded(content_encoding: bytes, encode: Callable[[bytes], bytes]) -> None:
    assert refusal_of(encode(BODY), content_encoding, len(BODY) - 1) is refusals.TOO_LARGE


@pytest.mark.parametrize(("content_encoding", "encode"), CASES)
def test_a_bomb_is_refused_in_little_memory(
    content_encoding: bytes, encode: Callable[[bytes], bytes]
) -> None:
    bomb = encode(bytes(24_000_000))
    tracemalloc.start()
    try:
        assert refusal_of(bomb, content_encoding, 1 << 20) is refusals.TOO_LARGE
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize(("content_encoding", "encode"), CASES)
@pytest.mark.parametrize("cut", [1, 2, 5])
def test_a_body_that_is_cut_short_is_refused(
    content_encoding: bytes, encode: Callable[[bytes], bytes], cut: int
) -> None:
    assert refusal_of(encode(BODY)[:-cut], content_encoding) is refusals.CORRUPT


@pytest.mark.parametrize(("content_encoding", "encode"), CASES)
def test_a_body_that_goes_on_is_refused(content_encoding: bytes, encode: Callable[[bytes], bytes]) -> None:
    assert refusal_of(encode(BODY) + b"more", content_encoding) is refusals.CORRUPT


SKIPPED = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
"""A frame of zstd that holds no content (RFC 8878 §3.1.2)."""
IN_PARTS = [(b"gzip", gzip.compress), (b"x-gzip", gzip.compress), (b"zstd", zstandard.compress)]


@pytest.mark.parametrize(("content_encoding", "encode"), IN_PARTS)
@pytest.mark.parametrize("cuts", [(1,), (0, 0, 40), (0,), (5, 5, 5), tuple(range(len(BODY)))])
def test_a_body_may_come_in_parts(
    content_encoding: bytes, encode: Callable[[bytes], bytes], cuts: tuple[int, ...]
) -> None:
    edges = [0, *cuts, len(BODY)]
    body = b"".join(encode(BODY[start:end]) for start, end in itertools.pairwise(edges))
    assert coding.inflate(body, content_encoding, len(BODY)) == BODY
    assert refusal_of(body, content_encoding, len(BODY) - 1) is refusals.TOO_LARGE
    assert refusal_of(body[:-1], content_encoding) is refusals.CORRUPT
    assert refusal_of(body + b"\0", content_encoding) is refusals.CORRUPT


@pytest.mark.parametrize(("content_encoding", "encode"), IN_PARTS)
def test_large_parts_are_joined(content_encoding: bytes, encode: Callable[[bytes], bytes]) -> None:
    noise = random.Random(1).randbytes(100_000)
    body = encode(noise) + encode(BODY) + encode(noise)
    assert coding.inflate(body, content_encoding, 1 << 20) == noise + BODY + noise


@pytest.mark.parametrize(("content_encoding", "encode"), IN_PARTS)
def test_parts_that_hold_nothing_are_bounded(
    content_encoding: bytes, encode: Callable[[bytes], bytes]
) -> None:
    assert coding.inflate(encode(b"") * 1000 + encode(BODY), content_encoding, LIMIT) == BODY
    assert refusal_of(encode(b"") * 1024 + encode(BODY), content_encoding) is refusals.TOO_LARGE


def test_frames_of_zstd_that_are_skipped() -> None:
    body = SKIPPED + zstandard.compress(BODY) + SKIPPED
    assert coding.inflate(body, b"zstd", LIMIT) == BODY
    assert coding.inflate(SKIPPED, b"zstd", LIMIT) == b""
    assert refusal_of(body[:-2], b"zstd") is refusals.CORRUPT


@pytest.mark.parametrize("content_encoding", [b"deflate", b"br"])
def test_other_codings_have_one_part(content_encoding: bytes) -> None:
    body = ENCODERS[content_encoding](BODY)
    assert refusal_of(body + body, content_encoding) is refusals.CORRUPT


@pytest.mark.parametrize("content_encoding", ENCODERS)
def test_a_body_that_is_something_else_is_refused(content_encoding: bytes) -> None:
    assert refusal_of(BODY, content_encoding) is refusals.CORRUPT


def test_a_window_that_would_take_much_memory_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    body = compressor.compress(BODY) + compressor.flush()
    assert refusal_of(body, b"zstd") is refusals.CORRUPT


@given(body=st.binary(max_size=200), content_encoding=st.sampled_from(sorted(ENCODERS)))
def test_any_bytes_are_inflated_or_refused(body: bytes, content_encoding: bytes) -> None:
    try:
        assert len(coding.inflate(body, content_encoding, LIMIT)) <= LIMIT
    except refusals.RefusedError as error:
        assert error.refusal in (refusals.CORRUPT, refusals.TOO_LARGE)  # noqa: PT017 - either is right
