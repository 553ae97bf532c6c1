"""Options by which findings and reports are selected: the same for every command that shows them."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from deploy.cli import options
from deploy.findings import periods, selection
from storage.servers import clickhouse as driver

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.servers import clickhouse

MOST: Final = 1_000_000
"""Rows that a command may be asked for."""
_HELP: Final = {
    "environment": "environment, such as production",
    "release": "release",
    "kind": "kind, such as csp or nel",
    "directive": "directive; script-src means script-src-elem too",
    "disposition": "disposition: enforce or report",
    "host": "host of what was blocked; .a.example also means all below a.example",
    "document_host": "host of the page; .a.example also means all below it",
}


class Choice(NamedTuple):
    """The options as they were given.

    Args:
        project: name or id; empty for the only one.
        since: the beginning of the period; None where nothing was said.
        filters: the conditions.
    """

    project: str
    since: periods.Since | None
    filters: selection.Filters

    def select(self, server: clickhouse.Connection, default: str, most_bars: int) -> selection.ChosenReports:
        """Return what is selected now.

        Args:
            server: a connection of somebody who may read.
            default: the beginning of the period, where none was given.
            most_bars: the most bars into which the period is divided.

        Raises:
            SelectError: it is not clear which project is meant.
        """
        project = selection.find_project(server, self.project)
        since = self.since or periods.parse(default)
        return selection.ChosenReports(
            project, self.filters, periods.period(since, driver.now_ms(server), most_bars)
        )


def _option(name: str, annotation: Any, default: object) -> inspect.Parameter:  # noqa: ANN401 - of any type
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _repeatable(flag: str, name: str, text: str) -> Any:  # noqa: ANN401 - an annotation
    check = options.parsed(functools.partial(selection.checked, name))
    return Annotated[list[str] | None, typer.Option(flag, help=text, metavar="TEXT", parser=check)]


def _parameters(since: str, *, noise: bool) -> list[inspect.Parameter]:
    """Return the options for a signature, with the default that ``--since`` tells of itself."""
    told = f"Since when: 90m, 24h, 7d, 2w, a date, or a time in UTC. {since}"
    described = typer.Option("--since", parser=options.parsed(periods.parse), metavar="WHEN", help=told)
    found = [
        _option(
            "project", Annotated[str, typer.Option(help="Project, by name or id, if there are several.")], ""
        ),
        _option("since", Annotated[periods.Since | None, described], None),
    ]
    for name, text in _HELP.items():
        flag = name.replace("_", "-")
        found.append(_option(name, _repeatable(f"--{flag}", name, f"Only this {text}. Repeatable."), None))
        found.append(
            _option(
                f"not_{name}", _repeatable(f"--not-{flag}", name, f"All but this {text}. Repeatable."), None
            )
        )
    noisy = typer.Option("--noise", "--all", help="Noise and impossible reports too.")
    return [*found, _option("noise", Annotated[bool, noisy], default=False)] if noise else found


def selecting(since: str, *, noise: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these options, and hand it what they say as its argument ``chosen``.

    Args:
        since: a sentence on where the period begins where nothing is said.
        noise: whether there is an option for noise; without it, noise and the impossible are selected too.
    """
    added = _parameters(since, noise=noise)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            parameter
            for name, parameter in inspect.signature(command, eval_str=True).parameters.items()
            if name != "chosen"
        ]

        @functools.wraps(command)
        def run(*arguments: Any, **given: Any) -> None:  # noqa: ANN401 - options of any type
            values = {parameter.name: given.pop(parameter.name) for parameter in added}
            command(*arguments, chosen=_choice(values), **given)

        del run.__wrapped__
        firsts = [one for one in own if one.kind is not inspect.Parameter.KEYWORD_ONLY]
        others = [one for one in own if one.kind is inspect.Parameter.KEYWORD_ONLY]
        run.__signature__ = inspect.Signature([*firsts, *added, *others])  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in [*firsts, *added, *others]}
        return run

    return decorate


def _choice(values: dict[str, Any]) -> Choice:
    wanted = {name: values[name] for name in _HELP if values[name]}
    unwanted = {name: values[f"not_{name}"] for name in _HELP if values[f"not_{name}"]}
    return Choice(
        values["project"],
        values["since"],
        selection.Filters(wanted, unwanted, noise=values.get("noise", True)),
    )
