"""``headrace noise update`` and ``headrace noise versions``: which rules file is in force."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from deploy.cli import confirmation, options
from deploy.noise import descriptions, differences, in_force, sources, updates
from deploy.printing import output, printable
from deploy.servers import backends
from storage import errors
from storage.noise import rules_files
from storage.projects import registry
from workers.noise import shipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deploy.running import located
    from storage.projects import model
    from storage.servers import clickhouse

WEEK: Final = dt.timedelta(days=7)
EXAMPLES: Final = 10
HIDDEN: Final = 0.05
"""Share of a project's findings from which a sentence warns that they would become noise."""
FEW: Final = 10
"""Fewest reports of which a share means anything."""


def update(  # noqa: PLR0913 - the options of a command
    source: Annotated[
        str,
        typer.Argument(metavar="FILE|URL", help="A rules file, or the https URL of one."),
    ] = "",
    *,
    sha256: Annotated[
        str, typer.Option(metavar="HEX", help="The SHA-256 that the file must have; a URL needs it.")
    ] = "",
    to_shipped: Annotated[
        bool, typer.Option("--shipped", help="Go back to the rules that this release ships.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Use a newer rules file without an upgrade; what would change is shown first, and asked about.

    The file is checked whole. Each batch that workers begin from then on goes by it, and the column
    noise_version tells which rows do. Stored reports keep their labels until `headrace noise relabel`.
    """
    if bool(source) == to_shipped:
        raise typer.BadParameter("Name a file or a URL, or say --shipped.")
    new = updates.shipped_candidate() if to_shipped else _read(source, sha256, dry_run=dry_run)
    system = options.locate(data)
    with backends.connected(system.clickhouse) as server:
        before = in_force.read(server)
        updates.require_useful(new, rules_files.RulesFiles(server).list())
        if _is_in_force(new, before):
            output.copyable(f"The rules {new.file.version} are in force already.")
            return
        changes = _changes(server, before, new)
        _show(changes, as_json=as_json)
        if dry_run:
            return
        _confirm(new, yes=yes)
        updates.put_in_force(server, new, before)
        _follow(system, server, new)


def versions(
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """List the rules files that this system knows, and say which one is in force and why."""
    with backends.connected(options.locate(data).clickhouse) as server:
        current = in_force.read(server)
        source = rules_files.RulesFiles(server)
        rows = list(_versions(source, current))
    if as_json:
        output.json(rows)
        return
    columns = ("version", "in force", "rules", "source", "since", "sha256")
    output.table(columns, [[_cell(name, row) for name in columns] for row in rows])
    output.copyable(why(current))


def _cell(name: str, row: dict[str, Any]) -> object:
    """Return what a table shows of a version."""
    if name == "sha256":
        return row["sha256"][:12]
    return ("yes" if row["in_force"] else "") if name == "in force" else row[name]


def _read(where: str, sha256: str, *, dry_run: bool) -> updates.Candidate:
    source = sources.read(where)
    found = updates.candidate(source, sha256)
    if source.remote and not sha256 and not dry_run:
        raise updates.NotPinnedError(
            "A rules file from a URL is pinned by its hash: if you trust this one, say --sha256 "
            f"{found.file.sha256}"
        )
    return found


def _is_in_force(new: updates.Candidate, before: in_force.InForce) -> bool:
    """Return whether a file is in force already, and was the last to be chosen."""
    chosen = new.file.sha256 if new.text else ""
    return before.common.sha256 == new.file.sha256 and before.decided.sha256 == chosen


def _changes(
    server: clickhouse.Connection, before: in_force.InForce, new: updates.Candidate
) -> dict[str, Any]:
    """Return all that another rules file changes, for programs."""
    projects = registry.Registry(server).list()
    since = dt.datetime.now(dt.UTC) - WEEK
    return {
        "before": {"version": before.common.version, "sha256": before.common.sha256},
        "after": {"version": new.file.version, "sha256": new.file.sha256},
        "older": before.common.newer_than(new.file),
        "rules": [change._asdict() for change in differences.between(before.common, new.file)],
        "reordered": differences.reordered(before.common, new.file),
        "reports": [_plain(one) for one in _previews(server, projects, new, since)],
        "settings": [
            sentence
            for project in projects
            for sentence in differences.of_settings(project.name, project.settings, before.common, new.file)
        ],
    }


def _previews(
    server: clickhouse.Connection,
    projects: Sequence[model.Project],
    new: updates.Candidate,
    since: dt.datetime,
) -> Iterator[differences.Preview]:
    with output.progress("comparing labels") as bar:
        for project in bar.track(projects):
            yield differences.preview(server, project, new.file, since)


def _plain(found: differences.Preview) -> dict[str, Any]:
    return {
        "project": found.project,
        "reports": found.reports,
        "findings": found.findings,
        "become_noise": found.become_noise,
        "become_findings": found.become_findings,
        "change_rule": found.change_rule,
        "hidden_share": round(found.hidden_share, 4),
        "examples": [
            {**example._asdict(), "reports": reports}
            for example, reports in found.examples.most_common(EXAMPLES)
        ],
    }


def _show(changes: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.json(changes)
        return
    before, after = changes["before"], changes["after"]
    output.copyable(f"Noise rules {before['version']} → {after['version']}")
    output.copyable(f"SHA-256 {after['sha256']}")
    for sentence in _warnings(changes):
        output.copyable(sentence)
    _show_rules(changes["rules"])
    _show_reports(changes["reports"])
    for sentence in changes["settings"]:
        output.copyable(sentence)


def _warnings(changes: dict[str, Any]) -> Iterator[str]:
    if changes["older"]:
        yield "These rules are older than those in force."
    if changes["reordered"]:
        yield "Rules of both files come in another order: of two that match, the first names the report."
    if not changes["rules"]:
        yield "No rule differs."
    for found in changes["reports"]:
        if found["hidden_share"] >= HIDDEN and found["become_noise"] >= FEW:
            yield (
                f"Warning: {found['hidden_share']:.0%} of the findings of {found['project']} would become "
                "noise. A rule of the file may hide what is real."
            )


def _show_rules(changed: Sequence[dict[str, Any]]) -> None:
    for change in changed:
        output.copyable(f"\n{change['change']} {change['rule']} ({change['noise']})")
        if change["before"]:
            output.copyable(f"  - {descriptions.words(change['before'])}")
        if change["after"]:
            output.copyable(f"  + {descriptions.words(change['after'])}")


def _show_reports(found: Sequence[dict[str, Any]]) -> None:
    moved = [one for one in found if one["examples"]]
    total = sum(one["become_noise"] + one["become_findings"] + one["change_rule"] for one in moved)
    every = sum(one["reports"] for one in found)
    output.copyable(f"\nOf {every:,} reports of the last week, {total:,} would get another label.")
    if not moved:
        return
    names = ("project", "become_noise", "become_findings", "change_rule")
    output.table(
        ("project", "noise", "findings", "other rule"), [[one[name] for name in names] for one in moved]
    )
    examples = sorted(
        (example for one in moved for example in one["examples"]), key=lambda one: -one["reports"]
    )
    columns = ("reports", "title", "before", "after")
    output.table(columns, [[one[name] for name in columns] for one in examples[:EXAMPLES]])


def _confirm(new: updates.Candidate, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise confirmation.NotConfirmedError(
            f"Nothing was changed: say --yes to use the rules {new.file.version} without being asked."
        )
    if not typer.confirm(f"Use the rules {new.file.version}?", err=True):
        raise confirmation.NotConfirmedError("Nothing was changed.")


def _follow(system: located.Located, server: clickhouse.Connection, new: updates.Candidate) -> None:
    """Tell workers, wait for what they have begun, and say from when on the rules count."""
    output.tell(f"The rules {new.file.version} are stored, and in force.")
    try:
        with contextlib.closing(backends.connect_redis(system.redis_url)) as client:
            if not updates.tell_workers(server, client):
                output.tell(
                    "Redis holds a later decision than ClickHouse: maintenance replaces it, once it runs."
                )
                return
            left = updates.follow(client, system.shards, new.file)
    except errors.RedisUnavailableError as error:
        output.tell(f"{error} Workers go by these rules once maintenance could tell Redis of them.")
        return
    output.tell("Each batch that a worker of this release begins from now on goes by them.")
    if left:
        output.tell(f"{left} batches that were begun before are still under way: they keep the former rules.")
    output.tell("Stored reports keep their labels: `headrace noise relabel` labels them again.")


def _versions(source: rules_files.RulesFiles, current: in_force.InForce) -> Iterator[dict[str, Any]]:
    since = source.updates()
    own = shipped.file()
    stored = {file.sha256: file for file in source.list()}
    if own.sha256 not in stored:
        yield _version(own.version, own.sha256, len(own.rules), "shipped", "", current)
    for file in stored.values():
        where = "shipped" if file.sha256 == own.sha256 else file.source
        if where == "shipped" and file.sha256 != own.sha256:
            where = "shipped by another release"
        decided = since.get(file.sha256)
        told = decided.replace(tzinfo=None).isoformat(" ", "minutes") if decided else ""
        yield _version(file.version, file.sha256, descriptions.count(file.text), where, told, current)


def _version(  # noqa: PLR0913, PLR0917 - one for each column
    version: str, sha256: str, count: int, source: str, since: str, current: in_force.InForce
) -> dict[str, Any]:
    return {
        "version": version,
        "in_force": sha256 == current.common.sha256,
        "rules": count,
        "source": printable.line(source),
        "since": since,
        "sha256": sha256,
    }


def why(current: in_force.InForce) -> str:
    """Say which rules are in force, and why."""
    if current.loaded:
        return f"The rules {current.common.version} are in force: they are newer than the shipped ones."
    return f"The shipped rules {current.common.version} are in force. {current.note}".rstrip()
