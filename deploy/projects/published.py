"""The published registry of projects, for commands that need no ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.projects import model, registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    import redis


def read(client: redis.Redis) -> model.Snapshot:
    """Return the registry that Redis holds.

    Raises:
        ProjectError: Redis holds none.
        RedisUnavailableError: Redis did not answer.
    """
    snapshot = registry.read_snapshot(client)
    if snapshot is None:
        raise model.ProjectError("Redis does not hold the project registry yet: is maintenance running?")
    return snapshot


def by_id_or_name(snapshot: model.Snapshot) -> Mapping[str, model.Project]:
    """Return the projects under each text that may stand for one: its id, and its name."""
    return {name: project for project in snapshot.projects for name in (str(project.id), project.name)}
