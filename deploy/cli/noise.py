"""``headrace noise``: list the rules, try one on stored reports, and label stored reports again."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy.cli import noise_rules, noise_suggest, options
from deploy.noise import descriptions, in_force, relabel, trials
from deploy.printing import output, printable
from deploy.running import located
from deploy.servers import backends
from storage import errors
from storage.archive import archiving
from storage.findings import rebuild
from storage.projects import model, project_settings, registry
from storage.servers import clickhouse, leases
from storage.tables import labels
from workers import noise
from workers.noise import project_rules, rules, shipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers.noise import rules_file

app = typer.Typer(help="Show, try and apply the rules by which reports are noise.", no_args_is_help=True)
app.command("update")(noise_rules.update)
app.command("versions")(noise_rules.versions)
app.command("suggest")(noise_suggest.suggest)

WEEK: Final = dt.timedelta(days=7)
TOO_BROAD: Final = 0.95
"""A rule that matches this share of all reports is too broad."""
FEW: Final = 10
"""Fewest reports of which a share means anything."""
EXAMPLES: Final = 10

RuleText = Annotated[
    str,
    typer.Argument(
        metavar="RULE",
        help="Id of a rule, or a rule such as 'host=.chat.example path=/widget/'.",
    ),
]
Class = Annotated[str, typer.Option("--class", help="Only rules of this class.")]
Since = Annotated[
    dt.datetime | None, typer.Option(help="Only reports that occurred on this day, UTC, or later.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count what would change.")]


class NoRuleError(errors.HeadraceError):
    """No rule has that name."""


class TooBroadError(errors.HeadraceError):
    """A rule matches nearly every report."""


@app.command("list")
def list_rules(
    *,
    project: options.OnlyProject = "",
    noise_class: Class = "",
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """List the rules in force in their order; with --project also its own, and which it leaves out or drops.

    Where no system runs, the rules are those that this release ships.
    """
    if noise_class and noise_class not in rules.CLASSES:
        raise NoRuleError(f"There is no class {noise_class!r}, only {', '.join(rules.CLASSES)}")
    settings, common = project_settings.ProjectSettings(), shipped.file()
    try:
        with backends.connected(options.locate(data).clickhouse) as server:
            current = in_force.read(server)
            common = current.common
            if project:
                settings = registry.Registry(server).get(project).settings
    except (located.NotFoundError, errors.ClickHouseUnavailableError) as error:
        if project:
            raise
        output.tell(f"{error} These are the rules {common.version}, which this release ships.")
    else:
        output.tell(noise_rules.why(current))
    listed = [rule for rule in noise.listed(settings, common) if noise_class in {"", rule.noise}]
    found = [{**descriptions.details(rule), "effect": _effect(rule, settings)} for rule in listed]
    if as_json:
        output.json(found)
        return
    columns = ("id", "class", "effect", "matches", "origin", "date")
    output.table(columns, [[_shown(name, row) for name in columns] for row in found])


@app.command("test")
def try_rule(
    rule: RuleText,
    *,
    project: options.OnlyProject = "",
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Show which reports of the last week a rule matches, whether or not another one labels them.

    Exits with 1 when it matches nearly all of them. Rules on user agents are tried on browsers' names alone.
    """
    with backends.connected(options.locate(data).clickhouse) as server:
        projects = _projects(server, project)
        common = in_force.read(server).common
        tried = _rule(rule, projects if project else (), common)
        since = dt.datetime.now(dt.UTC) - WEEK
        trial = trials.Trial()
        for searched in projects:
            trials.add(trial, server, searched.id, rule=tried, since=since, common=common)
    _show_trial(tried, trial, as_json=as_json)
    if trial.reports >= FEW and trial.share >= TOO_BROAD:
        raise TooBroadError(f"{tried.id} matches {trial.share:.1%} of all reports: it is far too broad")


