"""Row contexts: what the rows of a payload have in common, by its labels and by the plan of its project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from storage.limits import quotas
from storage.projects import model
from storage.queue import envelope
from workers.model import outcomes
from workers.stages import state

if TYPE_CHECKING:
    from workers.model import batch_plan
    from workers.noise import rules_file

_FLAGS: Final = {envelope.ENVIRONMENT_BLANKED: "environment", envelope.RELEASE_BLANKED: "release"}


class RowContext(msgspec.Struct, eq=False):
    """Values that all rows of a payload share, whatever the payload holds.

    Attributes:
        account: the account for which its reports are counted.
        rules: the rules by which its reports are evaluated.
        window_ms: the project's dedupe window in milliseconds; 0 keeps every report.
        details: what the pipeline notes in the details of each row.
        limited: whether its project has limits (``workers.limits.project_limits``).
        removed_before: its older reports were removed, see ``bygone``; in milliseconds since the epoch.
        reach: its rows have a sketch of their senders.
        noise_version: the version of the rules by which its reports are labelled.
        archived: its rows go to the archive.
    """

    account: outcomes.Account
    rules: state.EvaluationRules
    window_ms: int
    details: dict[str, str]
    limited: bool = False
    removed_before: int = 0
    reach: bool = True
    noise_version: str = ""
    archived: bool = False


class RowContexts:
    """Makes the row contexts of one batch, and remembers them.

    Args:
        plan: the plan of the batch.
        common: the rules file that the plan names; None for the one that is shipped.
    """

    def __init__(self, plan: batch_plan.Plan, common: rules_file.RulesFile | None = None) -> None:
        self._plan = plan
        self._common = common
        self._known: dict[tuple[object, ...], RowContext] = {}
        self._overflow: dict[int, dict[tuple[str, str], str]] = {}
        self._archived: dict[int, frozenset[tuple[str, str]]] = {}

    def of(self, payload: envelope.Payload) -> RowContext:
        """Return the context of the rows of a payload."""
        key = (payload.project_id, payload.key, payload.environment, payload.release, payload.flags)
        context = self._known.get(key)
        if context is None:
            context = self._known[key] = self._new(payload, self._kept_as(payload))
        return context

    def _kept_as(self, payload: envelope.Payload) -> str | None:
        """Return the environment under which a payload overflows, or None when it does not."""
        overflow = self._overflow.get(payload.project_id)
        if overflow is None:
            project = self._plan.of(payload.project_id)
            overflow = {(environment, release): kept for environment, release, kept in project.overflow}
            self._overflow[payload.project_id] = overflow
        return overflow.get((payload.environment, payload.release))

    def _archived_of(self, project_id: int) -> frozenset[tuple[str, str]]:
        """Return the pairs of a project whose reports go to the archive."""
        archived = self._archived.get(project_id)
        if archived is None:
            archived = self._archived[project_id] = frozenset(self._plan.of(project_id).archived)
        return archived

    def _new(self, payload: envelope.Payload, kept: str | None) -> RowContext:
        project = self._plan.of(payload.project_id)
        environment, release, details = payload.environment, payload.release, {}
        if blanked := [name for flag, name in _FLAGS.items() if payload.flags & flag]:
            details["blanked"] = ",".join(blanked)
        if kept is not None:
            details["release"] = release
            if kept != environment:
                details["environment"] = environment
            environment, release = kept, envelope.OTHER_RELEASE
        rules = state.rules_of(project.settings, self._common)
        return RowContext(
            account=outcomes.Account(payload.project_id, payload.key, environment, release),
            rules=rules,
            window_ms=project.settings.dedupe_window * 1000,
            details=details,
            limited=quotas.are_set(project.settings),
            removed_before=model.floor_of(project.removed_before, project.floors, environment, release),
            reach=self._plan.senders and project.settings.reach == "on",
            noise_version=rules.noise.common.version,
            archived=(payload.environment, payload.release) in self._archived_of(payload.project_id),
        )
