"""TLS on loopback: a throw-away certificate authority, and a front that terminates TLS before the edge."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import trustme

from tests.helpers import transports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SITE: Final = "site.test"
REPORTS: Final = "reports.test"
_CHUNK: Final = 65_536


class Identity(NamedTuple):
    """The authority's certificate as a file for browsers, and the context of servers that it vouches for."""

    authority: Path
    context: ssl.SSLContext


def issue(directory: Path) -> Identity:
    """Create an authority and one certificate for the site and the reports' host."""
    authority = trustme.CA()
    path = directory / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(SITE, REPORTS, "elsewhere.test").configure_cert(context)
    return Identity(path, context)


@contextlib.contextmanager
def terminated(context: ssl.SSLContext, port: int, front_port: int = 0) -> Iterator[int]:
    """Serve TLS on ``front_port``, a free one by default, in front of the plain ``port``; yield it."""
    loop = asyncio.new_event_loop()
    front = _Front(port)
    server = loop.run_until_complete(
        asyncio.start_server(front.connect, "127.0.0.1", front_port, ssl=context)
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(front.close(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Front:
    """Copies bytes both ways between a TLS connection and a plain one."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connections: set[asyncio.Task[Any]] = set()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._port)
        await asyncio.gather(_copy(reader, back_writer), _copy(back_reader, writer))

    async def close(self, server: asyncio.Server) -> None:
        server.close()
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await transports.abort_all()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()
    except OSError:
        pass  # a browser that goes away ends the copying like any end of stream
    finally:
        target.close()
