"""What an operator stores again was not sent again by a browser: it counts, and for whoever sent it first."""

from __future__ import annotations

import datetime as dt

from deploy.replay import captures, reingest, requeue
from storage.projects import model
from storage.quarantine import quarantined
from storage.queue import envelope

SENT = envelope.Payload(1, "key", "prod", "1.0", "Firefox", "application/reports+json", 0, b"[]", 7, 113)


def row(reason: str, raw: bytes) -> quarantined.QuarantineRow:
    return quarantined.QuarantineRow(
        dt.datetime.now(dt.UTC), "3-1-0-0", 1, "prod", "1.0", reason, "", raw, 0, 1, 9
    )


def test_of_the_quarantine() -> None:
    (payload,) = requeue.payloads(row("no_type", b"[{}]"))
    assert (payload.body, payload.sender, payload.slot) == (b"[{}]", 0, 9)


def test_of_an_entry_that_can_be_decoded_by_now() -> None:
    first, second = requeue.payloads(row("corrupt_entry", envelope.encode([SENT, SENT])))
    assert first == second
    assert (first.user_agent, first.sender, first.slot) == ("Firefox", 0, 113)


def test_of_a_capture() -> None:
    project = model.Project(id=1, name="shop", keys=("key",))
    capture = captures.Capture(b"[]", content_type="application/reports+json", user_agent="Firefox")
    payload = reingest.payload(project, capture)
    assert (payload.sender, payload.slot) == (0, 0), "a file knows no senders"
