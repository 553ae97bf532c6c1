"""The lock lists: which exact packages a set consists of, and whether a list has changed."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

SETS: Final = ("run", "test", "fuzz")
"""Sets that can be installed into ``.venv``. ``production``, a part of ``run``, is for other environments."""
DIRECTORY: Final = Path("deploy/lock")
BUILD: Final = "build"
"""The list of packages that the installation of Headrace itself needs."""


def path(name: str) -> Path:
    """Return the list of a set."""
    return DIRECTORY / f"{name}.txt"


def lines(name: str) -> list[str]:
    """Return the requirements of a list, with those of the lists that it contains."""
    found: list[str] = []
    for line in path(name).read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found += lines(line.removeprefix("-r ").removesuffix(".txt"))
        elif line and not line.startswith("#"):
            found.append(line)
    return found


def digest(name: str) -> str:
    """Return a hash that changes whenever a set has to be installed again."""
    parts = [*lines(name), *lines(BUILD), Path("pyproject.toml").read_text(encoding="utf-8")]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def size(name: str) -> str:
    """Return the size of a set, to fetch and on the disk, from the first line of its list."""
    first = path(name).read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("# ")


def megabytes(name: str) -> int:
    """Return the megabytes that a set takes while it is installed: the wheels, and their files."""
    return sum(int(found) for found in re.findall(r"(\d+) MB", size(name)))
