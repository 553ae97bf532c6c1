"""What the tests' gunicorn serves: an edge as the environment of its process describes it."""

from __future__ import annotations

import os

import msgspec

from ingest import app, config


def create() -> app.EdgeApp:
    """Return the edge whose settings stand, as JSON, in ``EDGE_CONFIG``."""
    return app.create_app(msgspec.json.decode(os.environ["EDGE_CONFIG"], type=config.EdgeConfig))
