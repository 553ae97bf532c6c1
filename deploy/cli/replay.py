"""``headrace replay``: put captured payloads into the queue, as if browsers had sent them now."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import Annotated

import typer

from deploy.cli import options
from deploy.printing import output
from deploy.replay import captures, file_replay, reingest, resumption
from deploy.servers import backends


def replay(  # noqa: PLR0913 - one parameter for each option
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Bodies, or JSON lines of captures.")],
    *,
    project: Annotated[
        str, typer.Option(help="Name or id of the project; wins over the one in a line.")
    ] = "",
    environment: Annotated[str, typer.Option(help="Environment; wins over the one in a line.")] = "",
    release: Annotated[str, typer.Option(help="Release; wins over the one in a line.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a replay was interrupted.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Begin anew after one was interrupted.")] = False,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Put captured payloads into the queue.

    A file is one body, or holds a JSON object a line: {"body": …} or {"body_b64": …}, with project,
    environment, release, user_agent and content_type where they are known. Each step notes the position of
    the replay: after an interruption, say --resume with the same files and options, and each payload is
    stored once.
    """
    reingest.require_labels(environment, release)
    system = options.locate(data)
    forced = captures.Capture(b"", project=project, environment=environment, release=release)
    with (
        contextlib.closing(backends.connect_redis(system.redis_url)) as client,
        output.progress("replaying") as bar,
    ):
        task = bar.add_task("replaying", total=sum(path.stat().st_size for path in files if path.is_file()))
        sink = reingest.Sink(client, system.shards, system.high_water, bar.refresh)
        run = file_replay.FileReplay(
            client, sink, forced, system.max_body, advance=partial(bar.advance, task), refuse=_complain
        )
        run.store(files, resumption.Resumption(client, files, forced, resume=resume, again=again))
    if as_json:
        output.json({"stored": len(run.receipts), "receipts": run.receipts, "refused": run.refused})
    else:
        output.copyable(_summary(run))
    if run.refused:
        raise typer.Exit(1)


def _complain(where: str, reason: str) -> None:
    output.complain(f"{where} was not stored: {reason}")


def _summary(run: file_replay.FileReplay) -> str:
    stored = f"{len(run.receipts):,} stored, {len(run.refused):,} refused."
    return f"{stored} Receipt: {run.receipts[0]}" if len(run.receipts) == 1 else stored
