"""Reads the requests of a connection, each from its head to the end of its body.

Two parsers may find different requests in the same bytes: see ``heads``. So the edge has this one reader of
HTTP and no other parser behind it.
"""

from __future__ import annotations

import re
from typing import Final

from ingest import refusals
from ingest.http import heads

LINE_BYTES: Final = 1024
"""Bytes of a line between chunks or after the last one. In earnest there is only a number in it."""
LONGEST_SIZE: Final = 15
"""Digits of a chunk's size: 60 bits. One more and some parsers count from 0 again."""
_SPARE: Final = 32 * 1024
"""Bytes of lines between chunks that a request may have beyond one for each byte of its body."""
_TRAILERS: Final = 16
"""Fields after the last chunk; gateways send a checksum or two there."""

_QUOTED: Final = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*+"'
_EXTENSION: Final = rb";[\t ]*" + heads.TOKEN + rb"++(?:=(?:" + heads.TOKEN + rb"++|" + _QUOTED + rb"))?"
_SIZE: Final = rb"([0-9A-Fa-f]{1,%d})(?:%s)*+\r\n" % (LONGEST_SIZE, _EXTENSION)
_FIRST: Final = re.compile(_SIZE)
_NEXT: Final = re.compile(rb"\r\n" + _SIZE)
_TRAILER: Final = re.compile(heads.FIELD)
_BARRED: Final = re.compile(
    rb"(?:host|content[-_].*|transfer[-_]encoding|trailer|te|connection|keep-alive|upgrade|expect|range|via"
    rb"|cookie|origin|referer|(?:proxy-)?authorization|forwarded|x-(?:forwarded|real|sentry|http|original).*):.*",
    re.IGNORECASE | re.DOTALL,
)
"""Fields about the target, end or sender of a request come too late after its body (RFC 9110 §6.5.1)."""
_UNFINISHED: Final = re.compile(rb"[\t -~\x80-\xff]*\r?")

_HEAD, _BODY, _FIRST_SIZE, _CHUNK, _NEXT_SIZE, _AFTER, _COMPLETE = range(7)


