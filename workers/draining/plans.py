"""The plan of a batch: settings of projects, and where reports go, decided once, before it is bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from storage.projects import model, project_settings
from workers.model import batch_plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from storage.projects import partitions
    from storage.queue import envelope

    _Wanted = Mapping[int, Mapping[partitions.Pair, None]]


class Admit(Protocol):
    """Gives places to the (environment, release) pairs of a project."""

    def __call__(
        self, project_id: int, pairs: Sequence[partitions.Pair], *, most: int, now_ms: int
    ) -> partitions.PairDecisions:
        """Return which pairs are refused, and which were archived."""


def make_plan(  # noqa: PLR0913 - all that a batch depends on
    entries: Sequence[envelope.Entry],
    snapshot: model.Snapshot,
    admit: Admit,
    latest_ms: int,
    project_ids: Iterable[int] = (),
    *,
    noise: str = "",
) -> batch_plan.Plan:
    """Fix the decisions of a new batch: each project's settings, and where the reports of its pairs go.

    A project that the registry does not know keeps its reports, under default settings; the reports of a
    project that was deleted are dropped.

    Args:
        entries: the entries of the batch, ``dated``.
        snapshot: the registry.
        admit: asked for each project's partitions.
        latest_ms: the time after which nothing of the batch was received.
        project_ids: the projects of the batch, also those of entries that cannot be decoded.
        noise: hash of the rules file in force.
    """
    deleted = _deleted(snapshot, project_ids)
    now_ms = max((entry.received_ms for entry in entries), default=0)
    known = {project.id: project for project in snapshot.projects}
    return batch_plan.Plan(
        projects={
            project_id: _project_plan(project_id, known.get(project_id), list(pairs), admit, now_ms)
            for project_id, pairs in _pairs(entries, deleted).items()
        },
        latest_ms=latest_ms,
        deleted=deleted,
        registry=snapshot.version,
        numbered=True,
        senders=True,
        findings=True,
        noise=noise,
    )


def narrowed(plan: batch_plan.Plan, snapshot: model.Snapshot, project_ids: Iterable[int]) -> batch_plan.Plan:
    """Return a plan that also leaves out what a newer registry forbids; settings stay as they were."""
    known = {project.id: project for project in snapshot.projects}
    projects = {number: _raised(project, known.get(number)) for number, project in plan.projects.items()}
    return msgspec.structs.replace(
        plan, projects=projects, deleted=_deleted(snapshot, project_ids), registry=snapshot.version
    )


def _raised(plan: batch_plan.ProjectPlan, project: model.Project | None) -> batch_plan.ProjectPlan:
    if project is None:
        return plan
    return msgspec.structs.replace(
        plan,
        removed_before=max(plan.removed_before, project.removed_before),
        floors=model.raised(plan.floors, project.floors),
    )


def _project_plan(
    project_id: int, project: model.Project | None, pairs: list[partitions.Pair], admit: Admit, now_ms: int
) -> batch_plan.ProjectPlan:
    settings = project.settings if project else project_settings.ProjectSettings()
    decided = admit(project_id, pairs, most=settings.max_partitions, now_ms=now_ms)
    return batch_plan.ProjectPlan(
        settings=settings,
        overflow=tuple((*pair, environment) for pair, environment in decided.refused.items()),
        archived=tuple(pair for pair in pairs if pair in decided.archived),
        removed_before=project.removed_before if project else 0,
        floors=project.floors if project else (),
    )


def _pairs(entries: Sequence[envelope.Entry], deleted: tuple[int, ...]) -> _Wanted:
    """Return the (environment, release) pairs of a batch by project, in the order of the payloads."""
    wanted: dict[int, dict[partitions.Pair, None]] = {}
    for entry in entries:
        for payload in entry.payloads:
            if payload.project_id not in deleted:
                wanted.setdefault(payload.project_id, {})[payload.environment, payload.release] = None
    return wanted


def _deleted(snapshot: model.Snapshot, project_ids: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(snapshot.deleted).intersection(project_ids)))
