"""The scrub stage: what names a person or opens a door is taken out of a report before it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from storage import registry
    from workers import report


class Rules(msgspec.Struct, frozen=True):
    """What is scrubbed of one project's reports."""


DEFAULT: Final = Rules()


def rules_of(_settings: registry.ProjectSettings) -> Rules:
    """Return what a project's settings ask for."""
    return DEFAULT


def apply(found: report.Report, _rules: Rules) -> report.Report:
    """Return the report as it may be stored."""
    return found
