"""``headrace tail``: each report as it is stored, one line each."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy.cli import filters, options, readers
from deploy.findings import following, lines
from deploy.printing import output, screen

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT: Final = "9d"
LINES: Final = 10
ALL: Final = 1 << 31


@filters.selecting("Without it: the last ten lines, then new ones.")
def tail(  # noqa: PLR0913 - one parameter for each option
    *,
    chosen: filters.Choice,
    number: Annotated[
        int | None,
        typer.Option(
            "--lines",
            "-n",
            min=0,
            max=filters.MOST,
            help="Lines from before; 10, or with --since all of that time.",
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Do not wait for new reports.")] = False,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 1.0,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
    as_csv: options.Csv = False,
) -> None:
    """Print each report as it is stored, until Ctrl-C: one line for each, or for equal ones of a minute.

    With --json each line is an object. Where ClickHouse goes away, the command waits, and misses nothing.
    """
    options.one_format(as_json=as_json, as_csv=as_csv)
    before = number if number is not None else ALL if chosen.since else LINES
    show = _printer(as_json=as_json, as_csv=as_csv)
    with contextlib.closing(readers.Reader(data)) as reader:
        follower = following.Follower(chosen.select(reader.server, DEFAULT, 1))
        show(follower.begin(reader.server, before))
        while not once:
            screen.wait_for_reader(interval)
            _look(reader, follower, show)


def _look(
    reader: readers.Reader, follower: following.Follower, show: Callable[[list[following.NewReports]], None]
) -> None:
    """Print what is new; while ClickHouse is away, say so once."""
    away = bool(reader.failure)
    found = reader.ask(follower.look)
    if found is not None:
        if away:
            output.tell("ClickHouse is back.")
        show(found)
    elif not away:
        output.tell(f"{reader.failure}. What is stored meanwhile follows when it is back.")


def _printer(*, as_json: bool, as_csv: bool) -> Callable[[list[following.NewReports]], None]:
    """Return what prints reports in the form that was asked for."""
    if as_csv:
        output.comma_separated(lines.CSV, [])
    width = output.console.width if output.console.is_terminal else None

    def show(reports: list[following.NewReports]) -> None:
        for one in reports:
            if as_json:
                output.json_line(lines.details(one))
            elif as_csv:
                output.comma_separated(None, [lines.csv_row(one)])
            else:
                output.copyable(lines.line(one, width))
        sys.stdout.flush()

    return show
