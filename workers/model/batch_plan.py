"""The plan of a batch: what is decided before the batch is processed, and stored in Redis with its bounds."""

from __future__ import annotations

from typing import Final

import msgspec

from storage.projects import model, project_settings


class ProjectPlan(msgspec.Struct, frozen=True):
    """How one project's reports are processed.

    Attributes:
        settings: the project's settings when the batch was bound.
        overflow: triples (environment, release, environment kept): reports of such a pair land in the release
            ``(other)`` of the environment kept.
        archived: pairs (environment, release) whose reports go to the archive.
        removed_before: reports of before this time (ms since the epoch) are being removed, or were.
        floors: likewise for single releases and environments.
    """

    settings: project_settings.ProjectSettings = project_settings.ProjectSettings()
    overflow: tuple[tuple[str, str, str], ...] = ()
    archived: tuple[tuple[str, str], ...] = ()
    removed_before: int = 0
    floors: model.Floors = ()


_DEFAULTS: Final = ProjectPlan()


class Plan(msgspec.Struct, frozen=True):
    """Decisions made before a batch is processed, so that processing it again gives the same rows.

    Attributes:
        projects: plan by project id; a project that is not listed is processed by the defaults.
        poison: payloads that are quarantined unread, by receipt, and why.
        retries: positions of the reports that were counted when they were sent first, by receipt; the name in
            Redis is ``resent``.
        latest_ms: after which nothing of the batch was received, in milliseconds since the epoch.
        deleted: projects that were deleted: what came in for them is dropped.
        registry: version of the registry by which all this was decided; 0 in older releases.
        numbered: whether rows in quarantine are numbered and counted; not in older releases.
        noise: hash of the rules file by which noise is labelled; "" in older releases.
        senders: whether rows tell of their senders, of whom sampling leaves none out; not in older releases.
        findings: whether rows of findings are stored beside those of reports; not in older releases.
    """

    projects: dict[int, ProjectPlan] = {}
    poison: dict[str, str] = {}
    retries: dict[str, tuple[int, ...]] = msgspec.field(default_factory=dict, name="resent")
    latest_ms: int = 0
    deleted: tuple[int, ...] = ()
    registry: int = 0
    numbered: bool = False
    noise: str = ""
    senders: bool = False
    findings: bool = False

    def of(self, project_id: int) -> ProjectPlan:
        """Return the plan of a project."""
        return self.projects.get(project_id, _DEFAULTS)
