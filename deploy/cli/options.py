"""Options that several commands share, and the system that they locate."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from deploy import settings
from deploy.running import located

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

DEFAULT_DATA: Final = Path(".headrace")


def parsed(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Turn a parser into that of an option: its ValueError names the form, and becomes a usage error."""

    def checked(value: str) -> T:
        try:
            return parse(value)
        except ValueError as error:
            raise typer.BadParameter(f"It must be {error}, not {value!r}.") from None

    return checked


def _directory(value: str) -> Path:
    path = Path(value)
    if not value or (path.exists() and not path.is_dir()):
        raise ValueError("a directory")
    return path


Data = Annotated[
    Path,
    typer.Option(
        "--data",
        parser=parsed(_directory),
        metavar="DIR",
        help="Data directory of the system: its data, its logs and runtime.json.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV in which nothing is a formula.")]
OnlyProject = Annotated[str, typer.Option("--project", help="Only this project, by name or id.")]
ProjectName = Annotated[str, typer.Argument(metavar="PROJECT", help="Name or id of the project.")]


def naming(data: Path) -> str:
    """Return the option by which a printed command finds the same system, with a space before it, if any."""
    return "" if data == DEFAULT_DATA else f" --data {shlex.quote(str(data))}"


def locate(data: Path) -> located.Located:
    """Find the system of a command.

    Raises:
        SettingsError: a setting is wrong.
    """
    return located.Located(data, settings.load())


def one_format(*, as_json: bool, as_csv: bool) -> None:
    """Refuse a command that is to print two formats at once."""
    if as_json and as_csv:
        raise typer.BadParameter("It is either --json or --csv, not both.")
