"""The head of an HTTP request, which must be readable in one way only: RFC 9112 without its leniencies.

A proxy in front of the edge may read a malformed head in another way, and take a part of one request for
another (request smuggling). So no head is mended here: one that is malformed is refused. No common parser is
strict in all of this, and each is strict in another part of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from ingest import refusals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_BYTES: Final = 32 * 1024
"""Bytes of a whole head."""
LINE_BYTES: Final = 8190
"""Bytes of the request line, as other servers limit it. The target carries a key, an environment and a
release of 200 characters, all percent-encoded."""
FIELD_BYTES: Final = 16 * 1024
"""Bytes of a field. Browsers send cookies with CSP reports to their own site; proxies pass on 8 to 16 kB."""
FIELDS: Final = 100
"""Fields of a head."""

CHUNKED: Final = -1
"""The length of a body in chunks, which is not told in its head."""

TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
VALUE: Final = rb"[\t -~\x80-\xff]"
FIELD: Final = TOKEN + rb"++:" + VALUE + rb"*+\r\n"
"""A line of a field: no blank before the colon, no control character, no line that goes on in the next."""

_LINE: Final = rb"(?:\r\n)?([A-Z-]{3,20}) ([!\"$-~]+) HTTP/1\.([01])\r\n"
"""The request line, after at most one empty line (RFC 9112 §2.2). No method has small letters."""
_HEAD: Final = re.compile(_LINE + rb"(?:" + FIELD + rb")*+\r\n")
_START: Final = re.compile(_LINE)
_STARTED: Final = re.compile(
    rb"(?:\r\n)?(?:[A-Z-]{0,20}|[A-Z-]{3,20} (?:[!\"$-~]+(?: [HTP/1.0]{0,8}\r?)?)?)|\r"
)
"""Every possible beginning of a request line."""
_BEFORE_TARGET: Final = 24
"""Bytes of an empty line, a method, a blank and one byte more. The target follows, up to the next blank."""
_IN_TARGET: Final = re.compile(rb"[!\"$-~]*")
_FIELD: Final = re.compile(rb"([^:\r\n]++):[\t ]*+([^\r]*[^\r\t ]|)[\t ]*+\r\n")
"""A name and its value without the blanks around it, in a head that is known to be one."""

_ONCE: Final = frozenset((b"host", b"content-length", b"transfer-encoding", b"content-type"))
_AMBIGUOUS: Final = (b"content_length", b"transfer_encoding")
"""Some proxies read ``_`` as ``-``."""

_AUTHORITY: Final = re.compile(rb"(?:[0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_LENGTH: Final = re.compile(rb"0|[1-9][0-9]{0,17}")
"""18 digits fit into 63 bits. Zeros before a number make some take it for octal."""
_ABSOLUTE: Final = re.compile(rb"https?://([^/?]*)(.*)", re.IGNORECASE)
_HUGE: Final = re.compile(rb"[1-9][0-9]{18,}")
_CODING: Final = re.compile(rb"(?!chunked$)" + TOKEN + rb"+")

_IMPOSSIBLE: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r[^\n]|(?<!\r)\n")
"""Bytes that no head contains: control characters, and either half of a line's end."""


class RequestHead(NamedTuple):
    """A head, read.

    Attributes:
        size: bytes, its empty last line included.
        length: bytes of the body, or ``CHUNKED``.
        method: such as ``POST``.
        target: path and query, as they were sent, or ``*``.
        old: whether the version is HTTP/1.0.
        fields: names in small letters and values, in their order. The authority of a target that was written
            for a proxy stands as ``host``. Names with ``_`` are left out: see ``_AMBIGUOUS``.
    """

    size: int
    length: int
    method: bytes
    target: bytes
    old: bool
    fields: list[tuple[bytes, bytes]]


def read(data: bytes) -> RequestHead | None:
    """Return the head that ``data`` begins with; None if there is none, or not all of one yet.

    Raises:
        RefusedError: 400 for fields that contradict each other, 405, 413, 414, 431 or 501.
    """
    head = _HEAD.match(data)
    if head is None:
        return None
    size = head.end()
    if size > LINE_BYTES:
        _require_short_lines(data[:size])
    if data.count(b"\n", head.end(3), size) > FIELDS + 2:
        raise refusals.RefusedError(refusals.LARGE_HEADERS)
    method, target, minor = head.groups()
    old = minor == b"0"
    found = [(name.lower(), value) for name, value in _FIELD.findall(data, head.end(3) + 2, size)]
    length = _length(found, old=old)
    fields = [field for field in found if b"_" not in field[0]]
    if not target.startswith(b"/") or method == b"CONNECT":
        authority, target = _origin_form(method, target)
        if authority:
            fields = [(b"host", authority), *(field for field in fields if field[0] != b"host")]
    return RequestHead(size, length, method, target, old, fields)


