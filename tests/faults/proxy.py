"""A TCP proxy in front of ClickHouse: it breaks connections at the worst moment, or lets nobody through."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from typing import TYPE_CHECKING, Final, Self

from deploy.network import addresses, ports
from tests.helpers import transports

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

END_OF_STREAM: Final = 5
"""ClickHouse's last packet of an answer, a single byte: the statement was carried out."""
_CHUNK: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends a reset."""


class Proxy:
    """Forwards to a port on this machine, as a context manager.

    Attributes:
        port: where to connect.
        odds: how probably the end of an answer becomes a reset.
        resets: how many did.
        turned_away: connections that found nobody there.
    """

    def __init__(self, target: int) -> None:
        self.port = ports.free_port()
        self.odds = 0.0
        self.resets = 0
        self.turned_away = 0
        self._target = target
        self._is_away = False
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Let nobody through, and end every connection, as if the server were gone."""
        self._is_away = True
        self._loop.call_soon_threadsafe(self._end_all)
        try:
            yield
        finally:
            self._is_away = False

    def _end_all(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(task)
        self._server.close()
        self._loop.run_until_complete(transports.abort_all())
        self._loop.close()

    async def _serve(self) -> None:
        self._server = await asyncio.start_server(self._accept, addresses.LOOPBACK, self.port)

    async def _accept(self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter) -> None:
        if self._is_away:
            self.turned_away += 1
            client_out.transport.abort()
            return
        try:
            server_in, server_out = await asyncio.open_connection(addresses.LOOPBACK, self._target)
        except OSError:
            client_out.close()
            return
        ways: list[Coroutine[None, None, None]] = [
            self._forward(client_in, server_out),
            self._answer(server_in, client_out),
        ]
        tasks = [asyncio.ensure_future(way) for way in ways]
        self._open.add(client_out)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open.discard(client_out)
            for task in tasks:
                task.cancel()
            server_out.close()
            client_out.close()

    async def _forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK):
                target.write(data)
                await target.drain()

    async def _answer(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK):
                if data[-1] == END_OF_STREAM and random.random() < self.odds:
                    self.resets += 1
                    connection: socket.socket = target.get_extra_info("socket")
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    target.transport.abort()
                    return
                target.write(data)
                await target.drain()
