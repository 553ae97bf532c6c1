"""Data that two directories share: a copy whose links lead to data of the original is not started."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storage import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER: Final = ".headrace-owner"
"""A note beside linked data: the path of the data directory that uses them."""
_LINKED: Final = ("logs", "redis", "clickhouse", "clickhouse/data")
"""Parts of a data directory that may be links to another disk."""
_WRITTEN: Final = (
    "logs/**/*",
    "redis/**/*",
    "clickhouse/data/status",
    "clickhouse/data/store/*/*/deduplication_logs/*",
)
"""Files that are written in their place. ClickHouse links its own parts, and never writes to them again."""


class SharedError(errors.HeadraceError):
    """A part of a data directory belongs to another data directory."""


def claim(directory: Path) -> None:
    """Make sure that no other data directory shares files that are written here; the caller holds the lock.

    Raises:
        SharedError: a symbolic or a hard link leads to a file that another data directory uses.
    """
    own = directory.resolve()
    homes = [own, *(_claim_linked(own, name) for name in _LINKED if (own / name).is_dir())]
    for path in _written(own):
        if path.is_symlink() and not any(path.resolve().is_relative_to(home) for home in homes):
            raise SharedError(f"{path} is a link to {path.resolve()}: put the file itself there.")
        if path.stat().st_nlink > 1:
            raise SharedError(
                f"{path} is a hard link: another copy shares it. Copy it instead, as cp -a does."
            )


def _claim_linked(own: Path, name: str) -> Path:
    """Return where a part of a data directory lies; on another disk, note there which directory uses it."""
    target = (own / name).resolve()
    if target.is_relative_to(own):
        return target
    note = target / OWNER
    owner = _owner(note)
    if owner and owner != own and _is_used_by(owner, name, target):
        raise SharedError(f"{own / name} is a link to {target}, which {owner} uses: copy what is there, too.")
    note.write_text(f"{own}\n", "utf-8")
    return target


def _owner(note: Path) -> Path | None:
    with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
        return Path(note.read_text("utf-8").strip())
    return None


def _is_used_by(owner: Path, name: str, target: Path) -> bool:
    """Tell whether the noted data directory still exists, and still leads here."""
    with contextlib.suppress(OSError):
        return (owner / name).resolve(strict=True) == target
    return False


def _written(own: Path) -> Iterator[Path]:
    found = itertools.chain.from_iterable(own.glob(pattern) for pattern in _WRITTEN)
    return (path for path in found if path.is_file())
