"""``python -m tests.integration.workers.worker_process CONTEXT``: one RQ worker, as production runs it."""

from __future__ import annotations

import sys

import msgspec

from workers.draining import connections
from workers.process import worker


def main(encoded: str) -> None:
    """Work until told to stop, for a context as JSON."""
    worker.run(msgspec.json.decode(encoded, type=connections.Connections))


if __name__ == "__main__":
    main(sys.argv[1])