class Framing:
    """Follows the requests of one connection, from head to body or chunk to chunk.

    Attributes:
        head: the head of the present request; None until all of it has come.
    """

    __slots__ = ("_gathered", "_incomplete", "_left", "_spare", "_state", "head")

    def __init__(self) -> None:
        self._gathered = bytearray()
        self._incomplete = b""
        self.reset()

    def reset(self) -> None:
        """Begin with the next request. The bytes that were sent ahead have to be read again."""
        self._gathered.clear()
        self._state = _HEAD
        self._left = 0
        self._spare = _SPARE
        self.head: heads.RequestHead | None = None

    @property
    def complete(self) -> bool:
        """Whether the end of the present request was seen."""
        return self._state == _COMPLETE

    @property
    def ahead(self) -> int:
        """How many bytes came after the present request."""
        return len(self._gathered) if self._state == _COMPLETE else 0

    def remaining(self) -> bytes:
        """Return what came after the present request."""
        return bytes(self._gathered) if self._state == _COMPLETE else b""

    def read(self, data: bytes) -> bytes:
        """Return the bytes that are body of the present request; those that come after it are kept.

        Bytes whose meaning depends on further ones are kept until those come: 32 KiB at most.

        Raises:
            RefusedError: the request is not written as it must be, or its framing is too large.
        """
        if self._state == _HEAD:
            return self._read_head(data)
        if self._state == _BODY:
            return self._read_body(data, 0)
        if self._state != _COMPLETE:
            return self._read_chunks(data, 0)
        self._gathered += data
        return b""

    def _read_head(self, data: bytes) -> bytes:
        head = None if self._gathered else heads.read(data)
        if head is None:
            data = self._gather(data)
            if not data:
                return b""
            head = heads.read(data)
            if head is None:
                raise refusals.RefusedError(refusals.MALFORMED)
        self.head = head
        self._left = head.length
        if head.length >= 0:
            self._state = _BODY
            return self._read_body(data, head.size)
        self._state = _FIRST_SIZE
        return self._read_chunks(data, head.size)

    def _gather(self, data: bytes) -> bytes:
        """Return a head that came in pieces, and the bytes after it; nothing until the head is complete."""
        at = len(self._gathered)
        self._gathered += data
        end = self._gathered.find(b"\r\n\r\n", max(at - 3, 0))
        if end < 0:
            heads.require_possible(self._gathered, at)
            return b""
        whole = bytes(self._gathered)
        self._gathered.clear()
        return whole

    def _read_body(self, data: bytes, at: int) -> bytes:
        """Return the part that has come, from ``at`` on, of a body whose length the head tells."""
        end = min(at + self._left, len(data))
        self._left -= end - at
        if not self._left:
            self._state = _COMPLETE
            self._gathered += data[end:]
        return data[at:end]

    def _read_chunks(self, data: bytes, at: int) -> bytes:
        """Read chunks from ``at`` on, each of their lines when it is complete, and return their data."""
        if self._incomplete:
            data, self._incomplete = self._incomplete + data, b""
        pieces: list[bytes] = []
        while at < len(data) and self._state != _COMPLETE:
            reached = self._skip(data, at, pieces) if self._state == _CHUNK else self._read_line(data, at)
            if reached == at:
                self._incomplete = data[at:]
                break
            at = reached
        else:
            self._gathered += data[at:]
        return b"".join(pieces)

    def _skip(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Add the data of a chunk, as far as it has come, to ``pieces``, and return where it ends.

        Complete chunks are read in one loop: there may be thousands.
        """
        left, spare = self._left, self._spare
        while left and (line := _NEXT.match(data, at + left)):
            length = line.end() - line.start()
            if length > LINE_BYTES or spare + left < length:
                break
            spare += left - length
            pieces.append(data[at : at + left])
            at, left = line.end(), int(line[1], 16)
        size = min(left, len(data) - at)
        pieces.append(data[at : at + size])
        self._left, self._spare = left - size, spare + size
        if not left:
            self._state = _AFTER
        elif not self._left:
            self._state = _NEXT_SIZE
        return at + size

    def _read_line(self, data: bytes, at: int) -> int:
        """Return the end of the line that begins at ``at``; ``at`` itself if the line is not complete."""
        end = self._read_trailer(data, at) if self._state == _AFTER else self._read_size(data, at)
        if end == at:
            self._require_unfinished(data, at)
        self._spare -= end - at
        if self._spare < 0 or end - at > LINE_BYTES:
            raise refusals.RefusedError(refusals.MALFORMED)
        return end

    def _read_size(self, data: bytes, at: int) -> int:
        line = (_FIRST if self._state == _FIRST_SIZE else _NEXT).match(data, at)
        if line is None:
            return at
        self._left = int(line[1], 16)
        self._state = _CHUNK if self._left else _AFTER
        return line.end()

    def _read_trailer(self, data: bytes, at: int) -> int:
        """Read a field after the body, which is ignored, or the empty line that ends the request."""
        if data.startswith(b"\r\n", at):
            self._state = _COMPLETE
            return at + 2
        line = _TRAILER.match(data, at)
        if line is None:
            return at
        if _BARRED.fullmatch(line[0]):
            raise refusals.RefusedError(refusals.MALFORMED)
        self._left += 1
        if self._left > _TRAILERS:
            raise refusals.RefusedError(refusals.LARGE_HEADERS)
        return line.end()

    def _require_unfinished(self, data: bytes, at: int) -> None:
        """Refuse the beginning of a line if no further bytes could complete it."""
        if self._state == _NEXT_SIZE:
            if not b"\r\n".startswith(data[at : at + 2]):
                raise refusals.RefusedError(refusals.MALFORMED)
            at += 2
        if len(data) - at > LINE_BYTES or not _UNFINISHED.fullmatch(data, at):
            raise refusals.RefusedError(refusals.MALFORMED)
