"""The registry's contents: projects, with their keys and settings, and a snapshot of all of them. Pure."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from storage import errors
from storage.projects import project_settings, public_keys
from storage.text import characters

MOST_ID: Final = 10**12
"""The highest id that a command may choose: the ids after it are exact numbers everywhere, too."""

Status = Literal["active", "disabled", "retired", "deleted"]


class ProjectError(errors.HeadraceError):
    """A project cannot be created or changed as asked."""


class Floor(msgspec.Struct, frozen=True, omit_defaults=True):
    """A time before which no report of some releases is taken.

    Attributes:
        before: reports whose window starts before this are being removed, or were (ms since the epoch).
        environment: only reports of this environment; None for all.
        release: only reports of this release; None for all.
    """

    before: int
    environment: str | None = None
    release: str | None = None

    def covers(self, environment: str, release: str) -> bool:
        """Return whether the reports of a pair lie under this floor."""
        return self.environment in {None, environment} and self.release in {None, release}


Floors = tuple[Floor, ...]


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """One project.

    Attributes:
        id: the number in the endpoint's URL, never given twice.
        name: for people.
        keys: its enabled public keys, the one for new pages first; older releases know no more of keys.
        key_records: all its keys with their state and validity, in the same order; see ``records``.
        status: decides the edge's answer (403, 410). A deleted project is never published.
        settings: the settings of the project.
        revision: grows by one with every change.
        removed_before: a report is not taken if its window starts before this time (ms since the epoch),
            because such reports are being removed, or were. The time never falls.
        floors: likewise for single releases and environments, one floor for each.
    """

    id: int
    name: str
    keys: tuple[str, ...]
    key_records: public_keys.Keys = ()
    status: Status = "active"
    settings: project_settings.ProjectSettings = project_settings.ProjectSettings()
    revision: int = 1
    removed_before: int = 0
    floors: Floors = ()

    @property
    def records(self) -> public_keys.Keys:
        """All keys in full; keys that an older release wrote are enabled and never end."""
        return self.key_records or tuple(public_keys.Key(key=key) for key in self.keys)


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The registry at one moment.

    Attributes:
        version: grows with every change: the milliseconds since the epoch of the latest one, plus how many
            there ever were. The time alone would stand still when a clock is set back; the number alone would
            come again after a backup was restored.
        projects: all that were not deleted, by id.
        deleted: ids of the deleted projects: payloads that still come in for them are dropped.
    """

    version: int
    projects: tuple[Project, ...]
    deleted: tuple[int, ...] = ()

    @property
    def active(self) -> frozenset[int]:
        """The projects that take reports."""
        return frozenset(project.id for project in self.projects if project.status == "active")


def require_name(name: str) -> None:
    """Check that a project may have this name.

    Raises:
        ProjectError: it is empty, a number, longer than 64 characters or not printable.
    """
    if not name.strip() or name.isdigit() or len(name) > 64:  # noqa: PLR2004 - stated in the sentence below
        raise ProjectError("A project name has 1 to 64 characters and is not just a number.")
    if characters.holds_hidden(name):
        raise ProjectError("A project name holds printable characters only.")


def floor_of(removed_before: int, floors: Floors, environment: str, release: str) -> int:
    """Return the time before which no report of a pair is taken, in ms since the epoch; 0 if it has none."""
    return max(removed_before, *(floor.before for floor in floors if floor.covers(environment, release)), 0)


def raised(floors: Floors, more: Floors) -> Floors:
    """Return floors of which none is lower than in either of both."""
    before: dict[tuple[str | None, str | None], int] = {}
    for floor in (*floors, *more):
        key = (floor.environment, floor.release)
        before[key] = max(floor.before, before.get(key, 0))
    return tuple(Floor(value, *key) for key, value in before.items())


def with_keys(project: Project, records: public_keys.Keys) -> Project:
    """Return the project with these keys."""
    enabled = tuple(record.key for record in records if record.state == "enabled")
    return msgspec.structs.replace(project, keys=enabled, key_records=records)
