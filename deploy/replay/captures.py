"""Files of captured payloads: one body a file, or one JSON object a line with a body and its circumstances.

A line is ``{"body": …}`` or ``{"body_b64": …}``, with ``project``, ``environment``, ``release``,
``user_agent`` and ``content_type`` where they are known; other members are ignored. A body that is no string
is JSON itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from storage.text import base64text, charsets, lenient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Capture(NamedTuple):
    """A captured body, and the facts of its request; a fact that the file does not have is empty."""

    body: bytes
    project: str = ""
    environment: str = ""
    release: str = ""
    user_agent: str = ""
    content_type: str = ""


class Read(NamedTuple):
    """One step through a file.

    Attributes:
        where: the file, and the number of the line in a file of lines.
        size: bytes of the file that this step read.
        capture: the capture; None when it cannot be replayed.
        error: why it cannot be replayed, in words that complete the sentence "… was not stored: …".
    """

    where: str
    size: int
    capture: Capture | None
    error: str = ""


class _Line(msgspec.Struct):
    body: msgspec.Raw = msgspec.Raw(b"null")
    body_b64: str | None = None
    type: msgspec.Raw = msgspec.Raw(b"")
    project: str | int = ""
    environment: str | None = ""
    release: str | None = ""
    user_agent: str | None = ""
    content_type: str | None = ""

    @property
    def is_capture(self) -> bool:
        """Whether this is a capture: a lone Reporting API report has a ``body`` too, beside its ``type``."""
        text = bytes(self.body)
        return self.body_b64 is not None or text[:1] == b'"' or (text[:1] in b"{[" and not bytes(self.type))


_line: Final = msgspec.json.Decoder(_Line)


def read(path: Path, max_body: int) -> Iterator[Read]:
    """Yield the captures of a file, in order.

    Args:
        path: the file.
        max_body: longest body that the edge would take, in bytes.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        first = file.readline()
        if not _begins_lines(first):
            # One byte more than the limit is enough to tell that it is too long.
            body = first + file.read(max(max_body + 1 - len(first), 0))
            yield _checked(str(path), path.stat().st_size, Capture(body), max_body)
            return
        file.seek(0)
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _read_line(f"{path} line {number}", line, max_body)


def _begins_lines(first: bytes) -> bool:
    try:
        return _decoded(first).is_capture
    except (msgspec.DecodeError, UnicodeDecodeError, lenient.NotJSONError):
        return False


def _read_line(where: str, line: bytes, max_body: int) -> Read:
    try:
        decoded = _decoded(line)
        if not decoded.is_capture:
            return Read(where, len(line), None, "it has neither a body nor a body_b64")
        capture = _capture(decoded)
    except (msgspec.DecodeError, ValueError) as error:
        return Read(where, len(line), None, f"it cannot be read ({error})")
    return _checked(where, len(line), capture, max_body)


def _decoded(line: bytes) -> _Line:
    lenient.require_shallow(line, lenient.MAX_DEPTH + 1)  # a body may be as deep as anywhere
    return _line.decode(line)


def _capture(line: _Line) -> Capture:
    return Capture(
        body=_body(line),
        project=str(line.project),
        environment=line.environment or "",
        release=line.release or "",
        user_agent=line.user_agent or "",
        content_type=line.content_type or "",
    )


def _body(line: _Line) -> bytes:
    if line.body_b64 is not None:
        return base64text.decode(line.body_b64)
    sent = bytes(line.body)
    return msgspec.json.decode(sent, type=str).encode() if sent[:1] == b'"' else sent


def _checked(where: str, size: int, capture: Capture, max_body: int) -> Read:
    """Return the capture, or the error for which the edge would refuse it."""
    error = ""
    if not capture.body:
        error = "its body is empty"
    elif len(capture.body) > max_body:
        error = f"its body is longer than {max_body} bytes"
    else:
        try:
            lenient.require_container(capture.body, charsets.codec_of(capture.content_type))
        except lenient.NotJSONError as reason:
            error = f"its body is no JSON object or array ({reason})"
    return Read(where, size, None if error else capture, error)
