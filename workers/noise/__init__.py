"""The noise stage: reports that extensions, proxies and browsers cause are labelled, or dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from storage import registry
    from workers import report


class Label(msgspec.Struct, frozen=True, gc=False):
    """Why a report is noise: its class and the stable id of the rule; both "" if it is none.

    Attributes:
        noise: the class.
        rule: the rule.
        dropped: whether the project drops such reports instead of storing them.
    """

    noise: str = ""
    rule: str = ""
    dropped: bool = False


NONE: Final = Label()


class Rules(msgspec.Struct, frozen=True):
    """Which reports of one project are noise."""


DEFAULT: Final = Rules()


def rules_of(_settings: registry.ProjectSettings) -> Rules:
    """Return what a project's settings ask for."""
    return DEFAULT


def traits_of(_user_agent: str) -> tuple[str, ...]:
    """Return what noise rules ask of a user agent, as far as this one has it; nearly always nothing.

    Judgements are remembered by body and traits, not by user agent, of which there are many.
    """
    return ()


def label(_found: report.Report, _traits: tuple[str, ...], _rules: Rules) -> Label:
    """Return the label of a report.

    Args:
        found: the report, scrubbed.
        traits: of the user agent it is about.
        rules: those of its project.
    """
    return NONE
