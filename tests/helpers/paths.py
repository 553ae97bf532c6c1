"""Paths within a checkout."""

from __future__ import annotations

import pathlib
from typing import Final

ROOT: Final = pathlib.Path(__file__).parents[2]
"""The checkout."""
DATA: Final = ROOT / "tests" / "data"
"""Recorded payloads and tables that tests read."""
DOCS: Final = ROOT / "docs"
"""The documentation."""
