"""The accounts of the embedded ClickHouse that see one project each: a file for each, below its directory.

A file holds the hash of the password and not the password. ClickHouse learns of it when it starts.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from typing import TYPE_CHECKING, Final

import msgspec

from deploy.directory import private_files
from deploy.embedded import password_hashes
from storage import errors

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_TAKEN: Final = frozenset({"headrace", "analyst", "default", "engine", "project"})
"""The users and the profiles that ``users.xml`` has anyway."""


class AccountError(errors.HeadraceError):
    """An account cannot have this name, is there already, or is not there."""


class ProjectAccount(msgspec.Struct, frozen=True):
    """An account that sees one project.

    Attributes:
        name: the user to log in as.
        project_id: the project whose rows it sees.
        sha256: of its password, in hex.
    """

    name: str
    project_id: int
    sha256: str


def add(directory: Path, name: str, project_id: int) -> str:
    """Make an account, and return its password, which is kept nowhere.

    Args:
        directory: the directory of the embedded ClickHouse.
        name: the user to log in as.
        project_id: the project whose rows it sees.

    Raises:
        AccountError: the name is none, or is taken.
    """
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise AccountError(
            "An account is named by a to z, digits and _, beginning with a letter, at most 32 in all; "
            f"{', '.join(sorted(_TAKEN))} are taken."
        )
    path = _path(directory, name)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    password = secrets.token_hex(16)
    made = ProjectAccount(name, project_id, hashlib.sha256(password.encode()).hexdigest())
    draft = path.with_name(f"{name}.{secrets.token_hex(4)}")
    private_files.replace(draft, msgspec.json.encode(made))
    try:
        os.link(draft, path)  # unlike a rename, it replaces nothing
    except FileExistsError:
        raise AccountError(
            f"There is an account {name} already: remove it first, or choose another name."
        ) from None
    finally:
        draft.unlink()
    return password


def remove(directory: Path, name: str) -> None:
    """Remove an account.

    Raises:
        AccountError: there is none of this name.
    """
    if not _NAME.fullmatch(name) or not _path(directory, name).exists():
        raise AccountError(f"There is no account {name}.")
    _path(directory, name).unlink(missing_ok=True)


def every(directory: Path) -> list[ProjectAccount]:
    """Return all accounts, by name; a file that is damaged is none, and keeps nobody else out."""
    files = sorted((directory / password_hashes.ACCOUNTS).glob("*.json"))
    return [account for account in map(_read, files) if account]


def _read(file: Path) -> ProjectAccount | None:
    try:
        account = msgspec.json.decode(file.read_bytes(), type=ProjectAccount)
    except msgspec.DecodeError:
        return None
    return account if account.name == file.stem and _NAME.fullmatch(account.name) else None


def _path(directory: Path, name: str) -> Path:
    return directory / password_hashes.ACCOUNTS / f"{name}.json"