@app.command("relabel")
def relabel_stored(
    *,
    project: options.OnlyProject = "",
    since: Since = None,
    dry_run: DryRun = False,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Label stored reports again, by the rules as they are now. Nothing is dropped, and no count changes."""
    system = options.locate(data)
    if dry_run:
        with located.database(system, send_receive_timeout=clickhouse.MUTATION_S) as server:
            changed = _relabel_all(server, relabel.Relabelling(server, None), project, since)
    else:
        changed = _relabel_for_good(system, project, since)
    rows = [
        (name, *change, reports) for name, counts in changed.items() for change, reports in counts.items()
    ]
    if as_json:
        names = ("project", "before", "after", "reports")
        output.json([dict(zip(names, row, strict=True)) for row in rows])
        return
    if rows:
        output.table(("project", "before", "after", "reports"), rows)
    total = sum(counts.total() for counts in changed.values())
    output.copyable(f"{total:,} reports {'would have' if dry_run else 'have'} another label.")


def _relabel_for_good(
    system: located.Located, project: str, since: dt.datetime | None
) -> dict[str, Counter[relabel.LabelChange]]:
    """Label stored reports again, and count their findings again."""
    with (
        located.connected(system, send_receive_timeout=clickhouse.MUTATION_S) as (client, server),
        leases.hold(client, leases.STORED_ROWS, leases.WAIT_S) as lease,
    ):
        archiving.Archiver(server, client, system.shards).resume(lease)
        changed = _relabel_all(server, relabel.Relabelling(server, lease), project, since)
        try:
            rebuild.finish_due(server, client, system.shards, lease)
        except errors.RecoverableError as error:
            output.tell(f"{error} The labels are changed; maintenance counts the findings again.")
    return changed


def _relabel_all(
    server: clickhouse.Connection, run: relabel.Relabelling, name: str, since: dt.datetime | None
) -> dict[str, Counter[relabel.LabelChange]]:
    labels.settle(server)
    current = in_force.read(server)
    if current.note:
        output.tell(current.note)
    changed: dict[str, Counter[relabel.LabelChange]] = {}
    for project in _projects(server, name):
        wanted = relabel.Labels(project.settings, current.common)
        counts = changed[project.name] = Counter()
        days = labels.days(server, project.id, since and since.replace(tzinfo=dt.UTC), wanted.named)
        with output.progress(f"labelling {printable.line(project.name)}") as bar:
            for day in bar.track(days):
                counts.update(run.label(day, wanted))
    return changed


def _projects(server: clickhouse.Connection, name: str) -> Sequence[model.Project]:
    source = registry.Registry(server)
    return [source.get(name)] if name else source.list()


def _rule(text: str, projects: Sequence[model.Project], common: rules_file.RulesFile) -> rules.Rule:
    """Return the rule with this id, or the rule that is written here."""
    if "=" in text:
        return project_rules.parse_conditions(text)
    settings = projects[0].settings if projects else project_settings.ProjectSettings()
    for rule in noise.listed(settings, common):
        if rule.id == text:
            return rule
    raise NoRuleError(f"There is no rule {text!r}: headrace noise list shows them all")


def _effect(rule: rules.Rule, settings: project_settings.ProjectSettings) -> str:
    names = {rule.id, rule.noise}
    if not names.isdisjoint(settings.noise_off):
        return "off"
    return "label" if names.isdisjoint(settings.noise_drop) else "drop"


def _shown(name: str, row: dict[str, object]) -> object:
    conditions = row[name]
    return descriptions.words(conditions) if isinstance(conditions, dict) else conditions


def _show_trial(rule: rules.Rule, trial: trials.Trial, *, as_json: bool) -> None:
    examples = [
        {**example._asdict(), "reports": reports} for example, reports in trial.examples.most_common(EXAMPLES)
    ]
    if as_json:
        counts = {"reports": trial.reports, "matched": trial.matched, "new": trial.new, "share": trial.share}
        output.json({"rule": descriptions.details(rule), **counts, "examples": examples})
        return
    output.copyable(f"{rule.id} ({rule.noise}): {descriptions.words(rule.conditions())}")
    output.copyable(
        f"It matches {trial.matched:,} of {trial.reports:,} reports of the last week ({trial.share:.1%});"
        f" {trial.new:,} of them no rule labels yet."
    )
    if examples:
        columns = ("reports", "title", "blocked", "source_file", "sample", "noise_rule")
        output.table(columns, [[row[name] for name in columns] for row in examples])
