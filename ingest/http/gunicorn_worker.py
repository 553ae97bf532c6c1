"""gunicorn's ASGI worker, as the edge needs it for requests that never reach the application.

gunicorn's own parsers take requests that can be read in two ways. A request that they refuse is answered in
plain text that may quote it, and without CORS headers. A worker of gunicorn's that stops waits for idle
connections until it is killed. ``EdgeWorker`` is the value of gunicorn's setting ``worker_class``.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from gunicorn.asgi import protocol
from gunicorn.workers import gasgi

from ingest import cors, refusals
from ingest.http import framing, server_request

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ingest.http import heads

LINGER_S: Final = 1.0
"""How long a worker that stops keeps idle connections. A request that comes in this time is answered, and its
sender is told to connect anew. A request that is sent while its connection is being closed gets no answer."""
_POLL_S: Final = 0.05
_ANNOUNCE_S: Final = 0.1
"""How long a worker that is told to stop announces it in its answers. A sender that was told sends no further
request into a connection that is being closed."""

_GC_THRESHOLDS: Final = (50_000, 50, 100)
"""How many new objects make Python search for cycles. No request or connection leaves any behind; with the
defaults the search takes a quarter of an edge's time."""


_READ_BYTES: Final = 16 * 1024
"""Bytes read from a connection at a time. uvloop would read 256 kB of each before any request is served."""

_BUFFERED_BYTES: Final = 32 * 1024
"""Bytes of a body that wait for the application; with more, the connection is read no further."""

_M_MMAP_THRESHOLD: Final = -3
_OWN_MAPPING_BYTES: Final = 48 * 1024
"""Bodies above this size get memory of their own, which goes back to the system when they are freed."""


def _give_memory_back() -> None:
    """Fix the threshold above; glibc raises it with each large block that is freed, up to 32 MB.

    Large bodies would then lie between small ones on the heap, which hardly ever shrinks.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _OWN_MAPPING_BYTES)


class _Reading(asyncio.BufferedProtocol):
    """Reads for a connection, into memory that all connections of a process share.

    uvloop would read 256 kB of each connection before it serves any request. It lets no ``asyncio.Protocol``
    say where and how much to read, and gunicorn's is one.
    """

    _memory: ClassVar = memoryview(bytearray(_READ_BYTES))

    def __init__(self, connection: EdgeProtocol) -> None:
        self._connection = connection

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Return the memory that the next bytes are read into."""
        return self._memory

    def buffer_updated(self, nbytes: int) -> None:
        """Pass the bytes that were read to the connection."""
        self._connection.data_received(bytes(self._memory[:nbytes]))

    def eof_received(self) -> bool | None:
        """Pass the end of the stream on to the connection."""
        keep_open: bool | None = self._connection.eof_received()
        return keep_open

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass the end of the transport on to the connection."""
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        """Tell the connection that the transport takes no more for the moment."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Tell the connection that the transport takes more again."""
        self._connection.resume_writing()


