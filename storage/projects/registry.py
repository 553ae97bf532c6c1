"""The project registry: which projects exist, by which public keys, under which settings.

ClickHouse holds the truth (table ``projects``); Redis serves a snapshot of it to every edge and worker.
Changes are optimistic: a revision is written under a deduplication token, so that of two writers of the same
revision one wins and the other notices.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
import redis
import redis.asyncio

from storage.projects import model, project_settings, public_keys
from storage.servers import redis_errors, scripts, sql

if TYPE_CHECKING:
    import redis.exceptions

    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)

SNAPSHOT_KEY: Final = "headrace:registry"
"""Redis string: the whole registry as MessagePack (``model.Snapshot``)."""
VERSION_KEY: Final = "headrace:registry:version"
"""Redis string: the version of the snapshot; edges poll it and read the snapshot only when it changed."""

_snapshot_decoder = msgspec.msgpack.Decoder(model.Snapshot)
_DEFAULTS: Final = project_settings.ProjectSettings()
_settings_decoder = msgspec.json.Decoder(project_settings.ProjectSettings)
_records_decoder = msgspec.json.Decoder(public_keys.Keys)
_floors_decoder = msgspec.json.Decoder(model.Floors)


Change = Callable[[model.Project], model.Project]
"""A function that makes the next revision of a project; called again when another writer won."""


class Registry:
    """The source of truth, for the command line and for maintenance.

    Args:
        server: a connection to the database that holds ``projects``.
        clock: seconds since the epoch.
    """

    def __init__(self, server: clickhouse.Connection, clock: Callable[[], float] = time.time) -> None:
        self._server = server
        self._clock = clock

    @property
    def now_ms(self) -> int:
        """The time by this registry's clock, in milliseconds since the epoch."""
        return int(self._clock() * 1000)

    def list(self) -> tuple[model.Project, ...]:
        """Return all projects by id, without those that were deleted."""
        return self.snapshot().projects

    def names(self) -> dict[int, str]:
        """Return the name of each project by its id."""
        return {project.id: project.name for project in self.list()}

    def get(self, name_or_id: str) -> model.Project:
        """Return the project with this id or this name.

        Raises:
            ProjectError: there is none.
        """
        for project in self.list():
            if name_or_id in (str(project.id), project.name):
                return project
        raise model.ProjectError(f"There is no project {name_or_id!r}.")

    def deleted(self) -> tuple[model.Project, ...]:
        """Return all deleted projects; each has its name until all that was stored of it is gone."""
        return tuple(project for project in self._all() if project.status == "deleted")

    def get_deleted(self, name_or_id: str) -> model.Project:
        """Return the deleted project with this id, or with this name, should some of it still be stored.

        Raises:
            ProjectError: there is none.
        """
        for project in self.deleted():
            if name_or_id in (str(project.id), project.name):
                return project
        raise model.ProjectError(f"There is no project {name_or_id!r}.")

    def create(
        self,
        name: str,
        records: public_keys.Keys = (),
        *,
        settings: project_settings.ProjectSettings = _DEFAULTS,
        status: model.Status = "active",
        number: int | None = None,
    ) -> model.Project:
        """Create a project.

        Args:
            name: 1 to 64 printable characters, not just a number.
            records: its public keys; empty for a fresh one.
            settings: the settings of the project.
            status: the status of the project.
            number: its id, which no project ever had; None for the next one.

        Raises:
            ProjectError: the name is not allowed or taken, or the id is; or it is above ``model.MOST_ID``.
            KeyRuleError: the keys break a rule.
        """
        if number is not None and number > model.MOST_ID:
            raise model.ProjectError(f"The id {number} is too high: choose one up to {model.MOST_ID}.")
        given = public_keys.checked(records or (public_keys.fresh(self.now_ms),))
        while True:
            self._require_free(name)
            taken = {project.id for project in self._all()}
            if number in taken:
                raise model.ProjectError(f"There was a project {number} once: its id is not given again.")
            own = number or max(taken, default=0) + 1
            project = model.with_keys(
                model.Project(id=own, name=name, keys=(), settings=settings, status=status), given
            )
            if self._write(project):
                return project

    def change(self, name_or_id: str, change: Change) -> model.Project:
        """Change a project and return it; nothing is stored when the change leaves the project as it is.

        Raises:
            ProjectError: there is no such project.
        """
        return self._change(lambda: self.get(name_or_id), change)

    def change_deleted(self, number: int, change: Change) -> model.Project:
        """Change a deleted project and return it.

        Raises:
            ProjectError: there is no such project.
        """
        return self._change(lambda: self.get_deleted(str(number)), change)

    def _change(self, read: Callable[[], model.Project], change: Change) -> model.Project:
        while True:
            current = read()
            changed = change(current)
            if changed == current:
                return current
            revised = msgspec.structs.replace(changed, revision=current.revision + 1)
            if self._write(revised):
                return revised

    def set_status(self, name_or_id: str, status: model.Status) -> model.Project:
        """Change what the edge answers for a project."""
        return self.change(name_or_id, lambda project: msgspec.structs.replace(project, status=status))

    def rename(self, name_or_id: str, name: str) -> model.Project:
        """Give a project another name; its id, keys and endpoint stay.

        Raises:
            ProjectError: the name is not allowed, or taken.
        """

        def renamed(project: model.Project) -> model.Project:
            if name != project.name:
                self._require_free(name)
            return msgspec.structs.replace(project, name=name)

        return self.change(name_or_id, renamed)

    def set_keys(
        self, name_or_id: str, change: Callable[[public_keys.Keys], public_keys.Keys]
    ) -> model.Project:
        """Change the keys of a project.

        Raises:
            KeyRuleError: the change breaks a rule.
        """
        return self.change(name_or_id, lambda project: model.with_keys(project, change(project.records)))

    def snapshot(self) -> model.Snapshot:
        """Read the whole registry."""
        changes = self._changes()
        latest_ms = max((changed_ms for changed_ms, _ in changes), default=0)
        version = latest_ms + sum(project.revision for _, project in changes)
        return model.Snapshot(
            version=version,
            projects=tuple(project for _, project in changes if project.status != "deleted"),
            deleted=tuple(project.id for _, project in changes if project.status == "deleted"),
        )

    def publish(self, client: redis.Redis, *, replace: int | None = None) -> int | None:
        """Write the registry to Redis, where edges and workers read it, unless a newer one is there.

        A snapshot that was there before this registry was read is not newer: ClickHouse was restored.

        Args:
            client: the Redis that holds the queue.
            replace: the newer version that an earlier call found; if it is still there, it gives way.

        Returns:
            The newer version that stays in Redis; None where this snapshot is published.

        Raises:
            RedisUnavailableError: Redis did not take it.
        """
        snapshot = self.snapshot()
        value = msgspec.msgpack.encode(snapshot)
        with redis_errors.translated("did not take the registry"):
            arguments = (value, str(snapshot.version), "" if replace is None else str(replace))
            newer = scripts.PUBLISH_SNAPSHOT.run(client, (SNAPSHOT_KEY, VERSION_KEY), *arguments)
        return None if newer is None else int(newer)

    def _write(self, project: model.Project) -> bool:
        """Store a revision; False when another writer stored the same revision first."""
        from storage.tables import writer  # noqa: PLC0415 - the edge imports this module, and needs no driver

        settings = msgspec.json.encode(project.settings).decode()
        ((now,),) = self._server.execute(_SQL["now"])
        columns: dict[str, list[Any]] = {
            "id": [project.id],
            "revision": [project.revision],
            "name": [project.name],
            "keys": [list(project.keys)],
            "key_records": [msgspec.json.encode(project.key_records).decode()],
            "status": [project.status],
            "settings": [settings],
            "changed_at": [now],
            "removed_before": [project.removed_before],
            "floors": [msgspec.json.encode(project.floors).decode()],
        }
        writer.insert(self._server, "projects", columns, f"project:{project.id}:{project.revision}")
        return project in self._all()

    def _all(self) -> tuple[model.Project, ...]:
        """Return all projects, deleted ones included."""
        return tuple(project for _, project in self._changes())

    def _changes(self) -> Sequence[tuple[int, model.Project]]:
        """Return all projects, deleted ones too, each with the time of its last change (ms)."""
        return [(changed_ms, _project(row)) for changed_ms, *row in self._server.execute(_SQL["current"])]

    def _require_free(self, name: str) -> None:
        model.require_name(name)
        if any(project.name == name for project in self.list()):
            raise model.ProjectError(f"There is a project {name!r} already.")


