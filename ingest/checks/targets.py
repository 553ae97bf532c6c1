"""Where a request's reports belong, or why they are refused: its project and key, found in the registry.

The table in memory is the complete registry, so that a key it does not hold is unknown: no key ever costs a
round trip. What a request resolves to depends on three of its parts only, and is remembered by them.
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

_REMEMBERED: Final = 4096
"""Requests remembered: above what the sites of one installation send in earnest, and at most 6 MB."""
_LONGEST_REMEMBERED: Final = 512
"""Bytes of a query and a header; longer ones are resolved each time."""


class Target:
    """What a request resolved to.

    Attributes:
        refusal: why it is refused; None when its reports are taken.
        project_id: the project, 0 when the key is unknown.
        key: the public key, empty when it is unknown.
        environment: valid, or empty.
        release: valid, or empty.
        flags: what was blanked, see ``envelope.Payload``.
        shard: where its payloads go: number of the stream.
        origins: who may send them; None for everybody.
        until_ms: when the key ends, in milliseconds since the epoch; None for never.
        ended: what takes the place of this from then on; None when the key never ends.
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
        "shard",
        "until_ms",
    )

    def __init__(  # noqa: PLR0913 - what the parts of a request resolve to
        self,
        refusal: refusals.Refusal | None,
        project_id: int,
        given: credentials.Credentials,
        shard: int,
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
        self.shard: Final = shard
        self.origins: Final = allowed
        self.until_ms: Final = until_ms
        self.ended: Final = ended


def _nowhere(refusal: refusals.Refusal) -> Target:
    return Target(refusal, 0, credentials.Credentials("", "", "", 0), 0)


NOWHERE: Final = _nowhere(refusals.NO_ROUTE)
"""What a request resolves to until, and unless, its project and key are known."""
_NO_REGISTRY: Final = _nowhere(refusals.NO_REGISTRY)
_NO_KEY: Final = _nowhere(refusals.NO_KEY)
_UNKNOWN_KEY: Final = _nowhere(refusals.UNKNOWN_KEY)

_REFUSAL_BY_STATUS: Final[dict[model.Status, refusals.Refusal | None]] = {
    "active": None,
    "disabled": refusals.DISABLED,
    "retired": refusals.RETIRED,
    "deleted": refusals.UNKNOWN_KEY,
}


class _Known:
    """A project as requests ask about it, made once for each snapshot."""

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
    """The registry as this process knows it, and what recent requests resolved to.

    Args:
        shards: number of shards.
        clock: seconds since the epoch; keys end by this clock, without word from anybody. Whether one has
            ended is asked at each request and never remembered: the clock may be ahead for a moment.
    """

    def __init__(self, shards: int, clock: Callable[[], float] = time.time) -> None:
        self._shards = shards
        self._clock = clock
        self._projects: dict[int, _Known] | None = None
        self._remembered: dict[tuple[int, bytes, bytes], Target] = {}
        self._aside: frozenset[int] = frozenset()

    @property
    def loaded(self) -> bool:
        """Whether a snapshot of the registry arrived, and Redis still has one."""
        return self._projects is not None

    def replace(self, snapshot: model.Snapshot) -> None:
        """Resolve by this snapshot from now on."""
        self._projects = {project.id: _Known(project) for project in snapshot.projects}
        self._remembered.clear()

    def forget(self) -> None:
        """Resolve nothing until the next snapshot: until then senders are asked to come back."""
        self._projects = None
        self._remembered.clear()

    def stands(self, exhausted: exhausted_quotas.Exhausted) -> bool:
        """Return whether a quota that is used up is still one of its project's."""
        project = (self._projects or {}).get(exhausted.project_id)
        return project is not None and exhausted.stands(project.settings)

    def set_aside(self, projects: frozenset[int]) -> None:
        """Send what these projects send into the lanes aside, from now on."""
        if projects != self._aside:
            self._aside = projects
            self._remembered.clear()

    def find(self, project_id: int, query: bytes, header: bytes) -> Target:
        """Resolve a POST by its project, its query string and its ``X-Sentry-Auth`` (empty when absent)."""
        parts = (project_id, query, header)
        target = self._remembered.get(parts)
        if target is None:
            target = self._resolve(project_id, query, header)
            if len(query) + len(header) <= _LONGEST_REMEMBERED:
                self._remember(parts, target)
        if target.ended is not None and target.until_ms is not None:
            return target if self._clock() * 1000 < target.until_ms else target.ended
        return target

    def _remember(self, parts: tuple[int, bytes, bytes], target: Target) -> None:
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        self._remembered[parts] = target

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
        return isolation.isolated_stream(shard, self._shards) if project_id in self._aside else shard
