"""``headrace explain``: tell what each stage of the pipeline does to a payload, without storing it."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import rich.table
import rich.text
import typer

from deploy.cli import options
from deploy.noise import in_force
from deploy.printing import output, printable
from deploy.projects import published
from deploy.replay import captures
from deploy.servers import backends
from storage.projects import model, project_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.running import located
    from workers.noise import rules_file

_STDIN: Final = Path("-")
_SHOWN: Final = 400
"""Characters of a value that are shown to a person; a policy or a certificate may be far longer."""
_DETAILED: Final = frozenset({"normalise", "classify"})
"""Stages whose facts are shown to a person; the sentences of the others hold their facts."""
_STYLES: Final = {"accepted": "bold green", "filtered": "bold yellow", "invalid": "bold red"}


def explain(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A body, or JSON lines of captures; - is standard input.")
    ],
    *,
    user_agent: Annotated[
        str, typer.Option(help="User agent of the request; wins over the one in a line.")
    ] = "",
    project: Annotated[
        str, typer.Option(help="Name or id of a project, whose settings are used. Asks the running system.")
    ] = "",
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Say what the pipeline does to a payload, stage by stage, without storing it.

    No system needs to run, unless --project is given.
    """
    system = options.locate(data)
    settings, common = _in_force(system, project) if project else (project_settings.ProjectSettings(), None)
    explained = [_explained(step, user_agent, settings, common) for step in _read(file, system.max_body)]
    if as_json:
        output.json(explained[0] if len(explained) == 1 else explained)
    else:
        for explanation in explained:
            _show(explanation)
    if any("refused" in explanation for explanation in explained):
        raise typer.Exit(1)


def _in_force(
    system: located.Located, project: str
) -> tuple[project_settings.ProjectSettings, rules_file.RulesFile]:
    """Return the settings of a project and the noise rules, as workers go by them."""
    with contextlib.closing(backends.connect_redis(system.redis_url)) as client:
        known = published.by_id_or_name(published.read(client))
        common = in_force.read_published(client).common
    if project not in known:
        raise model.ProjectError(f"There is no project {project!r}.")
    return known[project].settings, common


def _read(file: Path, max_body: int) -> Iterator[captures.Read]:
    if file != _STDIN:
        yield from captures.read(file, max_body)
        return
    with tempfile.NamedTemporaryFile() as copy:  # a reader that reads twice needs a file
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        for step in captures.read(Path(copy.name), max_body):
            yield step._replace(where=step.where.replace(copy.name, "standard input"))


def _explained(
    step: captures.Read,
    user_agent: str,
    settings: project_settings.ProjectSettings,
    common: rules_file.RulesFile | None,
) -> dict[str, Any]:
    from workers.explain import explain as explaining  # noqa: PLC0415 - the pipeline is slow to load

    if step.capture is None:
        return {"where": step.where, "refused": step.error}
    explanation = explaining.explain(
        step.capture.body,
        user_agent=user_agent or step.capture.user_agent,
        settings=settings,
        received_ms=int(time.time() * 1000),
        common=common,
        content_type=step.capture.content_type,
    )
    return {"where": step.where, **msgspec.to_builtins(explanation)}


def _show(explained: dict[str, Any]) -> None:
    output.console.print(rich.text.Text(printable.line(explained["where"]), style="bold"), soft_wrap=True)
    if "refused" in explained:
        output.complain(f"the edge does not take it: {explained['refused']}")
        return
    _show_stages([explained["decode"]])
    for report in explained["reports"]:
        _show_report(report)
    output.console.print()
    _show_stages([explained["collapse"]])


def _show_report(report: dict[str, Any]) -> None:
    heading = rich.text.Text(f"\nreport {report['position']}  ")
    heading.append(report["outcome"], style=_STYLES[report["outcome"]])
    heading.append(f"  {printable.line(report['reason'] or report['title'])}")
    output.console.print(heading, soft_wrap=True)
    _show_stages(report["stages"])


def _show_stages(stages: list[dict[str, Any]]) -> None:
    grid = rich.table.Table.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for stage in stages:
        grid.add_row(f"  {stage['stage']}", rich.text.Text(printable.line(stage["result"])))
        facts = stage["facts"] if stage["stage"] in _DETAILED else {}
        for name, value in facts.items():
            grid.add_row("", rich.text.Text(f"{name}: {_value(value)}", style="dim"))
        for change in stage["changes"]:
            grid.add_row("", _change(change))
    output.console.print(grid)


def _change(change: dict[str, str]) -> rich.text.Text:
    before, after = _value(change["before"]), _value(change["after"])
    sentence = f"{printable.line(change['what'])}: {before} → {after} ({change['why']})".replace(":  →", " →")
    return rich.text.Text(sentence, style="yellow")


def _value(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    shown = printable.line(text[:_SHOWN])
    return f"{shown}…" if len(text) > _SHOWN else shown
