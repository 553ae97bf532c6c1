"""``headrace release``: what is stored of each release, and drop one for good."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy import settings
from deploy.cli import confirmation, options
from deploy.printing import output, times
from deploy.running import located
from storage import errors
from storage.projects import registry
from storage.removal import drops
from storage.servers import clickhouse, leases
from workers.failures import failpoints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.projects import model

app = typer.Typer(help="List the releases that have reports, and drop one.", no_args_is_help=True)

Release = Annotated[
    str, typer.Argument(metavar="RELEASE", help="The release, as in the column release of reports.")
]
Environment = Annotated[str | None, typer.Option(help="Only in this environment; else in each that has it.")]

_MOST_NAMED: Final = 5


class NoReleaseError(errors.HeadraceError):
    """A project has no reports of a release."""


@app.command("list")
def list_releases(
    project: options.ProjectName,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """List the releases of a project that have reports, the latest first."""
    with located.database(options.locate(data)) as server:
        found = drops.releases(server, registry.Registry(server).get(project).id)
    if as_json:
        output.json([each._asdict() for each in found])
        return
    output.table(
        drops.Release._fields,
        [(*each[:3], times.minute(each.first_seen), times.minute(each.last_seen)) for each in found],
    )


@app.command("drop")
def drop(  # noqa: PLR0913 - options of a command
    project: options.ProjectName,
    release: Release,
    *,
    environment: Environment = None,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, for good.")] = False,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Drop all reports of a release and its findings, for good; reports that come in later are stored."""
    system = options.locate(data)
    with located.connected(system, send_receive_timeout=clickhouse.MUTATION_S) as (client, server):
        found = registry.Registry(server).get(project)
        stored = drops.stored(server, found.id, release)
        chosen = [each for each in stored if environment in {None, each}]
        if not chosen:
            raise NoReleaseError(_missing(found, release, environment, drops.pairs(server, found.id)))
        dropped = 0
        if yes:
            failpoints.arm(settings.load().failpoints)
            with leases.hold(client, leases.STORED_ROWS, leases.WAIT_S) as lease:
                dropper = drops.Dropper(server, client, system.shards, lease, failpoints.hit)
                dropped = dropper.drop(found.id, [(each, release) for each in chosen])
    reports = sum(stored[each] for each in chosen)
    where = " and ".join(f"environment {each!r}" for each in chosen)
    if as_json:
        output.json({"release": release, "environments": chosen, "reports": reports, "dropped": dropped})
    elif yes:
        output.copyable(f"{dropped:,} reports of release {release!r} in {where} are dropped.")
    if not yes:
        raise confirmation.NotConfirmedError(
            f"This drops {reports:,} reports of release {release!r} in {where} for good: say --yes."
        )


def _missing(
    project: model.Project, release: str, environment: str | None, pairs: Sequence[tuple[str, str]]
) -> str:
    """Return the sentence about a release without reports, with those that are most like it."""
    where = "" if environment is None else f" in environment {environment!r}"
    sentence = f"{project.name!r} has no reports of release {release!r}{where}"
    if not pairs:
        return f"{sentence}, nor of any other."
    names = [name for _, name in pairs]
    alike = difflib.get_close_matches(release, names, n=_MOST_NAMED, cutoff=0.0)
    chosen = [pair for pair in pairs if pair[1] in alike]
    chosen.sort(key=lambda pair: alike.index(pair[1]))
    named = ", ".join(f"{name!r} in {each!r}" for each, name in chosen[:_MOST_NAMED])
    more = len(pairs) - len(chosen[:_MOST_NAMED])
    return f"{sentence}; it has {named}{f', and {more:,} more' if more else ''}."
