"""``headrace project``: which projects may send reports, and with which keys."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from deploy import backends, headers
from deploy.cli import options, output
from storage import registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deploy import located

app = typer.Typer(help="Create and manage projects.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="A name of your choice, 1 to 64 characters.")],
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Create a project and print its endpoint."""
    system = options.locate(data)
    with _registry(system) as source:
        project = source.create(name)
        _publish(system, source)
    _show(system, project, as_json=as_json)


@app.command("list")
def list_projects(
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """List all projects."""
    system = options.locate(data)
    with _registry(system) as source:
        projects = source.list()
    if as_json:
        output.json([_details(system, project) for project in projects])
        return
    rows = [(project.id, project.name, project.status, ", ".join(project.keys)) for project in projects]
    output.table(("id", "name", "status", "keys"), rows)


@app.command()
def show(
    project: options.ProjectName,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Show one project with its endpoint and settings."""
    system = options.locate(data)
    with _registry(system) as source:
        found = source.get(project)
    _show(system, found, as_json=as_json)


@app.command()
def disable(
    project: options.ProjectName,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Refuse a project's reports from now on (403); what is stored stays."""
    _set_status(project, "disabled", data, as_json=as_json)


@app.command()
def enable(
    project: options.ProjectName,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Take a disabled project's reports again."""
    _set_status(project, "active", data, as_json=as_json)


def _set_status(project: str, status: registry.Status, data: Path, *, as_json: bool) -> None:
    system = options.locate(data)
    with _registry(system) as source:
        changed = source.set_status(project, status)
        _publish(system, source)
    _show(system, changed, as_json=as_json)


@contextlib.contextmanager
def _registry(system: located.Located) -> Iterator[registry.Registry]:
    with backends.connected(system.clickhouse) as server:
        yield registry.Registry(server)


def _publish(system: located.Located, source: registry.Registry) -> None:
    with contextlib.closing(backends.connect_redis(system.redis_url)) as client:
        source.publish(client)


def _details(system: located.Located, project: registry.Project) -> dict[str, object]:
    return {
        "id": project.id,
        "name": project.name,
        "key": project.keys[0],
        "endpoint": headers.endpoint(system.public_url, project),
        "status": project.status,
        "keys": project.keys,
        "dedupe_window": project.settings.dedupe_window,
        "max_partitions": project.settings.max_partitions,
    }


def _show(system: located.Located, project: registry.Project, *, as_json: bool) -> None:
    details = _details(system, project)
    if as_json:
        output.json(details)
        return
    for name, value in details.items():
        if name != "key":
            output.copyable(f"{name:15} {', '.join(value) if isinstance(value, tuple) else value}")
