"""Rules that hold for any bytes at all: ``check`` raises when one is broken."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from storage.projects import project_settings
from tests.helpers import payloads
from workers.model import batch_plan, outcomes

if TYPE_CHECKING:
    from workers import pipeline

USER_AGENTS: Final = (payloads.CHROME, payloads.FIREFOX, "")
SETTINGS: Final = (
    project_settings.ProjectSettings(),
    project_settings.ProjectSettings(dedupe_window=0),
    project_settings.ProjectSettings(noise_drop=("extension", "injected")),
)


def check(body: bytes) -> None:
    """Process a payload, alone and twice in one batch, and check what became of it.

    The project's settings and the request's user agent follow from the body, so that one body says all that
    is needed to see a failure again.

    Raises:
        AssertionError: a report is not counted once, cannot be stored, or met a defect.
    """
    choice = zlib.crc32(body)
    plan = batch_plan.Plan(
        projects={1: batch_plan.ProjectPlan(settings=SETTINGS[choice % len(SETTINGS)])},
    )
    payload = payloads.payload(body, user_agent=USER_AGENTS[choice // 7 % len(USER_AGENTS)])
    once = payloads.process(payload, plan=plan)
    twice = payloads.process(payload, payload, plan=plan)
    _check_books(once, twice)
    for row in payloads.rows(once.reports):
        payloads.assert_storable(row)


def _check_books(once: pipeline.Tables, twice: pipeline.Tables) -> None:
    for tables in (once, twice):
        payloads.assert_balanced(tables)
        assert outcomes.Reason.DEFECT.value not in tables.outcomes["reason"], tables.quarantine["error"]
    assert sum(twice.found.values()) == 2 * sum(once.found.values())
    assert sum(twice.reports["seen"]) == 2 * sum(once.reports["seen"])
