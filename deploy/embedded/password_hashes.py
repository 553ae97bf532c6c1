"""The hashes of the passwords, as ``users.xml`` refers to them: by environment variables.

No file holds the hashes, because a query may read the configuration. Needs only the standard library.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def variables(passwords: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of these passwords, which are given by user."""
    return {
        f"{user.upper()}_SHA256": hashlib.sha256(password.encode()).hexdigest()
        for user, password in passwords.items()
    }
