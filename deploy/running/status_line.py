"""The status line of a running system: rates, backlog, and outcomes by report family."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from deploy.servers import backends
from storage import errors
from storage.ledger import equations
from storage.servers import sql

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from storage.servers import clickhouse

INTERVAL_S: Final = 1.0

_SQL: Final = sql.beside(__name__)


class Flow(NamedTuple):
    """Payloads through the queue: per second in and out, and waiting."""

    acknowledged: float
    committed: float
    backlog: int


class Meter:
    """Turns the ledger's counters into rates.

    Args:
        client: the queue's Redis.
        shards: number of shards.
        clock: seconds, monotonic.
    """

    def __init__(self, client: redis.Redis, shards: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._shards = shards
        self._clock = clock
        self._last: tuple[float, int, int] | None = None

    def read(self) -> Flow:
        """Return the rates since the last call, 0 at the first, and the backlog.

        Raises:
            RedisUnavailableError: Redis did not answer.
        """
        totals = equations.counters(self._client, self._shards)
        acknowledged, committed = (sum(totals[name].values()) for name in ("acknowledged", "committed"))
        now = self._clock()
        before, self._last = self._last or (now, acknowledged, committed), (now, acknowledged, committed)
        seconds = max(now - before[0], 0.001)
        return Flow(
            (acknowledged - before[1]) / seconds, (committed - before[2]) / seconds, acknowledged - committed
        )


class StatusLine:
    """Watches a system from a thread of its own, so that a server that hangs never stops the caller.

    Args:
        redis_url: the queue.
        address: ClickHouse.
        shards: number of shards.
    """

    def __init__(self, redis_url: str, address: clickhouse.Address, shards: int) -> None:
        self._redis_url = redis_url
        self._address = address
        self._shards = shards
        self._line = "starting"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="status line", daemon=True)

    @property
    def line(self) -> str:
        """The latest line."""
        return self._line

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching, without waiting for an answer that may not come."""
        self._stop.set()

    def _run(self) -> None:
        with (
            contextlib.closing(backends.connect_redis(self._redis_url)) as client,
            backends.connected(self._address) as server,
        ):
            meter = Meter(client, self._shards)
            while not self._stop.wait(INTERVAL_S):
                self._line = f"{_flow(meter)} · {_outcomes(server)}"


def _flow(meter: Meter) -> str:
    try:
        flow = meter.read()
    except errors.HeadraceError:
        return "Redis does not answer"
    return f"{flow.acknowledged:,.0f}/s in · {flow.committed:,.0f}/s stored · {flow.backlog:,} waiting"


def _outcomes(server: clickhouse.Connection) -> str:
    try:
        rows = server.execute(_SQL["outcomes"])
    except errors.HeadraceError:
        return "ClickHouse does not answer"
    counts = [f"{kind or 'no report'} {outcome} {quantity:,}" for kind, outcome, quantity in rows]
    return "last 10 min: " + (", ".join(counts) or "no reports")
