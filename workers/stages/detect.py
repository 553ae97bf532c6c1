"""The detect stage: which family an item belongs to, by its shape alone.

The media type is not used: one media type carries several shapes, and one shape comes with several. The order
of the tests matters: one WebKit generation put ``type`` and ``url`` beside ``csp-report``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers import families
from workers.families import unknown
from workers.model import outcomes, report
from workers.reading import decode, values
from workers.text import cleaning, letters

if TYPE_CHECKING:
    from workers.families import contract

_MAX_TYPE: Final = 128

Detected = tuple["contract.Family", report.Item]


def detect(value: decode.Item, *, batch: bool) -> Detected | report.Rejection:
    """Return the family of an item and the item in its parts, or why it has none.

    Args:
        value: the decoded item.
        batch: whether it comes from a Reporting API array, where only typed items are reports.
    """
    if not isinstance(value, dict):
        return report.invalid(outcomes.Reason.NOT_AN_OBJECT)
    if batch:
        return _typed(value) if "body" in value or "type" not in value else _wrapped(value) or _typed(value)
    typed = "body" in value and value.get("type", b"").startswith(b'"')
    return (
        _wrapped(value)
        or _marked(value)
        or (_typed(value) if typed else _bare(value))
        or report.invalid(outcomes.Reason.UNRECOGNISED)
    )


def _wrapped(value: report.Members) -> Detected | report.Rejection | None:
    for wrapper, family in families.WRAPPERS.items():
        if wrapper in value:
            return _item(family, "", wrapper, value)
    return None


def _marked(value: report.Members) -> Detected | None:
    for marks, family in families.MARKS.items():
        if marks <= value.keys():
            return family, report.Item("", value, value)
    return None


def _typed(value: report.Members) -> Detected | report.Rejection:
    name = _type(value.get("type", b"null"))
    if not name:
        return report.invalid(outcomes.Reason.NO_TYPE)
    family = families.BY_TYPE.get(name, unknown.FAMILY)
    if value.get("body", b"null") == b"null":
        return family, report.Item(name, {}, value)
    return _item(family, name, "body", value)


def _type(sent: bytes) -> str:
    name = values.text_of(sent) or ""
    return letters.lower(cleaning.cut(name, _MAX_TYPE).rstrip())


def _bare(value: report.Members) -> Detected | None:
    for family in families.ALL:
        if not family.bare.isdisjoint(value):
            return family, report.Item("", value, value)
    return None


def _item(
    family: contract.Family, name: str, wrapper: str, envelope: report.Members
) -> Detected | report.Rejection:
    body = decode.members(envelope[wrapper])
    if body is None:
        return report.invalid(outcomes.Reason.NOT_AN_OBJECT, family.kind)
    return family, report.Item(name, body, envelope, wrapper)
