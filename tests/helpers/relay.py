"""Stands between an appender and Redis, and lets a test act between two of its commands."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from deploy.network import addresses

if TYPE_CHECKING:
    from collections.abc import Callable

_CALL = re.compile(rb"(?=\*\d+\r\n\$\d+\r\nEVAL)")


class Relay:
    """Forwards to a Redis, as a context manager.

    Args:
        url: of the Redis.
        between: called before each further script call of those that a client sent at once.

    Attributes:
        url: where to connect.
        cut: how many answers to script calls end their connection instead of being passed on.
        held: set when an answer to a script call waits here, while ``released`` is not set.
    """

    def __init__(self, url: str, between: Callable[[], None] = lambda: None) -> None:
        self.url = ""
        self.cut = 0
        self.held = threading.Event()
        self.released = threading.Event()
        self.released.set()
        self._between = between
        self._target = urlsplit(url)
        self._stack = contextlib.ExitStack()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listening = self._stack.enter_context(socket.create_server((addresses.LOOPBACK, 0)))
        self.url = f"redis://{addresses.LOOPBACK}:{self._listening.getsockname()[1]}/0"
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()  # a test that failed holds no answer back any more
        self._listening.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._stack.close()

    def _start(self, step: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=step, args=arguments))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._start(self._serve, self._listening.accept()[0])

    def _serve(self, client: socket.socket) -> None:
        """Pass on what both sides send, until one of them is gone."""
        address = (self._target.hostname or "", self._target.port or 0)
        asked = False
        with client, socket.create_connection(address) as server, contextlib.suppress(ConnectionError):
            while True:
                readable, _, _ = select.select([client, server], [], [])
                data = readable[0].recv(1 << 20)
                if not data or (readable[0] is server and asked and self._cuts()):
                    return
                if readable[0] is server:
                    self._hold(asked=asked)
                    client.sendall(data)
                else:
                    asked = self._forward(data, server)

    def _hold(self, *, asked: bool) -> None:
        if asked and not self.released.is_set():
            self.held.set()
            self.released.wait()

    def _cuts(self) -> bool:
        self.cut -= 1
        return self.cut >= 0

    def _forward(self, data: bytes, server: socket.socket) -> bool:
        """Send commands on one by one, and return whether any of them calls a script."""
        first, *others = filter(None, _CALL.split(data))
        server.sendall(first)
        for part in others:
            self._between()
            server.sendall(part)
        return bool(_CALL.match(first)) or bool(others)
