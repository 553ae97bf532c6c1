"""Reports that an object lists, where others send an array: ``{"csp": [{…}, {…}]}``, ``{"reports": [{…}]}``.

The first drafts of the Reporting API and of Network Error Logging listed reports by their type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from workers.reading import aliases, fields

if TYPE_CHECKING:
    from workers.model import report

_NAMES: Final = frozenset(
    {"reports", "report", "events", "violations", "items", "records", "batch", "data", "payload"}
)
"""Folded names of lists of any reports, and of whatever else programs list."""
_MOST_TRIED: Final = 8
"""Items of such a list of which one may tell that it lists reports."""

_array: Final = msgspec.json.Decoder(list[msgspec.Raw])
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder: Final = msgspec.json.Encoder()


def listed(around: report.Members) -> list[bytes] | None:
    """Return the reports that an object lists, each as JSON; None if it lists none."""
    arrays = ((name, sent) for name, sent in around.items() if sent[:1] == b"[")
    lists = {name: sent for name, sent in arrays if _is_list(name, sent)}
    if not lists or aliases.told_by(around):
        return None
    return [_typed(name, bytes(each)) for name, sent in lists.items() for each in _array.decode(sent)]


def _is_list(name: str, sent: bytes) -> bool:
    """Return whether an array lists reports: its name tells, else its first item, or one of the first."""
    if aliases.folded_type(name) in aliases.TYPES:
        return True
    most = _MOST_TRIED if fields.folded(name) in _NAMES else 1
    return any(_is_report(bytes(item)) for item in _array.decode(sent)[:most])


def _is_report(sent: bytes) -> bool:
    """Return whether an item is a report of whatever family, or of a type that one knows."""
    if not sent.startswith(b"{"):
        return sent.startswith(b'"{')
    members = {name: bytes(value) for name, value in _object.decode(sent).items()}
    held = [name for name, value in members.items() if value.startswith(b"{")]
    kind = members.get("type", b"").strip(b'"').decode()
    known = any(aliases.folded_type(name) in aliases.TYPES for name in (kind, *held))
    return known or "body" in members or bool(aliases.told_by(members))


def _typed(name: str, sent: bytes) -> bytes:
    """Return a report with the type that the name of its list tells."""
    kind = aliases.TYPES.get(aliases.folded_type(name), "")
    if not kind or b'"body"' in sent or not sent.startswith(b"{"):
        return sent
    return _encoder.encode({"type": kind, "body": msgspec.Raw(sent)})
