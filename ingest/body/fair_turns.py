"""Work that blocks the event loop, one piece in each of the loop's turns: others are served in between."""

from __future__ import annotations

import asyncio


class FairTurns:
    """Lets one caller go on in each turn of the event loop, in the order in which they came.

    Without it, all requests that a flood made ready are worked on in one turn, and an innocent request, which
    takes several turns, waits for as many floods.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def wait(self) -> None:
        """Wait for a turn in which nobody else goes on."""
        async with self._lock:
            await asyncio.sleep(0)
