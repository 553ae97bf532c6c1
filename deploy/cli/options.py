"""Options that several commands share, and what they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from deploy import located, settings

DEFAULT_DATA: Final = Path(".headrace")

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="DIR",
        file_okay=False,
        help="Data directory of the system: its data, its logs and runtime.json.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
ProjectName = Annotated[str, typer.Argument(metavar="PROJECT", help="Name or id of the project.")]


def locate(data: Path) -> located.Located:
    """Find the system that a command is about.

    Raises:
        SettingsError: a setting is wrong.
    """
    return located.Located(data, settings.load())
