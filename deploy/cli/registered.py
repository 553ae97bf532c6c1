"""The registry of the running system, as the commands about projects read, change and show it."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from deploy.cli import options
from deploy.printing import output
from deploy.projects import headers, project_fields
from deploy.running import located
from deploy.servers import backends
from storage import errors
from storage.projects import edges, model, project_settings, registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import redis


_POLL_S: Final = 0.2


@contextlib.contextmanager
def opened(system: located.Located) -> Iterator[registry.Registry]:
    """Give the registry of a system."""
    with located.database(system) as server:
        yield registry.Registry(server)


@contextlib.contextmanager
def changing(system: located.Located) -> Iterator[registry.Registry]:
    """Give the registry of a system, and publish it at the end; every edge then follows it.

    The command waits for the edges, but not for silent ones, and a sentence says how many follow. Workers
    read the registry anew for each batch. A change that was stored before an error is published, too.
    """
    with opened(system) as source, contextlib.closing(backends.connect_redis(system.redis_url)) as client:
        try:
            yield source
        except BaseException:
            with contextlib.suppress(
                errors.HeadraceError
            ):  # the first error is the one that a person should read
                source.publish(client)
            raise
        _publish(source, client)


def _publish(source: registry.Registry, client: redis.Redis) -> None:
    """Publish the registry, wait for the edges, and say which of them follow it."""
    deadline = time.monotonic() + edges.FOLLOW_S
    while (
        source.publish(client) is not None
    ):  # ClickHouse was restored to an earlier time; maintenance notices
        if time.monotonic() >= deadline:
            output.tell(
                "Redis holds a later registry than ClickHouse: maintenance replaces it, once it runs."
            )
            return
        time.sleep(_POLL_S)
    try:
        followed = edges.follow(client)
    except errors.RedisUnavailableError as error:
        output.tell(f"{error} Each edge looks five times a second for what was changed.")
        return
    for sentence in _sentences(followed):
        output.tell(sentence)


def _sentences(followed: edges.Followed) -> Iterator[str]:
    every = len(followed.know) + len(followed.late)
    if not every:
        yield "No edge has told this Redis of itself: any goes by this change once it has looked."
        return
    yield f"{len(followed.know)} of {every} edge processes go by this change."
    for edge in followed.late:
        silent = f", silent for {edge.idle_s} s," if edge.idle_s else ""
        yield f"The edge {edge}{silent} goes by it once it has looked."


def change(
    data: Path, change: Callable[[registry.Registry], model.Project], *, as_json: bool
) -> model.Project:
    """Change a project, publish the change, and show the project."""
    system = options.locate(data)
    base = system.public_url  # without a base URL the command fails before it changes anything
    with changing(system) as source:
        changed = change(source)
    show(base, changed, as_json=as_json)
    return changed


def details(base_url: str, project: model.Project) -> dict[str, Any]:
    """Return a project for programs; its endpoint lies under this URL."""
    return {
        "id": project.id,
        "name": project.name,
        "key": project.keys[0],
        "endpoint": headers.endpoint(base_url, project),
        "status": project.status,
        "keys": project.keys,
        "settings": msgspec.structs.asdict(project.settings),
    }


def show(base_url: str, project: model.Project, *, as_json: bool) -> None:
    """Print a project: all of it as JSON, or without its settings for a person."""
    facts = details(base_url, project)
    if as_json:
        output.json(facts)
        return
    for name in ("id", "name", "endpoint", "status", "keys"):
        value = facts[name]
        output.copyable(f"{name:9} {', '.join(value) if isinstance(value, tuple) else value}")


def explain(settings: project_settings.ProjectSettings) -> None:
    """Print every setting with its value, its default and its description."""
    rows = [
        (
            field.name,
            project_fields.shown(getattr(settings, field.name)),
            project_fields.shown(field.default),
            f"{field.description} Takes {field.expected}.",
        )
        for field in project_fields.fields().values()
    ]
    output.table(("setting", "value", "default", "meaning"), rows)
