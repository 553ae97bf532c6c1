"""RQ workers in processes of their own, whose failpoints are armed."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import msgspec

from deploy.processes import child
from tests.helpers import harness
from workers.draining import connections

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from storage.servers import clickhouse


class ArmedWorker:
    """Starts RQ workers with armed failpoints; ``log`` is what all of them wrote."""

    def __init__(self, redis_url: str, address: clickhouse.Address, directory: Path) -> None:
        self._where = connections.Connections(redis_url=redis_url, clickhouse=address)
        self.log_file = directory / "worker.log"

    @contextlib.contextmanager
    def armed(self, failpoint: str) -> Iterator[child.Child]:
        """Run a worker with these failpoints."""
        where = msgspec.structs.replace(self._where, failpoints=failpoint)
        command = [sys.executable, "-P", "-m", "tests.integration.workers.worker_process"]
        encoded = msgspec.json.encode(where).decode()
        started = child.Child([*command, encoded], self.log_file, {"PYTHONPATH": str(harness.ROOT)})
        try:
            yield started
        finally:
            started.stop()

    @property
    def log(self) -> str:
        """All that the workers wrote."""
        return self.log_file.read_text()
