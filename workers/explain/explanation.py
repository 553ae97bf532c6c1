"""The parts of an explanation."""

from __future__ import annotations

from typing import Any

import msgspec


class FieldChange(msgspec.Struct, frozen=True):
    """A change by a stage: the member or field, its value before and after, and the reason."""

    what: str
    before: str
    after: str
    why: str


class ExplainedStage(msgspec.Struct, frozen=True):
    """The work of one stage on a payload or a report.

    Attributes:
        stage: the name of the stage.
        result: the result of the stage, in one sentence.
        facts: the facts that the stage found out, by name.
        changes: the fields that the stage changed.
    """

    stage: str
    result: str
    facts: dict[str, Any] = {}
    changes: tuple[FieldChange, ...] = ()


class Explained(msgspec.Struct, frozen=True):
    """The explanation of one report of a payload.

    Attributes:
        position: index in the payload.
        outcome: ``accepted``, ``filtered`` or ``invalid``.
        reason: why; "" for the accepted.
        title: for a person; "" unless accepted.
        stages: the stages that the report went through.
    """

    position: int
    outcome: str
    reason: str
    title: str
    stages: tuple[ExplainedStage, ...]


class Explanation(msgspec.Struct, frozen=True):
    """The explanation of a payload.

    Attributes:
        decode: what could be read from the body.
        reports: what became of each item.
        collapse: how many rows the accepted become.
        rows: rows of the table ``reports``.
    """

    decode: ExplainedStage
    reports: tuple[Explained, ...]
    collapse: ExplainedStage
    rows: tuple[dict[str, Any], ...]
