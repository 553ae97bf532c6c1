"""Ordinary reports in the shape of suspected ones: if their trial fails, no sender's text is the reason.

Before a payload is called poison, the same trial is made on an ordinary payload of its size. A machine on
which ordinary payloads fail tells nothing of any payload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from storage import errors
from storage.queue import envelope
from workers.reading import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

_ITEM_BYTES: Final = 512
"""Bytes of a report in an array; the reports of the largest arrays are longer."""


class UndecidedError(errors.RecoverableError):
    """A trial told nothing of the payloads, for a reason that lies outside of them."""


def like(entries: Sequence[envelope.Entry]) -> list[envelope.Entry]:
    """Return ordinary entries of the same shape: as many payloads, each at least as long."""
    return [
        envelope.Entry(entry.id, [_like(payload, entry.id, at) for at, payload in enumerate(entry.payloads)])
        for entry in entries
    ]


def _like(payload: envelope.Payload, entry_id: str, position: int) -> envelope.Payload:
    size, name = len(payload.body), f"{entry_id}-{position}"
    body = _report(size, name) if size < 2 * _ITEM_BYTES else _array(size, name)
    return envelope.Payload(
        project_id=0, key="", environment="", release="", user_agent="", content_type="", flags=0, body=body
    )


def _report(size: int, name: str) -> bytes:
    body = (
        f'{{"csp-report":{{"document-uri":"https://a.example/{name}","effective-directive":"img-src",'
        f'"blocked-uri":"https://b.example/c.png","original-policy":"img-src \'self\'"}}}}'
    )
    return body.encode().ljust(size)


def _array(size: int, name: str) -> bytes:
    """Return an upload of this many bytes, with reports of which no two are equal."""
    number = min(decode.MAX_ITEMS, size // _ITEM_BYTES)
    items = [_item(size // number - 1, f"{name}/{position}") for position in range(number)]
    return b"[%b]" % b",".join(items).ljust(size - 2)


def _item(size: int, name: str) -> bytes:
    start = (
        f'{{"type":"csp-violation","age":1,"url":"https://a.example/{name}","user_agent":"","body":'
        f'{{"documentURL":"https://a.example/{name}","effectiveDirective":"img-src","disposition":"enforce",'
        f'"blockedURL":"https://b.example/c.png","originalPolicy":"img-src \'self\''
    )
    end = '"}}'
    sources = " https://c.example" * max(0, (size - len(start) - len(end)) // len(" https://c.example"))
    return f"{start}{sources}{end}".encode()
