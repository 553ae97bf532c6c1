"""The hashes of the passwords, as ``users.xml`` refers to them: by environment variables.

No file that the server may read holds the hashes, because a query may read the configuration. Needs only the
standard library.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pathlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ACCOUNTS: Final = "accounts"
"""The directory of the accounts that see one project, below the one of the server."""


def variables(passwords: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of these passwords, which are given by user."""
    return {
        f"{user.upper()}_SHA256": hashlib.sha256(password.encode()).hexdigest()
        for user, password in passwords.items()
    }


def variable_of(account: str) -> str:
    """Return the name of the environment variable of an account that sees one project."""
    return f"ACCOUNT_{account.upper()}_SHA256"


def of_accounts(directory: str) -> dict[str, str]:
    """Return the environment variables of all accounts in the directory of a server."""
    found = {}
    for file in pathlib.Path(directory, ACCOUNTS).glob("*.json"):
        with contextlib.suppress(
            ValueError, KeyError, TypeError
        ):  # a damaged file: users.xml has no such user
            found[variable_of(file.stem)] = str(json.loads(file.read_bytes())["sha256"])
    return found