def read_version(client: redis.Redis) -> int | None:
    """Return the version of the published snapshot, or None when nothing is published.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated("did not give the registry"):
        value: Any = client.get(VERSION_KEY)
    return None if value is None else int(value)


async def load_version(client: redis.asyncio.Redis) -> int | None:
    """Return the version of the published snapshot, or None when nothing is published."""
    value = await client.get(VERSION_KEY)
    return None if value is None else int(value)


async def load_snapshot(client: redis.asyncio.Redis) -> model.Snapshot | None:
    """Return the published snapshot, or None when nothing is published."""
    value: Any = await client.get(SNAPSHOT_KEY)
    return None if value is None else _snapshot_decoder.decode(value)


def read_snapshot(client: redis.Redis) -> model.Snapshot | None:
    """Return the published snapshot, or None when nothing is published.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated("did not give the registry"):
        value: Any = client.get(SNAPSHOT_KEY)
    return None if value is None else _snapshot_decoder.decode(value)


def _project(row: Sequence[Any]) -> model.Project:
    number, name, enabled, records, status, settings, revision, removed_before, floors = row
    return model.Project(
        id=number,
        name=name,
        keys=tuple(enabled),
        key_records=_records_decoder.decode(records) if records else (),
        status=status,
        settings=_settings_decoder.decode(settings),
        revision=revision,
        removed_before=removed_before,
        floors=_floors_decoder.decode(floors) if floors else (),
    )
