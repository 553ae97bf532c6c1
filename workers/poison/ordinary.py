"""Ordinary reports, in the shape of others: what they fail at has nothing to do with what senders wrote.

Whoever blames a payload for a trial that failed makes the same trial on an ordinary one, as large as it. A
machine that lets no such one pass tells nothing of any payload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from storage import errors
from storage.queue import envelope
from workers.reading import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

_ITEM_BYTES: Final = 512
"""Of a report in an array; the largest arrays hold longer ones."""


class UndecidedError(errors.RecoverableError):
    """A trial told nothing, for a reason that lies outside of what was tried."""


def like(entries: Sequence[envelope.Entry]) -> list[envelope.Entry]:
    """Return entries of the same shape: as many payloads, each as long unless that is too short."""
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
    """Return an upload of so many reports, none of which is equal to another."""
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
