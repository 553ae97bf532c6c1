"""Failpoints: places in the work on a batch at which a test makes the process die, hang or fail.

No failpoint is armed by default. A specification is a comma-separated list of
``<point>=<action>@<probability>``; the action is ``kill`` (the process kills itself with SIGKILL), ``raise``
(an error that no stage expects) or ``hang<seconds>``. For example
``after_bounds=kill@0.1,before_commit=hang2@1``.
"""

from __future__ import annotations

import os
import random
import re
import signal
import time
from typing import Final, NamedTuple

from storage import errors

POINTS: Final = (
    "before_bounds",
    "after_bounds",
    "after_grant",
    "after_process",
    "after_policies",
    "after_finding_days",
    "after_policy_days",
    "after_reports",
    "after_archived",
    "after_quarantine",
    "after_receipts",
    "after_outcomes",
    "before_commit",
    "after_commit",
    # A move into the archive passes these, see ``storage.archive.moves.STEPS``.
    "move_recorded",
    "move_marked",
    "move_copied",
    "move_switched",
    "move_leaving",
    "move_compared",
    "move_dropped",
    "move_forgotten",
    # A drop of a release passes these, see ``storage.removal.drops.STEPS``.
    "drop_noted",
    "drop_counted",
    "drop_deleting",
    "drop_deleted",
    "drop_dropped",
    "drop_finished",
    "drop_findings",
)
"""The failpoints, in the order in which a batch passes them. ``after_grant`` follows the grant of a project's
quotas, and ``after_<table>`` the insert into that table."""
EVALUATING: Final = "evaluating"
"""The failpoint that each report passes before it is normalised: a failure there is taken for a defect."""

_SPEC: Final = re.compile(r"(?P<point>\w+)=(?P<action>kill|raise|hang(?P<seconds>[\d.]+))@(?P<odds>[\d.]+)")


class FailpointError(errors.HeadraceError):
    """A failpoint made this stage fail."""


class _Failpoint(NamedTuple):
    """An armed failpoint: what happens there, for how long (s), and with which probability."""

    action: str
    seconds: float
    odds: float


_armed: dict[str, _Failpoint] = {}


def parse(specification: str) -> dict[str, _Failpoint]:
    """Read a specification.

    Raises:
        ValueError: it is not of the form above, or names no known point; the message says what is expected.
    """
    found = {}
    for part in filter(None, specification.split(",")):
        match = _SPEC.fullmatch(part.strip())
        if not match or match["point"] not in {*POINTS, EVALUATING}:
            raise ValueError(
                f"<point>=kill|raise|hang<seconds>@<probability>, points: {', '.join([*POINTS, EVALUATING])}"
            )
        action = match["action"].rstrip("0123456789.")
        found[match["point"]] = _Failpoint(action, float(match["seconds"] or 0), float(match["odds"]))
    return found


def arm(specification: str) -> None:
    """Arm the failpoints of a specification, and no others.

    Raises:
        ValueError: see ``parse``.
    """
    _armed.clear()
    _armed.update(parse(specification))


def hit(point: str) -> None:
    """Pass a failpoint: nothing happens unless it is armed."""
    if _armed:
        _fire(point)


def _fire(point: str) -> None:
    failpoint = _armed.get(point)
    if failpoint is None or random.random() >= failpoint.odds:  # noqa: S311 - chance, not a secret
        return
    if failpoint.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if failpoint.action == "raise":
        raise FailpointError(f"The failpoint {point} was armed.")
    time.sleep(failpoint.seconds)