def require_possible(gathered: bytearray, at: int) -> None:
    """Refuse the beginning of a head if no further bytes could complete it.

    Args:
        gathered: the bytes that have come.
        at: how many of them were checked before.

    Raises:
        RefusedError: 400, 414 or 431.
    """
    if _IMPOSSIBLE.search(gathered, max(at - 1, 0)):
        raise refusals.RefusedError(refusals.MALFORMED)
    line = gathered.find(b"\n", 2)
    if line < 0 and len(gathered) > LINE_BYTES:
        raise refusals.RefusedError(refusals.LONG_TARGET)
    if line >= 0:
        started = line < at or _START.match(gathered)
    elif at < _BEFORE_TARGET or gathered.count(b" ") > 1:
        started = _STARTED.fullmatch(gathered)
    else:
        started = _IN_TARGET.fullmatch(gathered, at)
    if not started:
        raise refusals.RefusedError(refusals.MALFORMED)
    if len(gathered) > MOST_BYTES:
        raise refusals.RefusedError(refusals.LARGE_HEADERS)


def _require_short_lines(head: bytes) -> None:
    start, *fields = head.removeprefix(b"\r\n").split(b"\r\n")
    if len(start) > LINE_BYTES:
        raise refusals.RefusedError(refusals.LONG_TARGET)
    if len(head) > MOST_BYTES or max(map(len, fields)) > FIELD_BYTES:
        raise refusals.RefusedError(refusals.LARGE_HEADERS)


def _length(fields: Sequence[tuple[bytes, bytes]], *, old: bool) -> int:
    """Return the length of the body as its fields tell it; ``old`` stands for HTTP/1.0."""
    given = dict(fields)
    if len(given) < len(fields):
        _require_once([name for name, _ in fields if name in _ONCE])
    if any(map(given.__contains__, _AMBIGUOUS)) or not _is_host(given, old=old):
        raise refusals.RefusedError(refusals.MALFORMED)
    length, coding = given.get(b"content-length"), given.get(b"transfer-encoding")
    if coding is None:
        return 0 if length is None else _number(length)
    if length is not None or old:
        raise refusals.RefusedError(refusals.MALFORMED)
    return _chunked(coding)


def _require_once(names: Sequence[bytes]) -> None:
    if len(set(names)) < len(names):
        raise refusals.RefusedError(refusals.MALFORMED)


def _is_host(given: Mapping[bytes, bytes], *, old: bool) -> bool:
    host = given.get(b"host")
    return old if host is None else _AUTHORITY.fullmatch(host) is not None


def _number(length: bytes) -> int:
    if _LENGTH.fullmatch(length):
        return int(length)
    raise refusals.RefusedError(refusals.TOO_LARGE if _HUGE.fullmatch(length) else refusals.MALFORMED)


def _chunked(value: bytes) -> int:
    codings = [coding.strip(b"\t ") for coding in value.lower().split(b",")]
    if codings[-1] != b"chunked" or not all(map(_CODING.fullmatch, codings[:-1])):
        raise refusals.RefusedError(refusals.MALFORMED)
    if len(codings) > 1:
        raise refusals.RefusedError(refusals.TRANSFER_CODING)
    return CHUNKED


def _origin_form(method: bytes, target: bytes) -> tuple[bytes, bytes]:
    """Return authority and path of a target that is a whole URL; ``*`` has no authority.

    Proxies are sent whole URLs, and servers must take them as well (RFC 9112 §3.2.2).
    """
    if method == b"CONNECT":
        raise refusals.RefusedError(refusals.METHOD)
    if target == b"*" and method == b"OPTIONS":
        return b"", target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or not _AUTHORITY.fullmatch(absolute[1]):
        raise refusals.RefusedError(refusals.MALFORMED)
    authority, path = absolute.groups()
    return authority, path if path.startswith(b"/") else b"/" + path
