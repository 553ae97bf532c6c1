"""The yardstick of the edge's reading: the server of ``bare`` with gunicorn's own parser of HTTP.

``python -m tests.bench.yardsticks.foreign`` serves it. The parser is the compiled ``gunicorn_h1c`` where that
is installed, and else the one in Python; nothing checks the requests that they take.
"""

from __future__ import annotations

import importlib.util
from typing import Final

from gunicorn.asgi import protocol

from deploy import settings
from ingest.http import gunicorn_worker
from tests.bench.yardsticks import bare

PARSER: Final = "gunicorn_h1c" if importlib.util.find_spec("gunicorn_h1c") else "gunicorn's in Python"


class Protocol(gunicorn_worker.EdgeProtocol):
    """One connection, read as gunicorn does."""

    _setup_callback_parser = protocol.ASGIProtocol._setup_callback_parser
    _feed_callback_parser = protocol.ASGIProtocol._feed_callback_parser
    _http1_buffered = protocol.ASGIProtocol._http1_buffered
    _resume_reading = protocol.ASGIProtocol._resume_reading


class Worker(gunicorn_worker.EdgeWorker):
    """One edge process."""

    protocol_class = Protocol


class Server(bare.Server):
    """The server of ``bare`` with that worker."""

    def load_config(self) -> None:
        """Hand gunicorn its settings."""
        super().load_config()
        self.cfg.set("worker_class", "tests.bench.yardsticks.foreign.Worker")


if __name__ == "__main__":
    Server(settings.load(), redis_url="").run()
