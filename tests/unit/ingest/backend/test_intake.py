"""Group commit: who shares an append with whom, and who gets a receipt."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ingest import refusals
from ingest.backend import intake
from ingest.body import in_flight
from storage import errors
from storage.queue import envelope
from tests.helpers import waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

Groups = dict[int, list[bytes]]


def payload(body: bytes) -> envelope.Payload:
    return envelope.Payload(1, "k", "", "", "", "", 0, body)


class Store:
    """An append that can be held up, made to fail, and asked what it was given."""

    def __init__(self) -> None:
        self.appended: list[Groups] = []
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None
        self.broken: set[int] = set()

    async def append(self, groups: Mapping[int, list[envelope.Payload]]) -> dict[int, str]:
        self.appended.append({shard: [item.body for item in group] for shard, group in groups.items()})
        number = len(self.appended)
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return dict.fromkeys(groups.keys() - self.broken, f"{number}-0")


def run(
    scenario: Callable[[intake.Intake, Store], Awaitable[Any]],
    *,
    in_flight_bytes: int = 64 << 20,
    timeout: float = waiting.PATIENCE_S,
) -> tuple[list[Groups], int]:
    """Run a scenario to its end; return what was appended, and the bytes still in flight."""

    async def main() -> tuple[list[Groups], int]:
        store, counter = Store(), in_flight.InFlightBytes(in_flight_bytes)
        tested = intake.Intake(store.append, counter, timeout)
        await scenario(tested, store)
        await tested.drain()
        return store.appended, counter.size

    return asyncio.run(main())


def refusal_of(result: object) -> refusals.Refusal:
    assert isinstance(result, refusals.RefusedError)
    return result.refusal


def test_requests_that_come_together_share_an_append() -> None:
    async def scenario(tested: intake.Intake, _: Store) -> None:
        receipts = [tested.store(shard, payload(body)) for shard, body in ((3, b"a"), (5, b"b"), (3, b"c"))]
        assert await asyncio.gather(*receipts) == ["3-1-0-0", "5-1-0-0", "3-1-0-1"]

    assert run(scenario) == ([{3: [b"a", b"c"], 5: [b"b"]}], 0)


def test_requests_that_come_during_an_append_share_the_next() -> None:
    async def scenario(tested: intake.Intake, store: Store) -> None:
        store.open.clear()
        first = tested.store(0, payload(b"a"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        later = [tested.store(0, payload(body)) for body in (b"b", b"c")]
        store.open.set()
        assert await asyncio.gather(first, *later) == ["0-1-0-0", "0-2-0-0", "0-2-0-1"]

    assert run(scenario) == ([{0: [b"a"]}, {0: [b"b", b"c"]}], 0)


def test_an_append_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MAX_APPEND_BYTES", 10)
    bodies = [b"a" * 6, b"b" * 4, b"c" * 12, b"d"]

    async def scenario(tested: intake.Intake, _: Store) -> None:
        await asyncio.gather(*[tested.store(0, payload(body)) for body in bodies])

    assert run(scenario) == ([{0: bodies[:2]}, {0: bodies[2:3]}, {0: bodies[3:]}], 0)


@pytest.mark.parametrize("error", [errors.RedisUnavailableError("away"), RuntimeError("a bug")])
def test_whoever_waits_for_a_failing_append_is_refused(error: Exception) -> None:
    async def scenario(tested: intake.Intake, store: Store) -> None:
        store.open.clear()
        store.error = error
        stored = [tested.store(0, payload(b"a")), tested.store(1, payload(b"b"))]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        stored.append(tested.store(0, payload(b"came meanwhile")))
        store.open.set()
        results = await asyncio.gather(*stored, return_exceptions=True)
        assert [refusal_of(result) for result in results] == [refusals.UNAVAILABLE] * 3
        store.error = None
        assert await tested.store(0, payload(b"c")) == "0-2-0-0"

    assert run(scenario) == ([{0: [b"a"], 1: [b"b"]}, {0: [b"c"]}], 0)


def test_an_append_that_hangs_is_given_up() -> None:
    async def scenario(tested: intake.Intake, store: Store) -> None:
        store.open.clear()
        (result,) = await asyncio.gather(tested.store(0, payload(b"a")), return_exceptions=True)
        assert refusal_of(result) is refusals.UNAVAILABLE

    assert run(scenario, timeout=0.01)[1] == 0


def test_what_waits_is_bounded_in_bytes() -> None:
    async def scenario(tested: intake.Intake, _: Store) -> None:
        first = tested.store(0, payload(b"a" * 8))
        with pytest.raises(refusals.RefusedError) as raised:
            tested.store(0, payload(b"b" * 3))
        assert raised.value.refusal is refusals.BUSY
        assert await first == "0-1-0-0"
        assert await tested.store(0, payload(b"b" * 3)) == "0-2-0-0"

    assert run(scenario, in_flight_bytes=10)[1] == 0


@pytest.mark.parametrize("error", [None, errors.RedisUnavailableError("away")])
def test_a_request_that_is_gone_does_not_disturb_the_others(error: Exception | None) -> None:
    async def scenario(tested: intake.Intake, store: Store) -> None:
        store.error = error
        gone, staying = tested.store(0, payload(b"a")), tested.store(0, payload(b"b"))
        gone.cancel()
        (result,) = await asyncio.gather(staying, return_exceptions=True)
        assert result == "0-1-0-1" if error is None else refusal_of(result) is refusals.UNAVAILABLE

    assert run(scenario) == ([{0: [b"a", b"b"]}], 0)


def test_draining_waits_for_everything() -> None:
    async def scenario(tested: intake.Intake, _: Store) -> None:
        receipts = [tested.store(shard, payload(b"x")) for shard in range(5)]
        await tested.drain()
        assert all(receipt.done() for receipt in receipts)

    run(scenario)


def test_a_shard_that_is_not_stored_refuses_only_who_waits_for_it() -> None:
    async def scenario(tested: intake.Intake, store: Store) -> None:
        store.broken = {5}
        stored = [tested.store(shard, payload(b"a")) for shard in (3, 5, 5, 3)]
        first, second, third, fourth = await asyncio.gather(*stored, return_exceptions=True)
        assert (first, fourth) == ("3-1-0-0", "3-1-0-1")
        assert {refusal_of(second), refusal_of(third)} == {refusals.UNAVAILABLE}

    assert run(scenario)[1] == 0
