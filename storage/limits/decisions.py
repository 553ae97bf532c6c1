"""The questions and answers of limit decisions. Pure: workers apply decisions without a client of Redis.

``storage.limits.limit_decider`` makes the decisions.
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class Novelty(enum.StrEnum):
    """How new an item is to its project. The values are those of ``limits/check_new.lua``."""

    KNOWN = "k"
    """The project had the item within a day or two."""
    NEW = "n"
    """The item is new, and among as many as the project may have in an hour."""
    COARSE = "p"
    """The item is new and one too many; only its coarse key is among as many as may be."""
    OTHER = "o"
    """The item is new and one too many, and so is its coarse key."""


class Grant(NamedTuple):
    """How many reports get through, and which quota keeps the others out; "" if none does."""

    reports: int
    reason: str


class Want(NamedTuple):
    """The reports of one minute in a batch: its start, its last second, how many must be kept, and all."""

    minute_s: int
    last_s: int
    forced: int
    reports: int


class FindingDay(NamedTuple):
    """A finding on one day: its fingerprint, and the day of its rows (UTC, number since the epoch)."""

    fingerprint: int
    day: int
