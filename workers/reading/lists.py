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
"""Folded names of lists of any reports."""

_array: Final = msgspec.json.Decoder(list[msgspec.Raw])
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder: Final = msgspec.json.Encoder()


def listed(around: report.Members) -> list[bytes] | None:
    """Return the reports that an object lists, each as JSON; None if it lists none."""
    arrays = ((name, sent) for name, sent in around.items() if sent[:1] == b"[")
    lists = {name: sent for name, sent in arrays if _is_list(name) or _tells(sent)}
    if not lists or aliases.told_by(around):
        return None
    return [_typed(name, bytes(each)) for name, sent in lists.items() for each in _array.decode(sent)]


def _is_list(name: str) -> bool:
    return aliases.folded_type(name) in aliases.TYPES or fields.folded(name) in _NAMES


def _tells(sent: bytes) -> bool:
    """Return whether the first item of an array is a report, whatever the array is called."""
    first = bytes(next(iter(_array.decode(sent)), b""))
    found = _object.decode(first) if first.startswith(b"{") else {}
    members = {name: bytes(value) for name, value in found.items()}
    return "body" in members or bool(aliases.told_by(members))


def _typed(name: str, sent: bytes) -> bytes:
    """Return a report with the type that the name of its list tells."""
    kind = aliases.TYPES.get(aliases.folded_type(name), "")
    if not kind or b'"body"' in sent or not sent.startswith(b"{"):
        return sent
    return _encoder.encode({"type": kind, "body": msgspec.Raw(sent)})
