"""``headrace quarantine``: look at payloads that could not be understood, replay them, or drop them."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from deploy.cli import confirmation, options
from deploy.printing import output, printable
from deploy.replay import reingest, requeue
from deploy.running import located
from deploy.servers import backends
from storage import errors
from storage.projects import registry
from storage.quarantine import custody, quarantined
from storage.tables import receipts

if TYPE_CHECKING:
    from storage.servers import clickhouse

app = typer.Typer(
    help="Look at payloads that could not be understood, replay them, or drop them.", no_args_is_help=True
)

SHOWN_BYTES: Final = 16 * 1024
"""A terminal shows this much of each row."""

Receipt = Annotated[str, typer.Argument(metavar="RECEIPT", help="Receipt of the payload.")]
SomeReceipt = Annotated[str, typer.Argument(metavar="[RECEIPT]", help="Receipt of one payload.")]
Reason = Annotated[str, typer.Option(help="Only with this reason.")]
Before = Annotated[dt.datetime | None, typer.Option(help="Only what was received before this time, in UTC.")]


class SelectionError(errors.HeadraceError):
    """The options select no rows, or leave open which rows are meant."""


@app.command("list")
def list_rows(
    *,
    project: options.OnlyProject = "",
    reason: Reason = "",
    limit: Annotated[int, typer.Option(min=1, help="At most this many rows.")] = 50,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """List the newest rows."""
    with backends.connected(options.locate(data).clickhouse) as server:
        found = quarantined.newest(server, _selection(server, project=project, reason=reason), limit)
    if as_json:
        output.json([_details(row) for row in found])
        return
    columns = ("received", "receipt", "project", "reason", "error", "bytes")
    output.table(
        columns,
        [
            (row.received, row.receipt, row.project_id, row.reason, printable.line(row.error), len(row.raw))
            for row in found
        ],
    )


@app.command()
def show(
    receipt: Receipt,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Show the rows of a payload in the quarantine, with its bytes."""
    with backends.connected(options.locate(data).clickhouse) as server:
        selection = _selection(server, receipt=receipt)
        found = [row for page in quarantined.pages(server, selection) for row in page]
    if not found:
        raise SelectionError(f"The quarantine holds nothing of {receipt}")
    if as_json:
        output.json([{**_details(row), **_content(row)} for row in found])
        return
    for row in found:
        _show(row)


@app.command()
def drop(  # noqa: PLR0913 - one parameter for each option
    receipt: SomeReceipt = "",
    *,
    project: options.OnlyProject = "",
    reason: Reason = "",
    before: Before = None,
    yes: Annotated[bool, typer.Option("--yes", help="Drop them; else they are only counted.")] = False,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Drop the rows of a payload, or all that --project, --reason and --before select."""
    system = options.locate(data)
    with located.connected(system) as (client, server):
        wanted = _narrow(server, receipt, project, reason, before)
        confirmed = bool(receipt) or yes
        with custody.taken(server, client) if confirmed else contextlib.nullcontext():
            rows, selection = quarantined.extent(server, custody.committed(client, system.shards, wanted))
            if rows and confirmed:
                quarantined.drop(server, selection)
    if as_json:
        output.json({"rows": rows, "dropped": rows if confirmed else 0})
    elif confirmed:
        output.copyable(f"{rows:,} rows dropped.")
    if not confirmed:
        raise confirmation.NotConfirmedError(f"This would drop {rows:,} rows: say --yes to do it")


@app.command()
def replay(  # noqa: PLR0913 - one parameter for each option
    receipt: SomeReceipt = "",
    *,
    project: options.OnlyProject = "",
    reason: Reason = "",
    before: Before = None,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Put payloads into the queue again, and take them out of the quarantine.

    Each payload is stored once, also if this command is killed and run again. A payload that still cannot be
    understood comes back with a new receipt, as far as its project's quarantine_per_hour allows.
    """
    system = options.locate(data)
    with located.connected(system) as (client, server), output.progress("replaying") as bar:
        wanted = _narrow(server, receipt, project, reason, before)
        with custody.taken(server, client) as lease:
            rows, selection = quarantined.extent(server, custody.committed(client, system.shards, wanted))
            task = bar.add_task("replaying", total=rows)
            sink = reingest.Sink(client, system.shards, system.high_water, bar.refresh)
            run = requeue.Requeue(server, client, sink, lease)
            for page in quarantined.pages(server, selection):
                for kept in run.store(page):
                    output.complain(f"{kept['receipt']} stays: {kept['reason']}")
                bar.advance(task, len(page))
    if as_json:
        output.json({"stored": len(run.receipts), "receipts": run.receipts, "kept": run.kept})
    else:
        output.copyable(f"{len(run.receipts):,} payloads stored again, {len(run.kept):,} rows kept.")
    if run.kept:
        raise typer.Exit(1)


def _narrow(
    server: clickhouse.Connection, receipt: str, project: str, reason: str, before: dt.datetime | None
) -> quarantined.Selection:
    """Return a selection by at least one option: without any, the whole quarantine would be meant."""
    if not (receipt or project or reason or before):
        raise SelectionError("Which rows? Name a receipt, or select by --project, --reason or --before")
    return _selection(server, receipt=receipt, project=project, reason=reason, before=before)


def _selection(
    server: clickhouse.Connection,
    *,
    receipt: str = "",
    project: str = "",
    reason: str = "",
    before: dt.datetime | None = None,
) -> quarantined.Selection:
    given: dict[str, Any] = {"reason": reason}
    if receipt:
        given["receipt"] = str(receipts.Receipt.parse(receipt))
    if project:
        given["project_id"] = registry.Registry(server).get(project).id
    if before:
        given["before_ms"] = round(before.replace(tzinfo=dt.UTC).timestamp() * 1000)
    return quarantined.Selection(**given)


def _details(row: quarantined.QuarantineRow) -> dict[str, object]:
    shown = ("received", "receipt", "project_id", "environment", "release", "reason", "error")
    return {**{name: getattr(row, name) for name in shown}, "bytes": len(row.raw)}


def _content(row: quarantined.QuarantineRow) -> dict[str, str]:
    text = printable.text(row.raw)
    return {"raw_b64": printable.base64(row.raw)} if text is None else {"raw": row.raw.decode()}


def _show(row: quarantined.QuarantineRow) -> None:
    for name, value in _details(row).items():
        output.copyable(f"{name:12} {printable.line(str(value))}")
    output.copyable("")
    output.copyable(printable.content(row.raw[:SHOWN_BYTES]))
    if len(row.raw) > SHOWN_BYTES:
        output.copyable(f"… and {len(row.raw) - SHOWN_BYTES:,} bytes more: --json prints them all.")
    output.copyable("")
