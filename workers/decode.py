"""The decode stage: from a request body to the items in it.

Members of an item stay undecoded (``msgspec.Raw``): their bytes are what tells a duplicate, and most
traffic is duplicates. Bodies that the fast decoder refuses go through the lenient one as a whole.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from storage import lenient
from workers import outcomes, report

MAX_ITEMS: Final = 300
"""Items that are read from one array. A browser sends at most 100; three uploads may have been merged."""

RawItem = dict[str, msgspec.Raw]
"""An item whose members are known by name only."""


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """The items of a payload.

    Attributes:
        items: at most ``MAX_ITEMS``: all ``RawItem``, or, if not ``raw``, any JSON values.
        raw: whether the items are ``RawItem``.
        batch: whether they come from a Reporting API array, in which each item must have a type.
        left_out: how many items of the array were too many.
        surplus: why they were left out, if there are any.
    """

    items: list[Any]
    raw: bool
    batch: bool
    left_out: int = 0
    surplus: report.Rejection | None = None


_fast: Final = msgspec.json.Decoder(list[RawItem] | RawItem)


def decode(body: bytes) -> Decoded | report.Rejection:
    """Return the items of a payload, or why nothing can be read from it."""
    try:
        root = _fast.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_leniently(body)
    return _decoded(root, raw=True)


def load(item: RawItem) -> dict[str, Any]:
    """Return the item with its members decoded.

    Raises:
        NotJSONError: a member is no JSON, which the fast decoder does not look into.
    """
    return {name: lenient.loads(bytes(value)) for name, value in item.items()}


def _decode_leniently(body: bytes) -> Decoded | report.Rejection:
    try:
        root = lenient.loads(body)
    except lenient.NotJSONError as error:
        return report.invalid(outcomes.Reason.NOT_JSON, error=f"Not JSON: {error}.")
    if not isinstance(root, (dict, list)):
        return report.invalid(outcomes.Reason.NOT_A_REPORT)
    return _decoded(root, raw=False)


def _decoded(root: list[Any] | dict[str, Any], *, raw: bool) -> Decoded:
    if isinstance(root, dict):
        return Decoded([root], raw, batch=False)
    items = root[:MAX_ITEMS]
    batch = any("type" in item for item in items if isinstance(item, dict))
    left_out = len(root) - len(items)
    if not left_out:
        return Decoded(items, raw, batch)
    error = f"The array holds {len(root)} reports; {MAX_ITEMS} were read."
    return Decoded(items, raw, batch, left_out, report.invalid(outcomes.Reason.TOO_MANY, error=error))
