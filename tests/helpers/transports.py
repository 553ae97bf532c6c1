"""Ending an event loop without leaving sockets behind."""

from __future__ import annotations

import asyncio


async def abort_all() -> None:
    """Close every connection of the running loop at once.

    A TLS connection that is closed waits for its other side to agree, and one in its handshake belongs to
    nobody yet: only the loop knows of all.
    """
    loop = asyncio.get_running_loop()
    for transport in list(getattr(loop, "_transports", {}).values()):
        transport.abort()
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # first the transports learn of it, then they close their sockets
