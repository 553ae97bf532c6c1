"""The detect stage: which family an item belongs to, by its shape alone.

The media type is not asked: one carries several shapes, and one shape several media types. The order of the
tests matters: one WebKit generation put ``type`` and ``url`` beside ``csp-report``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from workers import families, outcomes, report
from workers.families import unknown

if TYPE_CHECKING:
    from workers.families import contract

_MAX_TYPE: Final = 128

Detected = tuple["contract.Family", report.Item]


def detect(value: object, *, batch: bool) -> Detected | report.Rejection:
    """Return the family of an item and the item in its parts, or why it has none.

    Args:
        value: the decoded item.
        batch: whether it comes from a Reporting API array, where only typed items are reports.
    """
    if not isinstance(value, dict):
        return report.invalid(outcomes.Reason.NOT_AN_OBJECT)
    if batch:
        return _typed(value)
    typed = isinstance(value.get("type"), str) and "body" in value
    return (
        _wrapped(value)
        or _marked(value)
        or (_typed(value) if typed else _bare(value))
        or report.invalid(outcomes.Reason.UNRECOGNISED)
    )


def _wrapped(value: dict[str, Any]) -> Detected | report.Rejection | None:
    for family in families.ALL:
        for wrapper in family.wrappers:
            if wrapper in value:
                return _item(family, "", value[wrapper], value)
    return None


def _marked(value: dict[str, Any]) -> Detected | None:
    for family in families.ALL:
        for marks in family.marks:
            if marks <= value.keys():
                return family, report.Item("", value, value)
    return None


def _typed(value: dict[str, Any]) -> Detected | report.Rejection:
    name = value.get("type")
    name = name.strip().lower()[:_MAX_TYPE] if isinstance(name, str) else ""
    if not name:
        return report.invalid(outcomes.Reason.NO_TYPE)
    body = value.get("body")
    return _item(families.BY_TYPE.get(name, unknown.FAMILY), name, {} if body is None else body, value)


def _bare(value: dict[str, Any]) -> Detected | None:
    for family in families.ALL:
        if not family.bare.isdisjoint(value):
            return family, report.Item("", value, value)
    return None


def _item(
    family: contract.Family, name: str, body: object, envelope: dict[str, Any]
) -> Detected | report.Rejection:
    if not isinstance(body, dict):
        return report.invalid(outcomes.Reason.NOT_AN_OBJECT, family.kind)
    return family, report.Item(name, body, envelope)
