"""The migrations that this release ships: numbered SQL files, and the checksums of those that were released.

Besides SQL a file may hold two statements of Headrace's own. ``SETTLE <table>`` waits until nothing that
began before changes the table (``settling``). An ``INSERT … SELECT`` whose condition is
``{project_and_month}`` or ``{project}`` is run in pieces (``pieces``).
"""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_COMMENT: Final = re.compile(r"^--.*\n?", re.MULTILINE)


class Migration(NamedTuple):
    """One file.

    Attributes:
        name: of the file, without its suffix: ``0001_reports``.
        statements: its statements, without comments; all of them may run twice, one by one and as a whole.
        sha256: SHA-256 of the file, in hex.
    """

    name: str
    statements: tuple[str, ...]
    sha256: str


def migrations() -> list[Migration]:
    """Return the migrations of this release, in order."""
    files = sorted(
        (file for file in _folder().iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
    )
    return [read(file.name.removesuffix(".sql"), file.read_bytes()) for file in files]


def read(name: str, content: bytes) -> Migration:
    """Return the migration that a file holds."""
    text = _COMMENT.sub("", content.decode("utf-8"))
    statements = tuple(part.strip().removesuffix(";") for part in text.split(";\n") if part.strip())
    return Migration(name, statements, hashlib.sha256(content).hexdigest())


def released() -> dict[str, str]:
    """Return the checksums of the migrations that were released, by name, as ``sha256sum`` writes them."""
    lines = _folder().joinpath("released.sha256").read_text("utf-8").splitlines()
    pairs = (line.split() for line in lines)
    return {name.removesuffix(".sql"): checksum for checksum, name in pairs}


def _folder() -> Traversable:
    return resources.files("storage").joinpath("migrations")
