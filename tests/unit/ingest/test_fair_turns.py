"""One piece of long work in each turn of the event loop, and others in between."""

from __future__ import annotations

import asyncio
import itertools

from ingest.body import fair_turns


def test_work_is_done_in_the_order_in_which_it_came_and_others_get_on_in_between() -> None:
    went_on: list[str] = []

    async def work(name: str, shared: fair_turns.FairTurns) -> None:
        await shared.wait()
        went_on.append(name)

    async def other() -> None:
        for _ in range(20):
            went_on.append("other")
            await asyncio.sleep(0)

    async def both() -> None:
        shared = fair_turns.FairTurns()
        await asyncio.gather(*(work(name, shared) for name in "abcd"), other())

    asyncio.run(both())
    assert [name for name in went_on if name != "other"] == list("abcd")
    places = [went_on.index(name) for name in "abcd"]
    assert all("other" in went_on[one:next_one] for one, next_one in itertools.pairwise(places))


def test_who_is_gone_holds_nobody_up() -> None:
    async def leave() -> None:
        shared = fair_turns.FairTurns()
        first, second = asyncio.create_task(shared.wait()), asyncio.create_task(shared.wait())
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert first.cancelled()

    asyncio.run(leave())
