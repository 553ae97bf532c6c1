"""What the commands about projects share: the registry of the running system, and how a project is shown."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import msgspec

from deploy import backends, headers, project_fields
from deploy.cli import options, output
from storage import errors, registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from deploy import located


@contextlib.contextmanager
def opened(system: located.Located) -> Iterator[registry.Registry]:
    """Give the registry of a system."""
    with backends.connected(system.clickhouse) as server:
        yield registry.Registry(server)


@contextlib.contextmanager
def changing(system: located.Located) -> Iterator[registry.Registry]:
    """Give the registry of a system, and publish it at the end: edges and workers follow at once.

    What was changed before something went wrong is stored, so it is published, too.
    """
    with opened(system) as source:
        try:
            yield source
        except BaseException:
            with contextlib.suppress(errors.HeadraceError):  # what went wrong first is what a person reads
                _publish(source, system)
            raise
        _publish(source, system)


def _publish(source: registry.Registry, system: located.Located) -> None:
    with contextlib.closing(backends.connect_redis(system.redis_url)) as client:
        source.publish(client)


def change(
    data: Path, change: Callable[[registry.Registry], registry.Project], *, as_json: bool
) -> registry.Project:
    """Change a project, publish it, and show it."""
    system = options.locate(data)
    with changing(system) as source:
        changed = change(source)
    show(system, changed, as_json=as_json)
    return changed


def details(system: located.Located, project: registry.Project) -> dict[str, Any]:
    """Return a project as programs read it."""
    return {
        "id": project.id,
        "name": project.name,
        "key": project.keys[0],
        "endpoint": headers.endpoint(system.public_url, project),
        "status": project.status,
        "keys": project.keys,
        "settings": msgspec.structs.asdict(project.settings),
    }


def show(system: located.Located, project: registry.Project, *, as_json: bool) -> None:
    """Print a project, without its settings for a person."""
    facts = details(system, project)
    if as_json:
        output.json(facts)
        return
    for name in ("id", "name", "endpoint", "status", "keys"):
        value = facts[name]
        output.copyable(f"{name:9} {', '.join(value) if isinstance(value, tuple) else value}")


def explain(settings: registry.ProjectSettings) -> None:
    """Print every setting with its value, its default and what it does."""
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
