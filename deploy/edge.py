"""The edge under gunicorn: its asgi worker, uvloop, and an application built from the settings."""

from __future__ import annotations

from typing import Any, Final

import gunicorn.app.base
import gunicorn.glogging

from deploy import logs, settings
from deploy.network import addresses
from ingest import app, config

GRACEFUL_S: Final = 4
"""Seconds that a process may take to stop: gunicorn's asgi worker notices after a second and closes its
sockets in another one, and a request under way takes a few ms. The whole system has ten seconds."""
KEEPALIVE_S: Final = 15
"""Seconds for which an idle connection is kept. Browsers send a page's reports within seconds of each other;
a connection that is kept longer only takes memory."""


def edge_config(values: settings.Settings, redis_url: str) -> config.EdgeConfig:
    """Return the settings of the application."""
    return config.EdgeConfig(
        redis_url=redis_url,
        shards=values.shards,
        max_body_bytes=values.max_body,
        memory_high_water=values.high_water,
        trusted_proxies=addresses.networks(values.trusted_proxies),
        address_rate=values.address_rate,
    )


def options(values: settings.Settings) -> dict[str, Any]:
    """Return the settings of gunicorn."""
    return {
        "bind": [values.listen],
        "workers": values.edge_processes,
        "worker_class": "ingest.http.gunicorn_worker.EdgeWorker",
        "asgi_loop": "uvloop",
        "asgi_lifespan": "on",
        # Browsers give up on a refused connection for good, and come back to a slow one.
        "backlog": 4096,
        "keepalive": KEEPALIVE_S,
        "graceful_timeout": GRACEFUL_S,
        # An event loop that is blocked for this long will not recover by itself.
        "timeout": 30,
        "control_socket_disable": True,
        "logger_class": Log,
        "logconfig_dict": logs.dictionary(values),
        "proc_name": "headrace",
    }


class Log(gunicorn.glogging.Logger):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn's logger without an access log: URLs carry keys, and a line costs as much as a report."""

    access_log_enabled = False


class EdgeServer(gunicorn.app.base.BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """The gunicorn master; each of its workers builds an application of its own after the fork."""

    def __init__(self, values: settings.Settings, redis_url: str) -> None:
        self._values = values
        self._redis_url = redis_url
        super().__init__()

    def load_config(self) -> None:
        """Give gunicorn its settings."""
        for name, value in options(self._values).items():
            self.cfg.set(name, value)

    def load(self) -> Any:  # noqa: ANN401 - an ASGI application
        """Build the application, in a worker."""
        logs.configure(self._values)
        return app.create_app(edge_config(self._values, self._redis_url))
