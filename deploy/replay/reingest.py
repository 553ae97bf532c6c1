"""Puts payloads into the queue without the edge: in groups, and no faster than they are drained."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

import redis

from ingest.checks import credentials
from storage import errors
from storage.quarantine import resubmission
from storage.queue import envelope
from storage.servers import redis_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import redis.exceptions

    from deploy.replay import captures
    from storage.projects import model

MAX_PAYLOADS: Final = 500
"""Payloads of one append: the edge stores about as many at once under load."""
MAX_BYTES: Final = 4 << 20
"""Body bytes of one append, which Redis takes in a few milliseconds."""
SHARE: Final = 0.5
"""Share of the memory up to the edge's high-water mark that a replay may fill."""
_POLL_S: Final = 0.2

T = TypeVar("T")


class LabelError(errors.HeadraceError):
    """An environment or release is not valid: the edge would blank it."""


class Sink:
    """Stores payloads in the queue again.

    Args:
        client: the queue's Redis.
        shards: number of shards.
        high_water: the share of Redis' memory at which the edge refuses reports.
        waiting: called again and again while the queue is too full.
    """

    def __init__(
        self,
        client: redis.Redis,
        shards: int,
        high_water: float,
        waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._shards = shards
        self._share = high_water * SHARE
        self._waiting = waiting

    def store(self, payloads: Sequence[envelope.Payload], source: resubmission.Source) -> list[str]:
        """Store payloads in one step with their notes, and return their receipts.

        Raises:
            StaleRegistryError, NotedError, LeaseLostError: nothing was stored, see ``resubmission.append``.
            RedisUnavailableError: Redis did not confirm them.
        """
        while self._is_full():
            self._waiting()
            time.sleep(_POLL_S)
        groups: dict[int, list[envelope.Payload]] = {}
        places = []
        for payload in payloads:
            shard = envelope.shard_of(payload.project_id, payload.environment, payload.release, self._shards)
            group = groups.setdefault(shard, [])
            places.append((shard, len(group)))
            group.append(payload)
        ids = resubmission.append(self._client, groups, source) if groups else {}
        return [envelope.receipt(shard, ids[shard], index) for shard, index in places]

    def _is_full(self) -> bool:
        with redis_errors.translated():
            memory: Any = self._client.info("memory")
        limit = int(memory["maxmemory"])
        return limit > 0 and int(memory["used_memory"]) > limit * self._share


def chunks(payloads: Iterable[envelope.Payload]) -> Iterator[list[envelope.Payload]]:
    """Cut payloads into groups that are small enough for one append."""
    return cut(payloads, lambda payload: (1, len(payload.body)))


def cut(items: Iterable[T], weigh: Callable[[T], tuple[int, int]]) -> Iterator[list[T]]:
    """Cut items into groups that are small enough for one append.

    Args:
        items: the items, in order; each is stored whole.
        weigh: returns the payloads of an item, and their bytes.
    """
    group: list[T] = []
    payloads = size = 0
    for item in items:
        count, length = weigh(item)
        if group and (payloads >= MAX_PAYLOADS or size + length > MAX_BYTES):
            yield group
            group, payloads, size = [], 0, 0
        group.append(item)
        payloads += count
        size += length
    if group:
        yield group


def payload(project: model.Project, capture: captures.Capture) -> envelope.Payload:
    """Return the payload that the edge would have stored for a captured request."""
    claim = _claim(capture.environment, capture.release)
    return envelope.Payload(
        project_id=project.id,
        key=next(iter(project.keys), ""),
        environment=claim.environment,
        release=claim.release,
        user_agent=capture.user_agent[: envelope.MAX_USER_AGENT],
        content_type=capture.content_type[: envelope.MAX_CONTENT_TYPE],
        flags=claim.flags,
        body=capture.body,
    )


def require_labels(environment: str, release: str) -> None:
    """Refuse an environment or release that the edge would blank.

    Raises:
        LabelError: one of them is not valid.
    """
    flags = _claim(environment, release).flags
    for flag, name, given in (
        (envelope.ENVIRONMENT_BLANKED, "environment", environment),
        (envelope.RELEASE_BLANKED, "release", release),
    ):
        if flags & flag:
            raise LabelError(f"{given!r} is no valid {name}.")


def _claim(environment: str, release: str) -> credentials.Credentials:
    """Read the labels as the edge reads them."""
    query = urlencode({"sentry_environment": environment, "sentry_release": release}, errors="replace")
    return credentials.read(query.encode(), b"")
