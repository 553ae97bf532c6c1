"""Bodies as a server delivers them: whole, in pieces, too long, too slow, cut off."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import refusals
from ingest.body import in_flight, request_body
from tests.helpers import waiting

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 100
GONE = {"type": "http.disconnect"}


def piece(content: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": content, "more_body": more}


def pieces(*contents: bytes) -> list[dict[str, Any]]:
    last = len(contents) - 1
    return [piece(content, more=index < last) for index, content in enumerate(contents)]


class Sender:
    """Delivers these messages, and then nothing for ever."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.messages = messages

    async def __call__(self) -> dict[str, Any]:
        if not self.messages:
            await asyncio.Event().wait()
        return self.messages.pop(0)


def uploaded(
    messages: list[dict[str, Any]],
    *,
    limit: int = LIMIT,
    timeout: float = waiting.PATIENCE_S,
    most: int = 10_000,
) -> tuple[request_body.RequestBody, Sender, in_flight.InFlightBytes]:
    sender, counter = Sender(messages), in_flight.InFlightBytes(most)
    return request_body.RequestBody(request_body.BodyLimits(counter, limit, timeout), sender), sender, counter


def refusal_of(reading: Callable[[], Any]) -> refusals.Refusal:
    with pytest.raises(refusals.RefusedError) as raised:
        asyncio.run(reading())
    return raised.value.refusal


@pytest.mark.parametrize(
    "contents",
    [[b"x"], [b"x" * LIMIT], [b"x", b""], [b"", b"x"], [b"ab", b"cd", b"ef"], [b"x" * 50, b"y" * 50]],
)
@pytest.mark.parametrize("declared", [b"", b"100"])
def test_a_body_arrives_in_any_number_of_pieces(contents: list[bytes], declared: bytes) -> None:
    reading, _, flying = uploaded(pieces(*contents))
    assert asyncio.run(reading.read(declared)) == b"".join(contents)
    assert flying.size == 0


@pytest.mark.parametrize("contents", [[b""], [b"", b""]])
def test_an_empty_body_is_refused(contents: list[bytes]) -> None:
    reading, _, _ = uploaded(pieces(*contents))
    assert refusal_of(lambda: reading.read(b"0")) is refusals.EMPTY


def test_a_body_declared_too_long_is_refused_before_it_comes() -> None:
    reading, sender, _ = uploaded(pieces(b"x" * 101))
    assert refusal_of(lambda: reading.read(b"101")) is refusals.TOO_LARGE
    assert len(sender.messages) == 1


@pytest.mark.parametrize(
    "contents", [[b"x" * 101], [b"x" * 60, b"y" * 41], [b"x" * 60, b"y" * 60, b"z" * 999]]
)
def test_a_body_that_turns_out_too_long_is_refused(contents: list[bytes]) -> None:
    reading, _, flying = uploaded(pieces(*contents))
    assert refusal_of(lambda: reading.read(b"")) is refusals.TOO_LARGE
    assert flying.size == 0


def test_what_comes_after_the_limit_is_not_read() -> None:
    reading, sender, _ = uploaded(pieces(*[b"x" * 60] * 50))
    assert refusal_of(lambda: reading.read(b"")) is refusals.TOO_LARGE
    assert len(sender.messages) == 48


def test_a_body_is_refused_when_too_much_is_held_already() -> None:
    reading, _, flying = uploaded(pieces(b"x" * 60, b"y" * 30), most=70)
    assert refusal_of(lambda: reading.read(b"")) is refusals.BUSY
    assert flying.size == 0


@pytest.mark.parametrize("messages", [[GONE], [piece(b"x", more=True), GONE]])
def test_a_sender_that_leaves_has_sent_no_body(messages: list[dict[str, Any]]) -> None:
    reading, _, flying = uploaded(messages)
    assert refusal_of(lambda: reading.read(b"")) is refusals.INCOMPLETE
    assert flying.size == 0


def test_a_body_that_does_not_end_is_refused_in_time() -> None:
    reading, _, flying = uploaded([piece(b"x", more=True)], timeout=0.01)
    assert refusal_of(lambda: reading.read(b"")) is refusals.INCOMPLETE
    assert flying.size == 0


def test_the_rest_of_a_refused_body_is_dropped() -> None:
    reading, sender, _ = uploaded(pieces(*[b"x" * 60] * 50))
    assert refusal_of(lambda: reading.read(b"")) is refusals.TOO_LARGE
    asyncio.run(reading.discard({b"content-length", b"expect"}))
    assert sender.messages == []


def test_a_body_that_was_read_is_not_waited_for() -> None:
    reading, _, _ = uploaded(pieces(b"x"))

    async def read_and_discard() -> None:
        await reading.read(b"")
        await reading.discard({b"content-length"})

    asyncio.run(read_and_discard())


def test_a_sender_that_waits_for_100_continue_is_not_waited_for() -> None:
    reading, sender, _ = uploaded(pieces(b"x"))
    asyncio.run(reading.discard({b"content-length", b"expect"}))
    assert len(sender.messages) == 1


def test_discarding_ends_with_the_connection() -> None:
    reading, _, _ = uploaded([piece(b"x", more=True), GONE])
    asyncio.run(reading.discard({b"content-length"}))


@pytest.mark.parametrize(("setting", "value"), [("_DISCARD_SECONDS", 0.01), ("_DISCARDED_BYTES", 5)])
def test_discarding_ends(monkeypatch: pytest.MonkeyPatch, setting: str, value: float) -> None:
    monkeypatch.setattr(request_body, setting, value)
    reading, _, _ = uploaded([piece(b"x" * 6, more=True)])
    asyncio.run(reading.discard({b"content-length"}))


@given(contents=st.lists(st.binary(max_size=60), min_size=1, max_size=6))
def test_a_body_is_whole_or_refused(contents: list[bytes]) -> None:
    whole = b"".join(contents)
    reading, _, flying = uploaded(pieces(*contents))
    if 0 < len(whole) <= LIMIT:
        assert asyncio.run(reading.read(b"")) == whole
    else:
        assert refusal_of(lambda: reading.read(b"")) in (refusals.EMPTY, refusals.TOO_LARGE)
    assert flying.size == 0
