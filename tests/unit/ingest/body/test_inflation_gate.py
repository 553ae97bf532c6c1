"""One body is inflated in each iteration of the event loop, and other work is done in between."""

from __future__ import annotations

import asyncio
import itertools

from ingest.body import inflation_gate


def test_work_is_done_in_the_order_in_which_it_came_and_others_get_on_in_between() -> None:
    went_on: list[str] = []

    async def work(name: str, shared: inflation_gate.InflationGate) -> None:
        await shared.enter()
        went_on.append(name)

    async def other() -> None:
        for _ in range(20):
            went_on.append("other")
            await asyncio.sleep(0)

    async def both() -> None:
        shared = inflation_gate.InflationGate()
        await asyncio.gather(*(work(name, shared) for name in "abcd"), other())

    asyncio.run(both())
    assert [name for name in went_on if name != "other"] == list("abcd")
    places = [went_on.index(name) for name in "abcd"]
    assert all("other" in went_on[one:next_one] for one, next_one in itertools.pairwise(places))


def test_who_is_gone_holds_nobody_up() -> None:
    async def leave() -> None:
        shared = inflation_gate.InflationGate()
        first, second = asyncio.create_task(shared.enter()), asyncio.create_task(shared.enter())
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert first.cancelled()

    asyncio.run(leave())
