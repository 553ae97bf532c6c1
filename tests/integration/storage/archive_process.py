"""Archives a release in a process of its own, whose failpoints are armed."""

from __future__ import annotations

import contextlib
import sys

import msgspec
import redis

from storage.servers import clickhouse
from tests.integration.storage import archives
from workers.failures import failpoints


def main() -> None:
    """Archive the release of project 1 that the arguments name, and pass their failpoint."""
    redis_url, address, release, armed = sys.argv[1:]
    failpoints.arm(armed)
    server = clickhouse.connect(msgspec.json.decode(address, type=clickhouse.Address))
    client = redis.Redis.from_url(redis_url)
    with contextlib.closing(server), contextlib.closing(client):
        archives.archiver(server, client, failpoints.hit).archive_now(1, lambda pair: pair[1] == release)


if __name__ == "__main__":
    main()
