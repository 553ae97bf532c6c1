"""Base64 to the letter: the mistakes that Python overlooks differ from one version to the next."""

from __future__ import annotations

import base64
import re
from typing import Final

_WELL_FORMED: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def decode(text: str) -> bytes:
    """Return the bytes that a text stands for (RFC 4648 §4, with its padding).

    Raises:
        ValueError: it stands for none.
    """
    if not _WELL_FORMED.fullmatch(text):
        raise ValueError("not in base64")
    return base64.b64decode(text)
