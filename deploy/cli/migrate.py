"""``headrace migrate``: bring the database up to date, or show which migrations it has."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli import options
from deploy.printing import output
from storage.schema import progress
from storage.tables import functions
from storage.tables import migrate as migrations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.servers import clickhouse

List = Annotated[
    bool,
    typer.Option(
        "--list",
        help="Only list the migrations that the database has, and those that are pending.",
    ),
]


def migrate(
    *,
    data: options.Data = options.DEFAULT_DATA,
    only_list: List = False,
    as_json: options.Json = False,
) -> None:
    """Bring the database up to date; what was interrupted goes on where it stopped.

    Stop workers and maintenance first. Two runs at once wait for each other.
    A database of a newer release is refused; there is no way back.
    """
    address = options.locate(data).clickhouse
    if only_list:
        _list(address, as_json=as_json)
    else:
        _apply(address, as_json=as_json)


def _list(address: clickhouse.Address, *, as_json: bool) -> None:
    listed = migrations.listing(address)
    if as_json:
        output.json([each._asdict() for each in listed])
    else:
        rows = [(each.name, each.state, each.sha256[:12], each.ended) for each in listed]
        output.table(("migration", "state", "sha256", "ended"), rows)


def _apply(address: clickhouse.Address, *, as_json: bool) -> None:
    with _shown() as report:
        applied = migrations.apply(address, report)
    done = [f"applied {name}" for name in applied]
    try:
        if functions.restore(address):
            done.append(f"made the function {functions.NAME}")
    finally:
        if as_json:
            output.json(applied)
        else:
            output.copyable("\n".join(done) or "The database is up to date.")


@contextlib.contextmanager
def _shown() -> Iterator[progress.Report]:
    """Show steps on stderr: as a bar on a terminal, elsewhere as lines."""
    with output.progress("{task.description}") as bar:
        task = bar.add_task("", total=None)
        sentences = progress.Sentences(output.tell)

        def show(step: progress.Progress) -> None:
            bar.update(task, description=step.doing, completed=step.done, total=step.total or None)
            if bar.disable:
                sentences.report(step)

        yield show