class EdgeProtocol(protocol.ASGIProtocol):  # type: ignore[misc] # gunicorn has no types
    """One connection."""

    _current_request: server_request.ServerRequest | None
    _body_receiver: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - gunicorn's own
        super().__init__(*arguments, **named)
        self._max_buffer_size = _BUFFERED_BYTES
        self._answered = False
        self._announced = False
        self._unread = False
        self._cut_at: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bound the wait for a connection's first request, as gunicorn does for the further ones."""
        super().connection_made(transport)
        transport.set_protocol(_Reading(self))
        self.worker.connections.add(self)
        self._task.add_done_callback(self._forget_request)
        self._arm_keepalive_timer()

    def _forget_request(self, _served: object) -> None:
        """Drop the last request, which refers back here: Python searches for such cycles too rarely."""
        self._current_request = self._body_receiver = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._keep()
        self.worker.connections.discard(self)

    def close_if_idle(self) -> None:
        """Close the connection if it waits for a request and serves none."""
        if self._awaiting_request and not self._finishing_calls:
            self._keepalive_timeout()

    def _serve_http_request(self, *request: Any) -> Coroutine[Any, Any, bool]:  # noqa: ANN401 - gunicorn's own
        serving: Coroutine[Any, Any, bool] = super()._serve_http_request(*request)
        return self._serve_once_read(serving) if self._unread else serving

    async def _serve_once_read(self, serving: Coroutine[Any, Any, bool]) -> bool:
        """Serve a request that was sent ahead, once the answers before it were read."""
        try:
            await self._flow_control.drain()
        except asyncio.CancelledError:
            serving.close()
            raise
        return await serving

    def pause_writing(self) -> None:
        """Stop reading while answers pile up: each is in memory until its sender reads it."""
        super().pause_writing()
        self._unread = True
        self._pause_reading()
        self._cut_later()

    def resume_writing(self) -> None:
        """Read on, now that the answers were read."""
        super().resume_writing()
        self._unread = False
        self._keep()
        self._resume_reading()

    def _resume_reading(self) -> None:
        if not self._unread and not self._callback_parser.ahead:
            super()._resume_reading()

    def _close_transport(self) -> None:
        """Close the connection once its answers are sent, or when nobody reads them."""
        super()._close_transport()
        if self.transport and not self._conn_lost_handled and self.transport.get_write_buffer_size():
            self._cut_later()

    def _cut_later(self) -> None:
        """Cut the connection if its answers are not read as soon as a further request would have to come."""
        if self._cut_at is None:
            self._cut_at = self.worker.loop.call_later(self._keepalive, self.transport.abort)

    def _keep(self) -> None:
        if self._cut_at is not None:
            self._cut_at.cancel()
            self._cut_at = None

    def _setup_callback_parser(self) -> None:
        """Read with the reader of the edge; gunicorn's loop takes the bytes that were sent ahead from it."""
        self._callback_parser = framing.Framing()

    def _feed_callback_parser(self, data: bytes) -> bool:
        """Read the bytes that came, as far as they are well-formed; return whether to go on."""
        reader: framing.Framing = self._callback_parser
        if self._current_request is None:
            self._answered = False
        elif reader.complete:
            reader.read(data)
            self._pause_reading()
            return True
        try:
            body = reader.read(data)
        except refusals.RefusedError as error:
            return self._refuse(error.refusal)
        if reader.head is not None:
            self._pass_on(reader.head, body, complete=reader.complete)
        if reader.ahead:  # requests that were sent ahead must be served no sooner than those of others
            self._pause_reading()
        elif self._reading_paused:
            self._maybe_resume_reading()
        return True

    def _pass_on(self, head: heads.RequestHead, body: bytes, *, complete: bool) -> None:
        """Pass a new request on to gunicorn, and the part of its body that has come."""
        if self._current_request is None:
            self._current_request = server_request.ServerRequest(head)
            self._body_receiver = protocol.BodyReceiver(self._current_request, self)
            self._request_ready.set()
        self._body_receiver.feed(body)
        if complete:
            self._body_receiver.set_complete()

    def _send_response_start(self, *arguments: Any, close: bool, **named: Any) -> None:  # noqa: ANN401 - gunicorn's own
        self._answered, self._announced = True, close
        super()._send_response_start(*arguments, close=close, **named)

    def _will_close(self, *answer: Any) -> bool:  # noqa: ANN401 - gunicorn's own
        """Say whether the connection is closed after an answer, as the answer announced it."""
        if self._answered:
            return self._announced
        return bool(self.worker.stopping or super()._will_close(*answer))

    def _send_error_response(self, _status: int, _message: str, _extra_headers: object = ()) -> None:
        """Answer in place of an application that did not; gunicorn closes the connection afterwards."""
        receiver = self._body_receiver
        gave_up = receiver is not None and receiver._body_wait_expired  # noqa: SLF001 - gunicorn tells it nowhere else
        self._answer(refusals.INCOMPLETE if gave_up else refusals.INTERNAL)

    def _refuse(self, refusal: refusals.Refusal) -> Literal[False]:
        """Answer a request that is not taken further, and read nothing more from its connection."""
        self._answer(refusal)
        self._close_transport()
        return False

    def _answer(self, refusal: refusals.Refusal) -> None:
        """Write a refusal, unless there is an answer: a second one would be taken for another request's."""
        if self._answered:
            return
        lines = [f"HTTP/1.1 {refusal.status.value} {refusal.status.phrase}".encode()]
        headers = {
            **cors.EVERY_RESPONSE,
            **refusal.headers,
            "content-length": str(len(refusal.content)),
            "connection": "close",
        }
        lines += [f"{name}: {value}".encode() for name, value in headers.items()]
        lines += [b"", refusal.content]
        self._safe_write(b"\r\n".join(lines))


class EdgeWorker(gasgi.ASGIWorker):  # type: ignore[misc] # gunicorn has no types
    """One edge process."""

    protocol_class: ClassVar = EdgeProtocol

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - gunicorn's own
        super().__init__(*arguments, **named)
        self.connections: set[EdgeProtocol] = set()
        self.stopping = False

    def handle_exit_signal(self) -> None:
        """Tell the senders first, and stop afterwards."""
        self.stopping = True
        self.loop.call_later(_ANNOUNCE_S, super().handle_exit_signal)

    def init_process(self) -> Any:  # noqa: ANN401 - gunicorn's own
        """Serve with ``protocol_class``: gunicorn has no setting for it, so its own class is replaced."""
        gasgi.ASGIProtocol = self.protocol_class
        _give_memory_back()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        # Otherwise each connection that a browser closes stays in memory for another three seconds.
        self.cfg.set("asgi_disconnect_grace_period", 0)
        return super().init_process()

    async def _shutdown(self) -> None:
        """Stop without leaving a request unanswered, and without waiting for idle connections."""
        self.alive = False  # when it is the master that died, gunicorn would go on inviting further requests
        for server in self.servers:
            server.close()
        await self._linger()
        for connection in list(self.connections):
            connection.close_if_idle()
        await super()._shutdown()

    async def _linger(self) -> None:
        deadline = self.loop.time() + LINGER_S
        while self.connections and not self._quick_shutdown and self.loop.time() < deadline:  # noqa: ASYNC110 - gunicorn's flag is no event
            await asyncio.sleep(_POLL_S)
