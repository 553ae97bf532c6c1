"""Work that one process at a time may do: it holds a lease in Redis, which ends soon after its holder dies.

A holder that was frozen past its lease does not know that it lost it. So a step that must not happen twice
checks the token where it takes effect: in a script in Redis, or by the tables.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import redis
import structlog

from storage import errors
from storage.servers import redis_errors, scripts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis.exceptions

log = structlog.get_logger(__name__)

LOST: Final = "This command was suspended, and another took its work over."
"""The error of a command whose lease another process has taken."""
TTL_MS: Final = 10_000
"""Milliseconds for which a dead holder keeps other processes waiting."""
WAIT_S: Final = 15.0
"""Seconds for which a command waits for a lease: longer than the lease of a dead holder lasts."""
_POLL_S: Final = 0.2

QUARANTINE: Final = "quarantine"
"""The lease of the process that takes rows out of the quarantine."""
RETENTION: Final = "retention"
"""The lease of the process that removes old reports."""
STORED_ROWS: Final = "stored-rows"
"""The lease of the process that moves, labels again, removes or counts again what is stored of reports."""


class LeaseTakenError(errors.HeadraceError):
    """Another process does this work just now."""


class ProcessLease:
    """The right to do some work, as long as ``key`` holds ``token``.

    Attributes:
        key: the Redis key of the lease.
        token: the token of this holder.
    """

    def __init__(self, client: redis.Redis, key: str, token: int) -> None:
        self._client = client
        self.key = key
        self.token = token

    def require(self) -> None:
        """Check that no other process has taken the lease.

        Raises:
            LeaseLostError: it lapsed.
            RedisUnavailableError: Redis did not answer.
        """
        if not _run(self._client, scripts.RENEW_LEASE, (self.key, _fence(self.key)), self.token, TTL_MS):
            raise errors.LeaseLostError(LOST)

    def release(self) -> None:
        """Give the lease back; harmless when it is no longer held."""
        _run(self._client, scripts.RELEASE_LEASE, (self.key,), self.token)


@contextlib.contextmanager
def hold(client: redis.Redis, name: str, wait_s: float = 0.0) -> Iterator[ProcessLease]:
    """Hold a lease during the block, renewed by a thread.

    Raises:
        LeaseTakenError: another process holds it, also after ``wait_s`` seconds.
        RedisUnavailableError: Redis did not answer.
    """
    lease = _acquire(client, f"headrace:lease:{name}", time.monotonic() + wait_s)
    with renewed(lease):
        yield lease


@contextlib.contextmanager
def renewed(lease: ProcessLease) -> Iterator[None]:
    """Renew a lease in a thread within the block, and release it at the end."""
    done = threading.Event()
    renewer = threading.Thread(target=_renew, args=(lease, done), name=lease.key, daemon=True)
    renewer.start()
    try:
        yield
    finally:
        done.set()
        renewer.join()
        with contextlib.suppress(errors.RedisUnavailableError):  # the lease expires by itself
            lease.release()


def _acquire(client: redis.Redis, key: str, deadline: float) -> ProcessLease:
    while True:
        token = _run(client, scripts.ACQUIRE_PROCESS_LEASE, (key, _fence(key)), TTL_MS)
        if token:
            return ProcessLease(client, key, int(token))
        if time.monotonic() >= deadline:
            raise LeaseTakenError(
                "Another command or maintenance is at it just now: try again when it is done."
            )
        time.sleep(_POLL_S)


def _renew(lease: ProcessLease, done: threading.Event) -> None:
    while not done.wait(TTL_MS / 3000):
        try:
            lease.require()
        except errors.LeaseLostError:
            return  # the work finds out where its token takes effect
        except errors.RedisUnavailableError as error:
            log.warning("lease_not_renewed", lease=lease.key, error=str(error))


def _fence(key: str) -> str:
    return f"{key}:fence"


def _run(client: redis.Redis, script: scripts.Script, names: tuple[str, ...], *arguments: object) -> Any:  # noqa: ANN401 - a Lua answer
    with redis_errors.translated():
        return script.run(client, names, *arguments)
