"""``headrace retention``: for how long reports are kept, by project, environment and release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from deploy.cli import options, registered
from deploy.printing import output
from deploy.projects import project_fields
from deploy.servers import backends
from storage import errors
from storage.projects import model, project_settings, retention_rules
from storage.removal import drops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from storage.projects import registry
    from storage.servers import clickhouse

app = typer.Typer(help="Show and set for how many days reports are kept.", no_args_is_help=True)

Days = Annotated[
    int,
    typer.Argument(
        metavar="DAYS",
        min=0,
        max=retention_rules.MOST_DAYS,
        help="Days since the reports occurred; 0 keeps them for ever.",
    ),
]
Environment = Annotated[str | None, typer.Option(help="Only reports of this environment.")]
Release = Annotated[str | None, typer.Option(help="Only reports of this release.")]


class NoRetentionRuleError(errors.HeadraceError):
    """No rule speaks of just this environment and release."""


@app.command("set")
def set_days(  # noqa: PLR0913 - options of a command
    project: options.ProjectName,
    days: Days,
    *,
    environment: Environment = None,
    release: Release = None,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Keep reports for so many days; maintenance removes older ones, those that are stored included."""
    rule = retention_rules.RetentionRule(days, environment, release)
    _change(project, lambda settings: _with(settings, rule), data, as_json=as_json, named=rule)


@app.command("unset")
def unset(
    project: options.ProjectName,
    *,
    environment: Environment = None,
    release: Release = None,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Take the rule of an environment or release away, or without any keep all reports for ever."""
    scope = (environment, release)
    _change(project, lambda settings: _without(settings, scope), data, as_json=as_json)


@app.command("list")
def list_rules(
    *,
    project: options.OnlyProject = "",
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """List for how many days reports are kept; of several rules the first that matches a report counts."""
    with registered.opened(options.locate(data)) as source:
        projects = [source.get(project)] if project else source.list()
    found = [row for each in projects for row in _rows(each)]
    if as_json:
        output.json(found)
        return
    rows = [
        (row["project"], _any(row["environment"]), _any(row["release"]), row["days"] or "for ever")
        for row in found
    ]
    output.table(("project", "environment", "release", "days"), rows)


def _rows(project: model.Project) -> Iterator[dict[str, Any]]:
    rules = retention_rules.parsed(project.settings.retention_rules)
    for rule in (*rules, retention_rules.RetentionRule(project.settings.retention)):
        yield {
            "project": project.name,
            "environment": rule.environment,
            "release": rule.release,
            "days": rule.days,
        }


def _any(name: str | None) -> str:
    return "any" if name is None else name or "''"


def _change(
    name: str,
    change: Callable[[project_settings.ProjectSettings], project_settings.ProjectSettings],
    data: Path,
    *,
    as_json: bool,
    named: retention_rules.RetentionRule | None = None,
) -> None:
    """Change the settings of a project, and show what became of them."""
    system = options.locate(data)
    with registered.changing(system) as source:
        before = source.get(name)
        after = source.change(str(before.id), _changed(change))
    if named is not None and named.scope != (None, None):
        _tell_if_new(system.clickhouse, after, named)
    if as_json:
        output.json(list(_rows(after)))
        return
    differences = project_fields.differences(before.settings, after.settings)
    for setting, was, becomes in differences:
        output.copyable(f"{setting}: {was or 'empty'} → {becomes or 'empty'}")
    if not differences:
        output.copyable("Nothing changes.")


def _tell_if_new(
    address: clickhouse.Address, project: model.Project, rule: retention_rules.RetentionRule
) -> None:
    with backends.connected(address) as server:
        pairs = drops.pairs(server, project.id)
    if not any(rule.matches(*pair) for pair in pairs):
        output.tell("No report of just that is stored so far: the rule waits for the first.")


def _changed(
    change: Callable[[project_settings.ProjectSettings], project_settings.ProjectSettings],
) -> registry.Change:
    return lambda project: msgspec.structs.replace(project, settings=change(project.settings))


def _with(
    settings: project_settings.ProjectSettings, rule: retention_rules.RetentionRule
) -> project_settings.ProjectSettings:
    if rule.scope == (None, None):
        return msgspec.structs.replace(settings, retention=rule.days)
    rules = retention_rules.replaced(settings.retention_rules, rule)
    project_fields.fields()["retention_rules"].check(list(rules))
    return msgspec.structs.replace(settings, retention_rules=rules)


def _without(
    settings: project_settings.ProjectSettings, scope: tuple[str | None, str | None]
) -> project_settings.ProjectSettings:
    if scope == (None, None):
        return msgspec.structs.replace(settings, retention=0)
    left = retention_rules.without(settings.retention_rules, scope)
    if left == settings.retention_rules:
        raise NoRetentionRuleError("No rule speaks of just that: `headrace retention list` shows them all.")
    return msgspec.structs.replace(settings, retention_rules=left)
