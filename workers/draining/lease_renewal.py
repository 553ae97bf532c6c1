"""The lease of a drain: renewed in the background while the drain goes on, and released at its end."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final

import structlog

from storage import errors
from workers.poison import forked_trials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from storage.queue import batches


log = structlog.get_logger(__name__)

RELEASE_S: Final = 3.0
"""How long a drain tries to release its lease while Redis is away; it would expire later than that."""
RELEASE_PAUSE_S: Final = 0.2
RENEWALS: Final = 3
"""Renewals in the time after which a lease expires."""


@contextlib.contextmanager
def renewed(
    queue: batches.Queue, lease: batches.StreamLease, ttl_ms: int, clock: Callable[[], float]
) -> Iterator[None]:
    """Renew a lease in a thread of its own within this block, and release it at the end.

    A lease that was lost is not renewed: the next fence check of the drain raises.

    Args:
        queue: the queue's drainer side.
        lease: the lease.
        ttl_ms: the time after which it expires unless it is renewed.
        clock: seconds, monotonic.
    """
    done = threading.Event()
    thread = threading.Thread(target=_renew_until, args=(done, queue, lease, ttl_ms), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        _release(queue, lease, clock)


def _renew_until(
    done: threading.Event, queue: batches.Queue, lease: batches.StreamLease, ttl_ms: int
) -> None:
    while not done.wait(ttl_ms / 1000 / RENEWALS):
        with forked_trials.fork_lock:  # a fork must find no lock taken here, neither Redis' nor the log's
            if not _renew(queue, lease, ttl_ms):
                return


def _renew(queue: batches.Queue, lease: batches.StreamLease, ttl_ms: int) -> bool:
    """Renew a lease once; return False if it was lost."""
    try:
        queue.renew(lease, ttl_ms)
    except errors.LeaseLostError:
        return False
    except errors.RedisUnavailableError as error:  # the next renewal may still come in time
        log.warning("lease_not_renewed", stream=lease.stream, error=str(error))
    return True


def _release(queue: batches.Queue, lease: batches.StreamLease, clock: Callable[[], float]) -> None:
    """Release a lease, also where Redis is just being restarted; a lease that is not released expires."""
    deadline = clock() + RELEASE_S
    while True:
        try:
            return queue.release(lease)
        except errors.RedisUnavailableError:
            if clock() >= deadline:
                return None
            time.sleep(RELEASE_PAUSE_S)
