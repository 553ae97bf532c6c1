"""Where a request's reports belong, or why they are refused: route, key and registry, resolved in one place.

The table in memory is the complete registry, so that a key it does not hold is unknown: no key ever costs a
round trip. What a request resolves to depends on three of its parts only, and is remembered by them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ingest import auth, refusals
from storage import envelope

if TYPE_CHECKING:
    from storage import registry

_ROUTE: Final = re.compile(r"/api/([1-9][0-9]{0,19})/(?:security|csp-report|nel)/?")
_REMEMBERED: Final = 4096
"""Requests remembered: above what the sites of one installation send in earnest, and at most 6 MB."""
_LONGEST_REMEMBERED: Final = 512
"""Bytes of a request's three parts; longer ones are resolved each time."""


class Target:
    """What a request resolved to.

    Attributes:
        refusal: why it is refused; None when its reports are taken.
        project_id: the project, 0 when the key is unknown.
        key: the public key, empty when it is unknown.
        environment: valid, or empty.
        release: valid, or empty.
        flags: what was blanked, see ``envelope.Payload``.
        shard: where its payloads go.
    """

    __slots__ = ("environment", "flags", "key", "project_id", "refusal", "release", "shard")

    def __init__(
        self, refusal: refusals.Refusal | None, project_id: int, claim: auth.Claim, shards: int
    ) -> None:
        self.refusal: Final = refusal
        self.project_id: Final = project_id
        self.key: Final = claim.key
        self.environment: Final = claim.environment
        self.release: Final = claim.release
        self.flags: Final = claim.flags
        self.shard: Final = envelope.shard_of(project_id, claim.environment, claim.release, shards)


def _nowhere(refusal: refusals.Refusal) -> Target:
    return Target(refusal, 0, auth.Claim("", "", "", 0), 1)


NOWHERE: Final = _nowhere(refusals.NO_ROUTE)
"""What a path that is not the endpoint's resolves to."""
_NO_REGISTRY: Final = _nowhere(refusals.NO_REGISTRY)
_NO_KEY: Final = _nowhere(refusals.NO_KEY)
_UNKNOWN_KEY: Final = _nowhere(refusals.UNKNOWN_KEY)

_REFUSAL_BY_STATUS: Final[dict[registry.Status, refusals.Refusal | None]] = {
    "active": None,
    "disabled": refusals.DISABLED,
    "retired": refusals.RETIRED,
}


def is_route(path: str) -> bool:
    """Tell whether reports are taken at this path, under whichever project."""
    return _ROUTE.fullmatch(path) is not None


class TargetTable:
    """The registry as this process knows it, and what recent requests resolved to.

    Args:
        shards: number of streams.
    """

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self._projects: dict[int, registry.Project] | None = None
        self._remembered: dict[tuple[str, bytes, bytes], Target] = {}

    @property
    def loaded(self) -> bool:
        """Whether a snapshot of the registry ever arrived."""
        return self._projects is not None

    def replace(self, snapshot: registry.Snapshot) -> None:
        """Resolve by this snapshot from now on."""
        self._projects = {project.id: project for project in snapshot.projects}
        self._remembered.clear()

    def find(self, path: str, query: bytes, header: bytes) -> Target:
        """Resolve a POST by its path, its query string and its ``X-Sentry-Auth`` (empty when absent)."""
        parts = (path, query, header)
        target = self._remembered.get(parts)
        if target is None:
            target = self._resolve(path, query, header)
            if len(path) + len(query) + len(header) <= _LONGEST_REMEMBERED:
                self._remember(parts, target)
        return target

    def _remember(self, parts: tuple[str, bytes, bytes], target: Target) -> None:
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        self._remembered[parts] = target

    def _resolve(self, path: str, query: bytes, header: bytes) -> Target:
        route = _ROUTE.fullmatch(path)
        if route is None:
            return NOWHERE
        if self._projects is None:
            return _NO_REGISTRY
        claim = auth.read_claim(query, header)
        if not claim.key:
            return _NO_KEY
        project = self._projects.get(int(route[1]))
        if project is None or claim.key not in project.keys:
            return _UNKNOWN_KEY
        return Target(_REFUSAL_BY_STATUS[project.status], project.id, claim, self._shards)
