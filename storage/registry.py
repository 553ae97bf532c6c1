"""The project registry: which projects exist, by which public keys, under which settings.

ClickHouse holds the truth (table ``projects``); Redis serves a snapshot of it to every edge and worker.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

SNAPSHOT_KEY: Final = "headrace:registry"
"""Redis string: the whole registry as MessagePack (``Snapshot``)."""
VERSION_KEY: Final = "headrace:registry:version"
"""Redis string: the version of the snapshot; edges poll it and read the snapshot only when it changed."""

Status = Literal["active", "disabled", "retired"]


class ProjectSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may set per project.

    Attributes:
        dedupe_window: seconds over which equal reports collapse into one row; 0 keeps every report.
        max_partitions: live (environment, release) pairs; a pair beyond that lands in release ``(other)``.
    """

    dedupe_window: int = 60
    max_partitions: int = 200


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """One project. ``keys`` are its enabled public keys; ``status`` decides the edge's answer (403, 410)."""

    id: int
    name: str
    keys: tuple[str, ...]
    status: Status = "active"
    settings: ProjectSettings = ProjectSettings()


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The registry at one moment. ``version`` grows with every change."""

    version: int
    projects: tuple[Project, ...]
