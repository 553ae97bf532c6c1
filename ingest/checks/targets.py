"""Where a request's reports belong, or why they are refused: its project and key, found in the registry.

The table in memory is the complete registry, so that a key that it does not hold is unknown: no key ever
costs a round trip. The target of a request depends on three of its parts only, which are the key of a cache.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from ingest import refusals
from ingest.checks import credentials
from storage.projects import model, origins
from storage.queue import envelope, isolation

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.limits import exhausted_quotas
    from storage.projects import public_keys

_CACHED: Final = 4096
"""Targets in the cache: above what the sites of one installation send in earnest, and at most 6 MB."""
_LONGEST_CACHED: Final = 512
"""Bytes of a query string and a header in the cache; longer ones are resolved each time."""


class Target:
    """The project, key and stream that a request belongs to, or the refusal that answers it.

    Attributes:
        refusal: why it is refused; None when its reports are taken.
        project_id: the project, 0 when the key is unknown.
        key: the public key, empty when it is unknown.
        environment: valid, or empty.
        release: valid, or empty.
        flags: the labels that were blanked, see ``envelope.Payload``.
        stream: the number of the stream that its payloads go to.
        origins: the pages that may send to it; None for all.
        until_ms: when the key ends, in milliseconds since the epoch; None for never.
        ended: the target that takes the place of this one from then on; None when the key never ends.
    """

    __slots__ = (
        "ended",
        "environment",
        "flags",
        "key",
        "origins",
        "project_id",
        "refusal",
        "release",
        "stream",
        "until_ms",
    )

    def __init__(  # noqa: PLR0913 - each is a part of the answer
        self,
        refusal: refusals.Refusal | None,
        project_id: int,
        given: credentials.Credentials,
        stream: int,
        *,
        allowed: origins.Patterns | None = None,
        until_ms: int | None = None,
        ended: Target | None = None,
    ) -> None:
        self.refusal: Final = refusal
        self.project_id: Final = project_id
        self.key: Final = given.key
        self.environment: Final = given.environment
        self.release: Final = given.release
        self.flags: Final = given.flags
        self.stream: Final = stream
        self.origins: Final = allowed
        self.until_ms: Final = until_ms
        self.ended: Final = ended


def _unknown(refusal: refusals.Refusal) -> Target:
    return Target(refusal, 0, credentials.Credentials("", "", "", 0), 0)


NOWHERE: Final = _unknown(refusals.NO_ROUTE)
"""The target of a request whose project and key are not known."""
_NO_REGISTRY: Final = _unknown(refusals.NO_REGISTRY)
_NO_KEY: Final = _unknown(refusals.NO_KEY)
_UNKNOWN_KEY: Final = _unknown(refusals.UNKNOWN_KEY)

_REFUSAL_BY_STATUS: Final[dict[model.Status, refusals.Refusal | None]] = {
    "active": None,
    "disabled": refusals.DISABLED,
    "retired": refusals.RETIRED,
    "deleted": refusals.UNKNOWN_KEY,
}


class _Known:
    """A project of the registry, prepared for requests once for each snapshot."""

    __slots__ = ("id", "keys", "origins", "refusal", "settings")

    def __init__(self, project: model.Project) -> None:
        self.id: Final = project.id
        self.keys: Final = {record.key: record for record in project.records}
        self.origins: Final = origins.compiled(project.settings.allowed_origins)
        self.refusal: Final = _REFUSAL_BY_STATUS[project.status]
        self.settings: Final = project.settings

    def refusal_of(self, record: public_keys.Key) -> refusals.Refusal | None:
        """Return why a key of this project is refused before it ends; None when its reports are taken."""
        if self.refusal is not None:
            return self.refusal
        return refusals.DISABLED_KEY if record.state == "disabled" else None


class TargetTable:
    """The registry in the memory of this process, and the targets of recent requests.

    Args:
        shards: number of shards.
        clock: seconds since the epoch; keys end by this clock. Each request asks anew whether its key has
            ended, because the clock may be ahead for a moment.
    """

    def __init__(self, shards: int, clock: Callable[[], float] = time.time) -> None:
        self._shards = shards
        self._clock = clock
        self._projects: dict[int, _Known] | None = None
        self._cache: dict[tuple[int, bytes, bytes], Target] = {}
        self._isolated: frozenset[int] = frozenset()

    @property
    def loaded(self) -> bool:
        """Whether a snapshot of the registry arrived, and Redis still has one."""
        return self._projects is not None

    def replace(self, snapshot: model.Snapshot) -> None:
        """Use this snapshot from now on."""
        self._projects = {project.id: _Known(project) for project in snapshot.projects}
        self._cache.clear()

    def forget(self) -> None:
        """Resolve nothing until the next snapshot: until then senders are asked to come back."""
        self._projects = None
        self._cache.clear()

    def stands(self, exhausted: exhausted_quotas.Exhausted) -> bool:
        """Return whether a quota that is used up is still one of its project's."""
        project = (self._projects or {}).get(exhausted.project_id)
        return project is not None and exhausted.stands(project.settings)

    def isolate(self, projects: frozenset[int]) -> None:
        """Put the payloads of these projects into the isolated streams, from now on."""
        if projects != self._isolated:
            self._isolated = projects
            self._cache.clear()

    def find(self, project_id: int, query: bytes, header: bytes) -> Target:
        """Resolve a POST by its project, its query string and its ``X-Sentry-Auth`` (empty when absent)."""
        parts = (project_id, query, header)
        target = self._cache.get(parts)
        if target is None:
            target = self._resolve(project_id, query, header)
            if len(query) + len(header) <= _LONGEST_CACHED:
                self._keep(parts, target)
        if target.ended is not None and target.until_ms is not None:
            return target if self._clock() * 1000 < target.until_ms else target.ended
        return target

    def _keep(self, parts: tuple[int, bytes, bytes], target: Target) -> None:
        if len(self._cache) >= _CACHED:
            self._cache.clear()
        self._cache[parts] = target

    def _resolve(self, project_id: int, query: bytes, header: bytes) -> Target:
        if self._projects is None:
            return _NO_REGISTRY
        given = credentials.read(query, header)
        if not given.key:
            return _NO_KEY
        project = self._projects.get(project_id)
        record = project and project.keys.get(given.key)
        if not project or not record:
            return _UNKNOWN_KEY
        refusal, stream = project.refusal_of(record), self._stream_of(project.id, given)
        if refusal is not None or record.valid_until is None:
            return Target(refusal, project.id, given, stream, allowed=project.origins)
        ended = Target(refusals.EXPIRED_KEY, project.id, given, stream, allowed=project.origins)
        return Target(
            None,
            project.id,
            given,
            stream,
            allowed=project.origins,
            until_ms=record.valid_until,
            ended=ended,
        )

    def _stream_of(self, project_id: int, given: credentials.Credentials) -> int:
        shard = envelope.shard_of(project_id, given.environment, given.release, self._shards)
        return isolation.isolated_stream(shard, self._shards) if project_id in self._isolated else shard
