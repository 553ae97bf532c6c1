"""``headrace partitions``: which releases have partitions of their own, and which are in the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from deploy import logs, settings
from deploy.cli import options, registered
from deploy.printing import output, times
from deploy.running import located
from storage import errors
from storage.archive import archiving, books
from storage.projects import partitions
from storage.servers import clickhouse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.projects import model

app = typer.Typer(
    help="See which releases are live and which are archived, and archive some.", no_args_is_help=True
)

MEBIBYTE: Final = 1 << 20


Project = Annotated[
    str, typer.Argument(metavar="[PROJECT]", help="List the live releases of this project, by name or id.")
]
Release = Annotated[str | None, typer.Option("--release", help="Only this release.")]
Environment = Annotated[str | None, typer.Option("--environment", help="Only in this environment.")]


class NothingChosenError(errors.HeadraceError):
    """A command was not told what it is to archive."""


@app.command("list")
def list_partitions(
    project: Project = "",
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """List how many live and archived releases each project has, or the live ones of a project."""
    system = options.locate(data)
    with located.connected(system) as (_, server), registered.opened(system) as source:
        if project:
            _show_releases(_releases(server, source.get(project).id), as_json=as_json)
        else:
            _show_projects(_projects(server, source.list()), as_json=as_json)


@app.command()
def archive(
    project: options.ProjectName,
    *,
    release: Release = None,
    environment: Environment = None,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Move releases of a project into the archive now, whether they are quiet or not."""
    if release is None and environment is None:
        raise NothingChosenError("Say which releases: name one with --release, or an --environment.")
    system = options.locate(data)
    logs.configure(settings.load())  # a move that was interrupted before is told of on stderr
    with (
        registered.opened(system) as source,
        located.connected(system, send_receive_timeout=clickhouse.MUTATION_S) as (client, server),
    ):
        archiver = archiving.Archiver(server, client, system.shards)

        def chosen(pair: partitions.Pair) -> bool:
            return environment in {None, pair[0]} and release in {None, pair[1]}

        moved = archiver.archive_now(source.get(project).id, chosen)
    rows = [{"environment": one, "release": other} for one, other in moved]
    if as_json:
        output.json(rows)
    elif not moved:
        output.copyable("No live release is like that: nothing was archived.")
    else:
        output.table(("environment", "release archived"), moved)


def _projects(server: clickhouse.Connection, known: Iterable[model.Project]) -> list[dict[str, Any]]:
    by_project: dict[int, list[books.Partition]] = {}
    for partition in books.live(server):
        by_project.setdefault(partition.project_id, []).append(partition)
    archived, sizes = books.archived_pairs(server), books.archive_sizes(server)
    latest = books.latest_reports(server, most=1)
    rows = []
    for project in known:
        live = by_project.get(project.id, [])
        in_archive = sizes.get(project.id, (0, 0, 0))
        last = max(latest.get(project.id, {}).values(), default=None)
        rows.append(
            {
                "id": project.id,
                "project": project.name,
                "live": sum(partitions.is_movable(each.pair) for each in live),
                "most": project.settings.max_partitions,
                "archived": archived.get(project.id, 0),
                "last_report": None if last is None else times.utc(last),
                "rows": sum(each.rows for each in live) + in_archive[0],
                "bytes": sum(each.bytes for each in live) + in_archive[1],
                "parts": sum(each.parts for each in live) + in_archive[2],
            }
        )
    return rows


def _left(row: dict[str, Any], free: int) -> dict[str, Any]:
    """Return a project's row with the places that are left to it."""
    return {**row, "left": max(0, min(row["most"] - row["live"], free))}


def _releases(server: clickhouse.Connection, project_id: int) -> list[dict[str, Any]]:
    latest = books.latest_reports(server).get(project_id, {})
    rows = [
        {
            "environment": each.pair[0],
            "release": each.pair[1],
            "last_report": times.utc(latest[each.pair]) if each.pair in latest else None,
            "rows": each.rows,
            "bytes": each.bytes,
            "parts": each.parts,
        }
        for each in books.live(server)
        if each.project_id == project_id
    ]
    return sorted(rows, key=lambda row: -latest.get((row["environment"], row["release"]), 0))


def _show_projects(every: list[dict[str, Any]], *, as_json: bool) -> None:
    budget = settings.load().max_partitions
    live = sum(row["live"] for row in every)
    found = [_left(row, budget - live) for row in every]
    if as_json:
        output.json({"budget": budget, "live": live, "projects": found})
        return
    output.table(
        ("project", "live", "of", "left", "archived", "last report", "rows", "MiB"),
        [
            (
                *(row["project"], row["live"], row["most"], row["left"], row["archived"]),
                *(times.minute(row["last_report"]), row["rows"], round(row["bytes"] / MEBIBYTE, 1)),
            )
            for row in found
        ],
    )
    output.copyable(f"{live:,} of {budget:,} places of all projects are taken.")


def _show_releases(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        output.json(found)
        return
    output.table(
        ("environment", "release", "last report", "rows", "MiB"),
        [
            (
                *(row["environment"], row["release"], times.minute(row["last_report"]), row["rows"]),
                round(row["bytes"] / MEBIBYTE, 1),
            )
            for row in found
        ],
    )
