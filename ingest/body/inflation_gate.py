"""Lets one body be inflated in each iteration of the event loop, so that others are served in between."""

from __future__ import annotations

import asyncio


class InflationGate:
    """Opens for one caller in each iteration of the event loop, in the order in which they came.

    Without the gate, all bodies that a flood has ready are inflated in one iteration. An innocent request
    needs several iterations, and would wait for as many floods.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def enter(self) -> None:
        """Wait for an iteration that no other caller has taken."""
        async with self._lock:
            await asyncio.sleep(0)
