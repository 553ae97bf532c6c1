"""Pauses: a process keeps all streams from being given batches for a moment, while it moves or recounts rows.

``queue/bind_batch.lua`` is the gate: a stream without bounds is given none while a process holds the lease of
pauses. A batch that has bounds already is finished first, so once a pause is held no row of a batch is on its
way to a table. The queue holds what comes in meanwhile. A drainer that meets a pause ends its drain.

Warning: the lease of a process that is suspended expires, and drains go on. The process may then go on in
ClickHouse all the same. A step that no batch may overtake is therefore noted as due before it, and is done
only when a ``require`` behind it passes.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

from storage import errors
from storage.queue import isolation, streams
from storage.servers import leases, redis_errors, scripts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import redis

KEY: Final = "headrace:pause"
"""The lease of pauses."""
FENCE: Final = f"{KEY}:fence"
"""The token of the newest pause."""
HELD: Final = f"{KEY}:held"
"""The token of a pause, once no batch is under way."""
WAIT_S: Final = 45.0
"""Seconds for which a pause waits for batches under way, and for another pause: many times what takes a batch
over from a drainer that died."""
_POLL_S: Final = 0.02


class PausedError(errors.RecoverableError):
    """Drains are paused, or were since a batch was planned: the batch is planned again later."""


class NotPausedError(errors.RecoverableError):
    """Drains could not be paused."""


class Pause(leases.ProcessLease):
    """A pause that is held, as long as ``require`` does not raise."""

    def require(self) -> None:
        """Check that no batch can have been bound since the pause was held, and prolong it.

        Raises:
            LeaseLostError: the pause ended.
            RedisUnavailableError: Redis did not answer.
        """
        with redis_errors.translated():
            held = scripts.RENEW_PAUSE.run(self._client, (KEY, HELD), self.token, leases.TTL_MS)
        if not held:
            raise errors.LeaseLostError("The pause of the drains ended before what it was for was done.")


@contextlib.contextmanager
def drains(client: redis.Redis, shards: int, wait_s: float = WAIT_S) -> Iterator[Pause]:
    """Pause all drains: when the block begins no batch is under way, and none is bound until it ends.

    Args:
        client: a synchronous client, also used by a thread that prolongs the pause.
        shards: number of shards.
        wait_s: seconds to wait for another pause to end, and as many for batches under way.

    Raises:
        NotPausedError: another process pauses drains for long, or nobody finishes a batch that is under way.
        LeaseLostError: the pause ended before it was held.
        RedisUnavailableError: Redis did not answer.
    """
    pause = _take(client, time.monotonic() + wait_s)
    with leases.renewed(pause):
        _wait_held(client, pause, isolation.present(client, shards), time.monotonic() + wait_s)
        yield pause


def newest(client: redis.Redis) -> int | None:
    """Return the token of the newest pause, 0 if there was none, and None while one is in force.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated(), client.pipeline(transaction=True) as pipeline:
        pipeline.pttl(KEY)
        pipeline.get(FENCE)
        left_ms, token = pipeline.execute()
    return None if in_force(left_ms) else int(token or 0)


def in_force(left_ms: int) -> bool:
    """Say whether a pause is in force, by the ``PTTL`` of its lease.

    One that seems to last longer than any is nobody's: Redis' clock was set back, and no holder renewed it.
    """
    return 0 <= left_ms <= leases.TTL_MS


def _take(client: redis.Redis, deadline: float) -> Pause:
    while True:
        with redis_errors.translated():
            token: Any = scripts.ACQUIRE_PROCESS_LEASE.run(client, (KEY, FENCE), leases.TTL_MS)
        if token:
            return Pause(client, KEY, int(token))
        if time.monotonic() >= deadline:
            raise NotPausedError("Another process pauses the workers just now: try again when it is done.")
        time.sleep(_POLL_S)


def _wait_held(client: redis.Redis, pause: Pause, numbers: Sequence[int], deadline: float) -> None:
    bounds = [streams.keys(number).bounds for number in numbers]
    while True:
        with redis_errors.translated():
            left = scripts.HOLD_PAUSE.run(client, (KEY, HELD, *bounds), pause.token, leases.TTL_MS)
        if left is None:
            pause.require()
        elif not left:
            return
        elif time.monotonic() >= deadline:
            found = ", ".join(str(numbers[place - 1]) for place in left)
            raise NotPausedError(f"No worker finishes the batch of stream {found}: see that workers run.")
        time.sleep(_POLL_S)
