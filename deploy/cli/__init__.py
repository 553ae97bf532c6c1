"""The command line, ``headrace``: one module for each group of commands."""

from __future__ import annotations

import logging
import os
import sys

import typer

from deploy.cli import (
    analysts,
    explain,
    findings,
    grants,
    headers,
    keys,
    migrate,
    noise,
    partitions,
    processes,
    projects,
    quarantine,
    query,
    rebuild,
    releases,
    replay,
    retention,
    settle,
    status,
    tail,
    top,
    trace,
    up,
    verify,
)
from deploy.printing import output
from storage import errors

app = typer.Typer(
    name="headrace",
    help="Collect the security reports that browsers send, and query them with SQL.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)
app.command()(up.up)
app.command()(processes.edge)
app.command()(processes.worker)
app.command()(processes.maintenance)
app.command()(migrate.migrate)
app.add_typer(projects.app, name="project")
app.add_typer(keys.app, name="key")
app.add_typer(retention.app, name="retention")
app.add_typer(releases.app, name="release")
app.command()(headers.headers)
app.command()(query.query)
app.command()(top.top)
app.command()(tail.tail)
app.command()(findings.findings)
app.command()(findings.finding)
app.command()(grants.grants)
app.add_typer(analysts.app, name="analyst")
app.command()(status.status)
app.command()(verify.verify)
app.command()(settle.settle)
app.command()(rebuild.rebuild_findings)
app.command()(trace.trace)
app.command()(explain.explain)
app.add_typer(partitions.app, name="partitions")
app.add_typer(noise.app, name="noise")
app.add_typer(quarantine.app, name="quarantine")
app.command()(replay.replay)


def main() -> None:
    """Run a command; a failure is one sentence on stderr and exit code 1."""
    # The driver logs each failed connection with its traceback, and raises it too.
    logging.getLogger("clickhouse_driver.connection").setLevel(logging.CRITICAL)
    try:
        _run()
    except errors.HeadraceError as error:
        output.complain(str(error))
        sys.exit(1)
    except BrokenPipeError:
        _drop_output()
        sys.exit(1)
    except OSError as error:
        _drop_output()
        output.complain(
            f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
        )
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _run() -> None:
    try:
        app()
    finally:
        sys.stdout.flush()  # here a failed write can still be reported


def _drop_output() -> None:
    """Discard all further output, also that of the interpreter at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
