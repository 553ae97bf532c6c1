"""The admission stage: a project leaves out reports from elsewhere, and reports that come too late."""

from __future__ import annotations

from typing import Final

import msgspec

from storage.projects import origins, project_settings
from workers.model import outcomes, report

_DAY_MS: Final = 86_400_000


class AdmissionRules(msgspec.Struct, frozen=True):
    """The rules by which one project takes reports.

    Attributes:
        origins: patterns of the pages' origins; None takes them from everywhere.
        longest_age: milliseconds between the event and the upload; None sets no bound.
    """

    origins: origins.Patterns | None = None
    longest_age: int | None = None


DEFAULT: Final = AdmissionRules()


def rules_of(settings: project_settings.ProjectSettings) -> AdmissionRules:
    """Return what a project's settings ask for.

    A report older than the project's retention would be removed at once, or later than the ledger expects.
    """
    allowed = origins.compiled(settings.allowed_origins)
    if allowed is None and not settings.retention:
        return DEFAULT
    return AdmissionRules(allowed, settings.retention * _DAY_MS if settings.retention else None)


def refusal(found: report.Report, rules: AdmissionRules) -> report.Rejection | None:
    """Return why a report is left out; None when its project takes it."""
    if rules is DEFAULT:
        return None
    if rules.origins is not None and not rules.origins.allow(_page(found)):
        return report.left_out(outcomes.Reason.ORIGIN, found.kind)
    if rules.longest_age is not None and found.age > rules.longest_age:
        return report.left_out(outcomes.Reason.EXPIRED, found.kind)
    return None


def _page(found: report.Report) -> str:
    """Return the URL of a report's page, or of the host that it is about; empty when it names neither."""
    if found.document.text or not found.hostname:
        return found.document.text
    host = f"[{found.hostname}]" if ":" in found.hostname else found.hostname
    return f"https://{host}:{found.port}" if found.port else f"https://{host}"
