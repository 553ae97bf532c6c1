"""Content types and content codings: the known ones, and inflating a body in bounded memory.

The content type decides nothing but 415: the shape of a body tells which report it holds.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import brotli  # type: ignore[import-untyped] # it ships no type information
import zstandard

from ingest import refusals

if TYPE_CHECKING:
    from collections.abc import Callable

MEDIA_TYPES: Final = frozenset(
    {
        b"",  # some senders name none
        b"application/csp-report",
        b"application/expect-ct-report",
        b"application/expect-ct-report+json",
        b"application/expect-staple-report",
        b"application/expect-staple-report+json",
        b"application/json",
        b"application/reports+json",
        b"application/x-www-form-urlencoded",
        b"text/plain",
    }
)

_UPLOAD: Final = b"application/reports+json"
_GZIP_BITS: Final = 31
_RAW_DEFLATE_BITS: Final = -15
_MOST_PARTS: Final = 1024
"""Members or frames of one body: each costs time, even an empty one. Some gateways write one a report."""
_PIECE: Final = 16 * 1024
"""Bytes inflated at a time: the bytes after a part are copied for each part."""
_ZSTD: Final = zstandard.ZstdDecompressor(max_window_size=8 << 20)  # RFC 9659 §3: a sender may use no more


def require_media_type(content_type: bytes) -> None:
    """Refuse a ``Content-Type`` under which no report is sent; its parameters are ignored.

    Raises:
        RefusedError: 415.
    """
    if content_type not in MEDIA_TYPES and _media_type(content_type) not in MEDIA_TYPES:
        raise refusals.RefusedError(refusals.MEDIA_TYPE)


def is_upload(content_type: bytes) -> bool:
    """Return whether this is an upload of the Reporting API; browsers send one six times while it fails."""
    return _media_type(content_type) == _UPLOAD


def _media_type(content_type: bytes) -> bytes:
    return content_type.partition(b";")[0].strip().lower()


def require_coding(content_encoding: bytes) -> None:
    """Refuse a ``Content-Encoding`` that ``inflate`` does not know, a list of several included.

    Raises:
        RefusedError: 415.
    """
    if content_encoding.strip().lower() not in _INFLATERS:
        raise refusals.RefusedError(refusals.ENCODING)


def inflate(body: bytes, content_encoding: bytes, limit: int) -> bytes:
    """Undo the content coding; memory stays within a few times ``limit`` bytes, whatever the body expands to.

    Raises:
        RefusedError: 413 for more than ``limit`` bytes, 400 for a body that is not in this coding.
    """
    inflated = _INFLATERS[content_encoding.strip().lower()](body, limit)
    if len(inflated) > limit:
        raise refusals.RefusedError(refusals.TOO_LARGE)
    return inflated


def _identity(body: bytes, _limit: int) -> bytes:
    return body


def _gunzip(body: bytes, limit: int) -> bytes:
    """Inflate one member after the other (RFC 1952 §2.2)."""
    inflated = bytearray()
    at = 0
    for _ in range(_MOST_PARTS):
        inflater = zlib.decompressobj(_GZIP_BITS)
        while at < len(body) and not inflater.eof:
            piece = body[at : at + _PIECE]
            inflated += _checked(inflater, piece, limit + 1 - len(inflated))
            if len(inflated) > limit:
                return bytes(inflated)
            at += len(piece) - len(inflater.unused_data)
        if not inflater.eof:
            raise refusals.RefusedError(refusals.CORRUPT)
        if at == len(body):
            return bytes(inflated)
    raise refusals.RefusedError(refusals.TOO_LARGE)


def _deflate(body: bytes, limit: int) -> bytes:
    """Inflate the zlib format, or raw deflate: RFC 9110 §8.4.1.2 notes senders that leave the wrapper out."""
    try:
        return _zlib(body, limit, zlib.MAX_WBITS)
    except refusals.RefusedError:
        return _zlib(body, limit, _RAW_DEFLATE_BITS)


def _zlib(body: bytes, limit: int, bits: int) -> bytes:
    """Inflate one stream: zlib and raw deflate know no second stream behind the first."""
    inflater = zlib.decompressobj(bits)
    inflated = _checked(inflater, body, limit + 1)
    return _whole(inflated, limit, ended=inflater.eof and not inflater.unused_data)


def _checked(inflater: zlib._Decompress, body: bytes, most: int) -> bytes:
    try:
        return inflater.decompress(body, most)
    except zlib.error as error:
        raise refusals.RefusedError(refusals.CORRUPT) from error


def _brotli(body: bytes, limit: int) -> bytes:
    inflater = brotli.Decompressor()
    try:
        inflated: bytes = inflater.process(body, output_buffer_limit=limit + 1)
    except brotli.error as error:
        raise refusals.RefusedError(refusals.CORRUPT) from error
    return _whole(inflated, limit, ended=inflater.is_finished())


def _zstandard(body: bytes, limit: int) -> bytes:
    """Inflate one frame after the other (RFC 8878 §3.1), of which some hold nothing.

    Only the reader is bounded, and only decompressors of single frames tell where each ends.
    """
    try:
        inflated = _ZSTD.stream_reader(body, read_across_frames=True).read(limit + 1)
        return _whole(inflated, limit, ended=len(inflated) > limit or _ends_with_frame(body))
    except zstandard.ZstdError as error:
        raise refusals.RefusedError(refusals.CORRUPT) from error


def _ends_with_frame(body: bytes) -> bool:
    at = 0
    for _ in range(_MOST_PARTS):
        frame = _ZSTD.decompressobj()
        while at < len(body) and not frame.eof:
            piece = body[at : at + _PIECE]
            frame.decompress(piece)
            at += len(piece) - len(frame.unused_data)
        if at == len(body):
            return frame.eof
    raise refusals.RefusedError(refusals.TOO_LARGE)


def _whole(inflated: bytes, limit: int, *, ended: bool) -> bytes:
    """Refuse a body that stops before its end, or goes on after it, unless it is too long anyway."""
    if not ended and len(inflated) <= limit:
        raise refusals.RefusedError(refusals.CORRUPT)
    return inflated


_INFLATERS: Final[dict[bytes, Callable[[bytes, int], bytes]]] = {
    b"": _identity,
    b"identity": _identity,
    b"gzip": _gunzip,
    b"x-gzip": _gunzip,  # RFC 9110 §8.4.1.3: the same coding
    b"deflate": _deflate,
    b"br": _brotli,
    b"zstd": _zstandard,
}
