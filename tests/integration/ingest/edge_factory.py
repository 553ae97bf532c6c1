"""What the tests' gunicorn serves: an edge as the environment of its process describes it."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import msgspec

from ingest import app, config

if TYPE_CHECKING:
    import falcon.asgi

    from ingest.api import application


class Garbage:
    """Frees the objects that only Python's search for cycles frees, and tells how many there were."""

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Answer with the number."""
        response.media = gc.collect()


def create() -> application.EdgeApp:
    """Return the edge whose settings stand, as JSON, in ``EDGE_CONFIG``."""
    edge = app.create_app(msgspec.json.decode(os.environ["EDGE_CONFIG"], type=config.EdgeConfig))
    edge.add_route("/garbage", Garbage())
    return edge
