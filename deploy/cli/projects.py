"""``headrace project``: create, change and delete projects, and their settings."""

from __future__ import annotations

import contextlib
import operator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deploy.cli import confirmation, keys, options, registered
from deploy.noise import in_force
from deploy.printing import output
from deploy.projects import project_fields, project_file
from deploy.running import located
from deploy.servers import backends
from storage import errors
from storage.projects import model, registry
from storage.removal import deletion
from storage.servers import clickhouse

app = typer.Typer(
    help="Create and manage projects; changes count at every edge when the command returns.",
    no_args_is_help=True,
)
app.command("rotate-key")(keys.rotate)

Name = Annotated[str, typer.Argument(help="A name of your choice, 1 to 64 characters.")]
Assignments = Annotated[
    list[str], typer.Argument(metavar="KEY=VALUE…", help="Settings; KEY= puts the default back.")
]
File = Annotated[Path, typer.Argument(metavar="FILE", help="TOML as export prints it.")]


@app.command()
def create(
    name: Name,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Create a project and print its endpoint, which takes reports at once."""
    registered.change(data, operator.methodcaller("create", name), as_json=as_json)


@app.command("list")
def list_projects(
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """List all projects."""
    system = options.locate(data)
    with registered.opened(system) as source:
        projects = source.list()
    if as_json:
        base = system.public_url
        output.json([registered.details(base, project) for project in projects])
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
    """Show one project with its endpoint, and explain each of its settings."""
    system = options.locate(data)
    with registered.opened(system) as source:
        found = source.get(project)
    registered.show(system.public_url, found, as_json=as_json)
    if not as_json:
        registered.explain(found.settings)


@app.command("set")
def set_settings(
    project: options.ProjectName,
    assignments: Assignments,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Change settings of a project."""

    def changed(current: model.Project) -> model.Project:
        settings = project_fields.assigned(current.settings, assignments, known)
        return msgspec.structs.replace(current, settings=settings)

    system = options.locate(data)
    base = system.public_url if as_json else ""
    known = _known_rules(system)
    with registered.changing(system) as source:
        before = source.get(project)
        after = source.change(str(before.id), changed)
    if as_json:
        output.json(registered.details(base, after))
        return
    for name, was, becomes in project_fields.differences(before.settings, after.settings):
        output.copyable(f"{name}: {was or 'empty'} → {becomes or 'empty'}")


@app.command()
def rename(
    project: options.ProjectName,
    name: Name,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Give a project another name; its id, keys and endpoint stay."""
    registered.change(data, operator.methodcaller("rename", project, name), as_json=as_json)


@app.command()
def disable(
    project: options.ProjectName,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Refuse a project's reports from now on (403); stored reports stay."""
    _set_status(project, "disabled", data, as_json=as_json)


@app.command()
def enable(
    project: options.ProjectName,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Take the reports of a disabled or retired project again."""
    _set_status(project, "active", data, as_json=as_json)


@app.command()
def retire(
    project: options.ProjectName,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Tell browsers to forget a project's endpoint (410); stored reports stay."""
    _set_status(project, "retired", data, as_json=as_json)


@app.command()
def delete(
    project: options.ProjectName,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, for good.")] = False,
    data: options.Data = options.DEFAULT_DATA,
) -> None:
    """Delete a retired project and all its rows, for good; run again, it deletes rows that came in later."""
    system = options.locate(data)
    with (
        registered.changing(system) as source,
        located.connected(system, send_receive_timeout=clickhouse.MUTATION_S) as (client, server),
    ):
        found = _deletable(source, project)
        if not yes:
            raise confirmation.NotConfirmedError(
                f"This deletes {found.name!r} and all its rows for good: say --yes."
            )
        deletion.delete(server, client, system.shards, found)
    output.copyable(f"Project {found.id}, {found.name or 'deleted before'}, is deleted.")


@app.command("export")
def export_projects(
    projects: Annotated[list[str] | None, typer.Argument(metavar="[PROJECT]…", help="All, if none.")] = None,
    *,
    data: options.Data = options.DEFAULT_DATA,
) -> None:
    """Print projects as TOML, to keep under version control."""
    with registered.opened(options.locate(data)) as source:
        chosen = [source.get(project) for project in projects] if projects else source.list()
    typer.echo(project_file.dumps(chosen), nl=False)


@app.command("import")
def import_projects(
    file: File,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Make projects as a TOML file describes them, and print the changes; the whole file is checked first."""
    system, text = options.locate(data), _text(file)
    wanted = project_file.loads(text, _known_rules(system))
    reached = registered.opened if dry_run else registered.changing
    with reached(system) as source:
        steps = [step for step in project_file.plan(source.list(), wanted) if step.changes]
        for step in () if dry_run else steps:
            project_file.apply(source, step)
    if as_json:
        output.json([{"project": step.wanted.name, "changes": step.changes} for step in steps])
        return
    for step in steps:
        for change in step.changes:
            output.copyable(f"{step.wanted.name}: {change}")
    if not steps:
        output.copyable("Nothing changes.")


def _known_rules(system: located.Located) -> set[str]:
    """Return the noise rules that settings may name, as far as ClickHouse tells them."""
    with (
        contextlib.suppress(errors.ClickHouseUnavailableError),
        backends.connected(system.clickhouse) as server,
    ):
        return in_force.known_ids(server)
    return set()


def _deletable(source: registry.Registry, project: str) -> model.Project:
    """Return a project, or one that is deleted but may still have rows."""
    try:
        return source.get(project)
    except model.ProjectError:
        return source.get_deleted(project)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise project_file.ProjectFileError(f"{file} is no text in UTF-8.") from error


def _set_status(project: str, status: model.Status, data: Path, *, as_json: bool) -> None:
    registered.change(data, operator.methodcaller("set_status", project, status), as_json=as_json)
