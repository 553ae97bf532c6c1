"""The project registry: which projects exist, by which public keys, under which settings.

ClickHouse holds the truth (table ``projects``); Redis serves a snapshot of it to every edge and worker.
Changes are optimistic: a revision is written under a deduplication token, so that of two writers of the same
revision one wins and the other notices.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
import redis
import redis.asyncio
import redis.exceptions

from storage import errors, project_settings, scripts

if TYPE_CHECKING:
    from storage import clickhouse

SNAPSHOT_KEY: Final = "headrace:registry"
"""Redis string: the whole registry as MessagePack (``Snapshot``)."""
VERSION_KEY: Final = "headrace:registry:version"
"""Redis string: the version of the snapshot; edges poll it and read the snapshot only when it changed."""

ProjectSettings = project_settings.ProjectSettings

Status = Literal["active", "disabled", "retired"]


class ProjectError(errors.HeadraceError):
    """A project cannot be created or changed as asked."""


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """One project. ``keys`` are its enabled public keys; ``status`` decides the edge's answer (403, 410)."""

    id: int
    name: str
    keys: tuple[str, ...]
    status: Status = "active"
    settings: ProjectSettings = ProjectSettings()
    revision: int = 1


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The registry at one moment. ``version`` is when it last changed, in milliseconds since the epoch."""

    version: int
    projects: tuple[Project, ...]


_snapshot_decoder = msgspec.msgpack.Decoder(Snapshot)
_settings_decoder = msgspec.json.Decoder(ProjectSettings)

_CURRENT = """
SELECT id, name, keys, status, settings, revision FROM projects FINAL ORDER BY id
"""

_VERSION = "SELECT toUnixTimestamp64Milli(max(changed_at)) FROM projects"


class Registry:
    """The source of truth, for the command line and for maintenance.

    Args:
        server: a connection to the database that holds ``projects``.
    """

    def __init__(self, server: clickhouse.Connection) -> None:
        self._server = server

    def list(self) -> tuple[Project, ...]:
        """Return all projects by id."""
        return tuple(_project(row) for row in self._server.execute(_CURRENT))

    def names(self) -> dict[int, str]:
        """Return the name of each project by its id."""
        return {project.id: project.name for project in self.list()}

    def get(self, name_or_id: str) -> Project:
        """Return the project with this id or this name.

        Raises:
            ProjectError: there is none.
        """
        for project in self.list():
            if name_or_id in (str(project.id), project.name):
                return project
        raise ProjectError(f"There is no project {name_or_id!r}.")

    def create(self, name: str) -> Project:
        """Create a project with a fresh public key.

        Raises:
            ProjectError: the name is empty, a number, longer than 64 characters, not printable, or taken.
        """
        if not name.strip() or name.isdigit() or len(name) > 64:  # noqa: PLR2004 - stated in the sentence below
            raise ProjectError("A project name has 1 to 64 characters and is not just a number.")
        if not name.isprintable():
            raise ProjectError("A project name holds printable characters only.")
        while True:
            projects = self.list()
            if any(project.name == name for project in projects):
                raise ProjectError(f"There is a project {name!r} already.")
            number = max((project.id for project in projects), default=0) + 1
            project = Project(id=number, name=name, keys=(secrets.token_hex(16),))
            if self._write(project):
                return project

    def set_status(self, name_or_id: str, status: Status) -> Project:
        """Change what the edge answers for a project."""
        while True:
            current = self.get(name_or_id)
            changed = msgspec.structs.replace(current, status=status, revision=current.revision + 1)
            if self._write(changed):
                return changed

    def snapshot(self) -> Snapshot:
        """Read the whole registry."""
        ((version,),) = self._server.execute(_VERSION)
        return Snapshot(version=version, projects=self.list())

    def publish(self, client: redis.Redis, *, replace: bool = False) -> Snapshot:
        """Write the registry to Redis, where edges and workers read it.

        Args:
            client: where to.
            replace: also put it in the place of a newer one, as after ClickHouse was restored from a backup.

        Raises:
            RedisUnavailableError: Redis did not take it.
        """
        snapshot = self.snapshot()
        value = msgspec.msgpack.encode(snapshot)
        try:
            arguments = (value, str(snapshot.version), int(replace))
            client.eval(scripts.PUBLISH.text, 2, SNAPSHOT_KEY, VERSION_KEY, *arguments)
        except (redis.exceptions.RedisError, OSError) as error:
            raise errors.RedisUnavailableError(f"Redis did not take the registry: {error}.") from error
        return snapshot

    def _write(self, project: Project) -> bool:
        """Store a revision; False when another writer stored the same revision first."""
        from storage import writer  # noqa: PLC0415 - the edge imports this module, and needs no driver

        settings = msgspec.json.encode(project.settings).decode()
        columns: dict[str, list[Any]] = {
            "id": [project.id],
            "revision": [project.revision],
            "name": [project.name],
            "keys": [list(project.keys)],
            "status": [project.status],
            "settings": [settings],
        }
        writer.insert(self._server, "projects", columns, f"project:{project.id}:{project.revision}")
        return self.get(str(project.id)) == project


async def load_version(client: redis.asyncio.Redis) -> int | None:
    """Return the version of the published snapshot, or None when nothing is published."""
    value = await client.get(VERSION_KEY)
    return None if value is None else int(value)


async def load_snapshot(client: redis.asyncio.Redis) -> Snapshot | None:
    """Return the published snapshot, or None when nothing is published."""
    value: Any = await client.get(SNAPSHOT_KEY)
    return None if value is None else _snapshot_decoder.decode(value)


def read_snapshot(client: redis.Redis) -> Snapshot | None:
    """Return the published snapshot, or None when nothing is published.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    try:
        value: Any = client.get(SNAPSHOT_KEY)
    except (redis.exceptions.RedisError, OSError) as error:
        raise errors.RedisUnavailableError(f"Redis did not give the registry: {error}.") from error
    return None if value is None else _snapshot_decoder.decode(value)


def _project(row: tuple[Any, ...]) -> Project:
    number, name, keys, status, settings, revision = row
    return Project(
        id=number,
        name=name,
        keys=tuple(keys),
        status=status,
        settings=_settings_decoder.decode(settings),
        revision=revision,
    )
