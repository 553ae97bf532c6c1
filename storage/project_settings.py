"""What an operator may set for each project: one typed struct from which everything else derives.

Each field says what it does, and in which bounds, where it is declared. So the commands that set, show and
export settings know a new field by themselves, and a test compares the documentation with it.
"""

from __future__ import annotations

from typing import Annotated

import msgspec


class ProjectSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The settings of one project. Lists are tuples: equal settings are remembered by their hash."""

    dedupe_window: Annotated[
        int,
        msgspec.Meta(
            description="Seconds over which equal reports collapse into one row; 0 keeps every report.",
            ge=0,
            le=86_400,
            examples=[60, 0],
        ),
    ] = 60
    max_partitions: Annotated[
        int,
        msgspec.Meta(
            description=(
                "Live (environment, release) pairs; reports of a pair beyond that land in release (other)."
            ),
            ge=1,
            le=10_000,
            examples=[200],
        ),
    ] = 200
