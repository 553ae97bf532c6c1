"""Columns: how rows leave the pipeline, ready for a columnar insert."""

from __future__ import annotations

from typing import Any

Columns = dict[str, list[Any]]
"""Values by column name; all lists are of the same length."""


def emptied(columns: Columns) -> Columns:
    """Return the same columns without a row."""
    return {name: [] for name in columns}
