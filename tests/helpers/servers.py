"""Redis and ClickHouse without a process of Headrace: commands find there only what the test stored."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from storage.queue import appenders, batches, envelope
from tests.helpers import harness
from workers.draining import drain

if TYPE_CHECKING:
    import redis

    from storage.servers import clickhouse

SHARDS: Final = 16


@dataclasses.dataclass(frozen=True)
class Servers:
    """An emptied Redis and a fresh database with the project ``shop``."""

    redis_url: str
    address: clickhouse.Address
    client: redis.Redis
    server: clickhouse.Connection

    def headrace(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on these two."""
        return harness.headrace(*arguments, **self.environment)

    def headrace_with(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command on these two, but for some settings."""
        return harness.headrace(*arguments, **(self.environment | environment))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command on these two."""
        command = [sys.executable, "-P", "-m", "deploy", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(harness.ROOT), **self.environment}
        return subprocess.Popen(command, env=environment, cwd=harness.ROOT, stdout=subprocess.DEVNULL)

    def start_piped(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command on these two, and keep what it prints for the test."""
        command = [sys.executable, "-P", "-m", "deploy", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(harness.ROOT), **self.environment}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, cwd=harness.ROOT, stdout=pipe, stderr=pipe)

    @property
    def environment(self) -> dict[str, str]:
        """The settings that name these two."""
        where = self.address
        url = f"clickhouse://{where.user}:{where.password}@{where.host}:{where.port}/{where.database}"
        return {"HEADRACE_REDIS_URL": self.redis_url, "HEADRACE_CLICKHOUSE_URL": url}

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run a command with ``--json`` and return what it printed."""
        done = self.headrace(*arguments, "--json")
        assert done.returncode == code, (done.stdout, done.stderr)
        return json.loads(done.stdout)

    def append(self, *bodies: bytes, project_id: int = 1) -> list[str]:
        """Store payloads in one entry, as the edge would, and return their receipts."""
        payloads = [envelope.Payload(project_id, "key", "prod", "1", "", "", 0, body) for body in bodies]
        shard = envelope.shard_of(project_id, "prod", "1", SHARDS)
        entry_id = appenders.Appender(self.client).append({shard: payloads})[shard]
        return [envelope.receipt(shard, entry_id, index) for index in range(len(payloads))]

    def drain(self) -> None:
        """Drain every shard."""
        drainer = drain.Drainer(batches.Queue(self.client), self.client, self.server, time.monotonic)
        for shard in range(SHARDS):
            drainer.drain(shard)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        found: list[tuple[Any, ...]] = self.server.execute(sql)
        return found
