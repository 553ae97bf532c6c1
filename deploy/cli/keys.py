"""``headrace key``: the public keys of a project, several at a time."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy.cli import options, registered
from deploy.printing import output, times
from deploy.servers import backends
from storage.projects import model, public_keys, registry
from storage.servers import sql

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

app = typer.Typer(
    help="Manage the public keys of a project; changes count at every edge when the command returns.",
    no_args_is_help=True,
)

DEFAULT_GRACE: Final = dt.timedelta(days=7)
"""Caches keep pages with the old key; few pages for longer than a week."""

_SQL: Final = sql.beside(__name__)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION: Final = re.compile(r"([0-9]{1,5})([smhdw])")


def _duration(text: str) -> dt.timedelta:
    match = _DURATION.fullmatch(text)
    if text != "0" and match is None:
        raise ValueError("a time such as 7d, 12h, 30m, 90s or 0")
    return dt.timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else dt.timedelta()


Key = Annotated[str, typer.Argument(metavar="KEY", help="The public key.")]
SomeKey = Annotated[
    str, typer.Argument(metavar="[KEY]", help="The key to replace; without one, the key for new pages.")
]
Grace = Annotated[
    dt.timedelta | None,
    typer.Option(
        parser=options.parsed(_duration),
        metavar="TIME",
        help="How long the old key stays valid, such as 12h, 30m or 0; 7d by default.",
    ),
]


@app.command("list")
def list_keys(
    project: options.ProjectName,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """List all keys of a project, the one for new pages first."""
    with registered.opened(options.locate(data)) as source:
        _show(source.get(project), source.now_ms, as_json=as_json)


@app.command()
def usage(
    project: options.ProjectName,
    *,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How many days back.")] = 7,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Count reports by key, environment and release, and requests refused because their key had ended."""
    with backends.connected(options.locate(data).clickhouse) as server:
        named = registry.Registry(server).get(project)
        found = server.execute(_SQL["usage"], {"project_id": named.id, "days": days})
    columns = ("key", "environment", "release", "accepted", "refused", "last")
    if as_json:
        output.json([dict(zip(columns, row, strict=True)) for row in found])
    else:
        output.table(columns, found)


@app.command()
def add(
    project: options.ProjectName,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Add a key for another site; the key for new pages stays the same."""
    _change(
        project,
        lambda records, now: public_keys.added(records, public_keys.fresh(now), now),
        data,
        as_json=as_json,
    )


@app.command()
def rotate(
    project: options.ProjectName,
    key: SomeKey = "",
    *,
    grace: Grace = None,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Replace a key by a new one; the old key stays valid for a while."""
    grace_ms = (DEFAULT_GRACE if grace is None else grace) // dt.timedelta(milliseconds=1)
    _change(
        project,
        lambda records, now: public_keys.rotated(
            records, key, public_keys.fresh(now), now_ms=now, grace_ms=grace_ms
        ),
        data,
        as_json=as_json,
    )


@app.command()
def disable(
    project: options.ProjectName,
    key: Key,
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Refuse a key from now on (403)."""
    _change(project, lambda records, _: public_keys.disabled(records, key), data, as_json=as_json)


def _change(
    project: str,
    change: Callable[[public_keys.Keys, int], public_keys.Keys],
    data: Path,
    *,
    as_json: bool,
) -> None:
    with registered.changing(options.locate(data)) as source:
        changed = source.set_keys(project, lambda records: change(records, source.now_ms))
        now_ms = source.now_ms
    _show(changed, now_ms, as_json=as_json)


def _show(project: model.Project, now_ms: int, *, as_json: bool) -> None:
    records = [
        {
            "key": record.key,
            "state": record.state if record.state == "disabled" or record.works(now_ms) else "ended",
            "created": times.utc(record.created) if record.created else None,
            "valid_until": None if record.valid_until is None else times.utc(record.valid_until),
        }
        for record in project.records
    ]
    if as_json:
        output.json(records)
        return
    rows = [[value or "" for value in record.values()] for record in records]
    output.table(("key", "state", "created", "valid until"), rows)
