"""``headrace noise suggest``: candidates for noise that no rule knows, for a person to decide about."""

from __future__ import annotations

import datetime as dt
import shlex
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deploy.cli import options
from deploy.noise import candidates, in_force
from deploy.printing import output
from deploy.servers import backends
from storage.projects import model, registry

if TYPE_CHECKING:
    from deploy.noise import spread

DAYS: Final = 14
SHOWN: Final = 20
_NAME: Final = 60
_CELL: Final = 34
"""Characters of a name in the table, so that it fits a terminal of 80 columns."""


def suggest(
    project: options.ProjectName,
    *,
    since: Annotated[
        dt.datetime | None, typer.Option(help=f"First day, UTC, to look at; by default {DAYS} days ago.")
    ] = None,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Name what may be noise that no rule knows: reported of many unrelated pages, by few people.

    Nothing is labelled by it. Anybody can send reports: their number proves nothing, and a forger can look
    like an extension. Find out what a candidate is before you make a rule of it.
    """
    now = dt.datetime.now(dt.UTC)
    start = since.replace(tzinfo=dt.UTC) if since else now - dt.timedelta(days=DAYS)
    with backends.connected(options.locate(data).clickhouse) as server:
        found = registry.Registry(server).get(project)
        own = {line.partition(" ")[0] for line in found.settings.noise_rules}
        taken = in_force.known_ids(server) | own
        suggestions = candidates.find(server, found.id, start, taken, in_force.read(server).common)
    if as_json:
        output.json([{**candidates.plain(one), "command": _command(found, one)} for one in suggestions])
        return
    if not suggestions:
        output.copyable("Nothing that no rule knows looks like noise.")
        return
    _show(found, suggestions)


def _show(project: model.Project, suggestions: list[candidates.Suggestion]) -> None:
    columns = ("candidate", "people", "pages", "days", "reports", "doubts")
    rows = [
        (
            _short(one),
            one.facts.people or None,
            one.facts.pages,
            one.facts.days,
            one.facts.reports,
            len(one.doubts),
        )
        for one in suggestions[:SHOWN]
    ]
    output.table(columns, rows)
    for one in suggestions[:SHOWN]:
        _show_one(project, one)
    output.copyable(
        "\nPeople are senders on the greatest day. Networks are not stored. Volume proves nothing: find out\n"
        "what a candidate is, try its rule with `headrace noise test`, and decide."
    )


def _short(one: candidates.Suggestion) -> str:
    """Return a name for the table: of a host the end tells most, of code the beginning."""
    if len(one.name) <= _CELL:
        return one.name
    return f"{one.name[: _CELL - 1]}…" if one.kind == "sample" else f"…{one.name[1 - _CELL :]}"


def _show_one(project: model.Project, one: candidates.Suggestion) -> None:
    facts = one.facts
    output.copyable(f"\n{one.kind} {one.name[:_NAME]}")
    output.copyable(f"  {facts.pages_share:.0%} of the pages, {_people(facts)}, {_browsers(facts)}")
    seen = f"{facts.first_seen:%Y-%m-%d} to {facts.last_seen:%Y-%m-%d}"
    output.copyable(f"  {seen}: {', '.join(facts.directives)}")
    output.copyable(f"  such as {facts.blocked or 'nothing'} on {facts.document}")
    for doubt in one.doubts:
        output.copyable(f"  ? {doubt}")
    if command := _command(project, one):
        output.copyable(f"  {command}")


def _people(facts: spread.Facts) -> str:
    return f"{facts.people_share:.0%} of a day's people" if facts.people else "people unknown"


def _browsers(facts: spread.Facts) -> str:
    total = max(1, sum(facts.browsers.values()))
    most = sorted(facts.browsers.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{browser or 'unknown browser'} {reports / total:.0%}" for browser, reports in most)


def _command(project: model.Project, one: candidates.Suggestion) -> str:
    """Return the command that adds the rule to those that a project has; "" while there are doubts."""
    if one.doubts:
        return ""
    rules = ", ".join((*project.settings.noise_rules, one.rule))
    return shlex.join(["headrace", "project", "set", project.name, f"noise_rules={rules}"])
