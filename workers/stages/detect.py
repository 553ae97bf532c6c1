"""The detect stage: which family an item belongs to, by its shape alone.

The media type is not used: one media type carries several shapes, and one shape comes with several. The order
of the tests matters: one WebKit generation put ``type`` and ``url`` beside ``csp-report``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers import families
from workers.families import unknown
from workers.model import memo, outcomes, report
from workers.reading import aliases, decode, fields, values
from workers.text import cleaning, letters

if TYPE_CHECKING:
    from workers.families import contract

_MAX_TYPE: Final = 128
_BODIES: Final = ("body", "report")
"""Members that hold a body; it was ``report`` in drafts of the Reporting API."""
_AROUND: Final = frozenset({"age", "url", "user_agent"})
"""Members that only an envelope has beside a body."""
_ENVELOPE: Final = ("type", "age", "url", "user_agent", *_BODIES)
_MOST_TRIED: Final = 8
"""Members of an object of which one may hold the report."""

Detected = tuple["contract.Family", report.Item]
_Verdict = Detected | report.Rejection


def detect(value: decode.Item, *, batch: bool) -> _Verdict:
    """Return the family of an item and the item in its parts, or why it has none.

    Args:
        value: the decoded item.
        batch: whether it comes from a Reporting API array, where any type is one of a report.
    """
    if not isinstance(value, dict):
        return report.invalid(outcomes.Reason.NOT_AN_OBJECT)
    if not batch:
        found = _wrapped(value) or _typed(value, batch=False) or _told(value) or _nested(value)
    elif "type" not in value:
        found = None if "body" not in value and _is_legacy(value) else _told(value)
    else:
        wrapped = None if "body" in value else _wrapped(value)
        found = wrapped or _typed(value, batch=True) or _told(value)
    return found or report.invalid(_reason(value, batch=batch))


def _is_legacy(value: report.Members) -> bool:
    """Return whether an item is older than the Reporting API, whose arrays hold none like it."""
    return not families.WRAPPERS.keys().isdisjoint(value) or "hostname" in value


def _reason(value: report.Members, *, batch: bool) -> outcomes.Reason:
    typed = "body" in value and value.get("type", b"").startswith(b'"')
    return outcomes.Reason.NO_TYPE if batch or typed else outcomes.Reason.UNRECOGNISED


def _wrapped(value: report.Members) -> _Verdict | None:
    for wrapper, family in families.WRAPPERS.items():
        if wrapper in value:
            return _item(family, "", wrapper, value)
    return None


def _typed(value: report.Members, *, batch: bool) -> _Verdict | None:
    """Return the family of the type that an item names."""
    name = _type(value.get("type", b"null"))
    if not name:
        return None
    family = families.BY_TYPE.get(name)
    if family is None:
        name = aliases.type_of(name)
        family = families.BY_TYPE.get(name, unknown.FAMILY)
    if value.get("body", b"null") != b"null":
        return _item(family, name, "body", value)
    if "report" in value and (body := _inner(value["report"])) is not None:  # in drafts of the Reporting API
        return family, report.Item(name, body, value, "report")
    found = _flat(family, name, value)
    if batch or "body" in value or isinstance(found, report.Rejection):
        return found
    return found if _has_fields(*found) else None


def _flat(family: contract.Family, name: str, value: report.Members) -> _Verdict:
    """Return a report without a body: its members stand beside its type, or it has none.

    An event or a body that was sent alone has a type too, which may be one within a family.
    """
    if family is unknown.FAMILY and (told := _told(value)):
        return told
    body = {member: sent for member, sent in value.items() if member not in _ENVELOPE}
    return family, report.Item(name, body, value)


@memo.remembered
def _type(sent: bytes) -> str:
    name = values.text_of(sent) or ""
    return letters.lower(cleaning.cut(name, _MAX_TYPE).rstrip())


def _told(value: report.Members) -> Detected | None:
    """Return the family of an item without a type, which its members tell, or those of its body."""
    enveloped = not _AROUND.isdisjoint(value)
    for holder in _BODIES:
        body = _inner(value.get(holder, b""))
        if body is not None and (name := aliases.told_by(body, enveloped=enveloped)):
            return families.BY_TYPE[name], report.Item(name, body, value, holder)
    name = aliases.told_by(value)
    return (families.BY_TYPE[name], report.Item("", value, value)) if name else None


def _nested(value: report.Members) -> _Verdict | None:
    """Return the report that a member holds: ``{"event": {…}}``, or ``{"nel-report": {…}}``."""
    for member, sent in list(value.items())[:_MOST_TRIED]:
        inner = _inner(sent)
        if inner is None:
            continue
        name = aliases.type_of(letters.lower(member))
        if name in families.BY_TYPE:
            held = families.BY_TYPE[name], report.Item(name, inner, value, member)
            return held if _has_fields(*held) else None
        found = _wrapped(inner) or _typed(inner, batch=False) or _told(inner)
        if found is not None:
            return found
    return None


def _has_fields(family: contract.Family, item: report.Item) -> bool:
    """Return whether a family reads anything of a body: what has only its name is of another program."""
    names = family.names
    return any(names.get(member) or names.get(fields.folded(member)) for member in item.body)


def _inner(sent: bytes) -> report.Members | None:
    """Return the members of an object, or of one that is written in a text."""
    found = decode.members(sent)
    return decode.members_in_text(sent) if found is None else found


def _item(family: contract.Family, name: str, wrapper: str, envelope: report.Members) -> _Verdict:
    body = decode.members(envelope[wrapper])
    if body is None:
        body = decode.members_in_text(envelope[wrapper])
    if body is None:
        return report.invalid(outcomes.Reason.NOT_AN_OBJECT, family.kind)
    return family, report.Item(name, body, envelope, wrapper)
