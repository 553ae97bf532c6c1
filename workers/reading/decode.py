"""The decode stage: from a request body to the items in it.

The members of an item stay the bytes that were sent: their meaning is usually known from earlier items. A
body that the fast decoder refuses is read by the lenient decoder, written anew, and read again.
"""

from __future__ import annotations

from typing import Final

import msgspec

from storage.text import lenient
from workers.model import outcomes, report

MAX_ITEMS: Final = 300
"""Items that are read from one array. A browser sends at most 100; three uploads may have been merged."""

Item = report.Members | bytes
"""The members of an object, or the JSON of any other value."""


class DecodedBody(msgspec.Struct, frozen=True, gc=False):
    """The items of a payload.

    Attributes:
        items: at most ``MAX_ITEMS``.
        batch: whether they come from a Reporting API array, in which each item must have a type.
        left_out: how many items of the array were too many.
        surplus: the rejection of the items that were too many; None if there are none.
    """

    items: list[Item]
    batch: bool
    left_out: int = 0
    surplus: report.Rejection | None = None


_Root = list[msgspec.Raw] | dict[str, msgspec.Raw]

_body: Final = msgspec.json.Decoder(_Root)
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder: Final = msgspec.json.Encoder()


def decode(body: bytes) -> DecodedBody | report.Rejection:
    """Return the items of a payload, or why nothing can be read from it."""
    try:
        root = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, lenient.NotJSONError):
        return _decode_leniently(body)
    return _decoded(root)


def members(sent: bytes | msgspec.Raw) -> report.Members | None:
    """Return the members of a JSON object, or None if it is none."""
    try:
        found = _object.decode(sent)
    except msgspec.DecodeError:
        return None
    return _members(found)


def json_of(item: Item) -> bytes:
    """Return the JSON of an item, its members as they were sent."""
    if isinstance(item, bytes):
        return item
    return _encoder.encode({name: msgspec.Raw(sent) for name, sent in item.items()})


def _decode(body: bytes) -> _Root:
    lenient.require_shallow(body)
    if not body.isascii():
        body.decode()  # the decoder skips over the text of members, and would let invalid UTF-8 through
    root: _Root = _body.decode(body)
    return root


def _decode_leniently(body: bytes) -> DecodedBody | report.Rejection:
    try:
        value = lenient.loads(body)
        if not isinstance(value, (dict, list)):
            return report.invalid(outcomes.Reason.NOT_A_REPORT)
        return _decoded(_decode(_encoder.encode(value)))
    except lenient.NotJSONError as error:
        return report.invalid(outcomes.Reason.NOT_JSON, error=f"Not JSON: {error}.")


def _decoded(root: _Root) -> DecodedBody:
    if isinstance(root, dict):
        return DecodedBody([_members(root)], batch=False)
    items = [_item(sent) for sent in root[:MAX_ITEMS]]
    batch = any("type" in item for item in items if isinstance(item, dict))
    left_out = len(root) - len(items)
    if not left_out:
        return DecodedBody(items, batch)
    error = f"The array holds {len(root)} reports; {MAX_ITEMS} were read."
    return DecodedBody(items, batch, left_out, report.invalid(outcomes.Reason.TOO_MANY, error=error))


def _item(sent: msgspec.Raw) -> Item:
    found = members(sent)
    return bytes(sent) if found is None else found


def _members(sent: dict[str, msgspec.Raw]) -> report.Members:
    return {name: bytes(value) for name, value in sent.items()}
