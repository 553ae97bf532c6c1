"""``python -m tests.floor``: fail unless tests took every branch of what is pure, as ``.coverage`` says.

Pure are the modules that a contract of ``pyproject.toml`` forbids any client of a server: their logic needs
no server to be tested, so there is no excuse for a branch that no test takes.
"""

from __future__ import annotations

import sys
import tomllib
from typing import Final

import coverage

from tests.helpers import paths

FLOOR: Final = 100.0
"""Percent of lines and branches."""


def pure() -> list[str]:
    """Return patterns of the files of all pure modules, as ``coverage`` takes them."""
    settings = tomllib.loads((paths.ROOT / "pyproject.toml").read_text("utf-8"))
    names = [
        name
        for contract in settings["tool"]["importlinter"]["contracts"]
        if "redis" in contract.get("forbidden_modules", ())
        for name in contract["source_modules"]
    ]
    files = [paths.ROOT.joinpath(*name.split(".")) for name in names]
    return [f"{file}/*" if file.is_dir() else f"{file}.py" for file in files]


def main() -> int:
    """Print what no test took; return 1 when there is any."""
    measured = coverage.Coverage()
    measured.load()
    total = measured.report(include=pure(), show_missing=True, skip_covered=True)
    if total < FLOOR:
        sys.stdout.write(f"Tests take {total:.2f} % of what is pure, and should take {FLOOR:.0f} %.\n")
    return int(total < FLOOR)


if __name__ == "__main__":
    sys.exit(main())
