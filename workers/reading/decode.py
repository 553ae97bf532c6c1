"""The decode stage: from a request body to the items in it.

The members of an item stay the bytes that were sent: their meaning is usually known from earlier items. A
body that the fast decoder refuses is mended, and read again.
"""

from __future__ import annotations

from typing import Final

import msgspec

from storage.text import lenient
from workers.model import outcomes, report
from workers.reading import lists

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
        mended: whether U+FFFD stands for something in the body that was no text.
    """

    items: list[Item]
    batch: bool
    left_out: int = 0
    surplus: report.Rejection | None = None
    mended: bool = False


_Root = list[msgspec.Raw] | dict[str, msgspec.Raw]
_Items = list[msgspec.Raw] | list[bytes] | dict[str, msgspec.Raw]

_body: Final = msgspec.json.Decoder(_Root)
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder: Final = msgspec.json.Encoder()


def decode(body: bytes, charset: str = "") -> DecodedBody | report.Rejection:
    """Return the items of a payload, or why nothing can be read from it.

    Args:
        body: the body of the request.
        charset: what its ``Content-Type`` declares, see ``charsets.codec_of``.
    """
    try:
        root = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, lenient.NotJSONError):
        return _decode_leniently(body, charset)
    return _decoded(root)


def members(sent: bytes | msgspec.Raw) -> report.Members | None:
    """Return the members of a JSON object, or None if it is none."""
    try:
        found = _object.decode(sent)
    except msgspec.DecodeError:
        return None
    return _members(found)


def members_in_text(sent: bytes | msgspec.Raw) -> report.Members | None:
    """Return the members of an object whose JSON is the value of a text; None for any other value."""
    if bytes(sent)[:2] != b'"{':
        return None
    try:
        return members(lenient.mended(bytes(sent)).text)
    except lenient.NotJSONError:
        return None


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


def _decode_leniently(body: bytes, charset: str) -> DecodedBody | report.Rejection:
    try:
        text, replaced = lenient.mended(body, charset)
        return _decoded(_decode(text), mended=replaced)
    except lenient.NotJSONError as error:
        return report.invalid(outcomes.Reason.NOT_JSON, error=f"Not JSON: {error}.")
    except msgspec.DecodeError:
        return report.invalid(outcomes.Reason.NOT_A_REPORT)


def _decoded(root: _Items, *, mended: bool = False) -> DecodedBody:
    if isinstance(root, dict):
        alone = _members(root)
        sent = alone.get("csp-report", b"")
        listed = None if sent.startswith(b"{") else lists.listed(alone)
        if listed is None:
            return DecodedBody([alone], batch=False, mended=mended)
        root = listed
    items = [_item(sent) for sent in root[:MAX_ITEMS]]
    batch = any("type" in item for item in items if isinstance(item, dict))
    left_out = len(root) - len(items)
    if not left_out:
        return DecodedBody(items, batch, mended=mended)
    error = f"The array holds {len(root)} reports; {MAX_ITEMS} were read."
    surplus = report.invalid(outcomes.Reason.TOO_MANY, error=error)
    return DecodedBody(items, batch, left_out, surplus, mended)


def _item(sent: bytes | msgspec.Raw) -> Item:
    found = members(sent)
    if found is None:
        found = members_in_text(sent)
    return bytes(sent) if found is None else found


def _members(sent: dict[str, msgspec.Raw]) -> report.Members:
    return {name: bytes(value) for name, value in sent.items()}
