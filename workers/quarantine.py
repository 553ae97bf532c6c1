"""What could not be understood, kept for a person to look at and for a later release to replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from workers import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workers import columns, deliveries, outcomes, report

MAX_ITEMS: Final = 16
"""Items of one payload that are kept one by one; a payload with more invalid ones is kept as a whole.

Without it, 10 000 payloads of 300 tiny wrong items each would become three million rows.
"""


class _Kept(NamedTuple):
    received_ms: int
    receipt: str
    account: outcomes.Account
    rejection: report.Rejection
    raw: bytes


class Quarantine:
    """Collects the quarantined items of one batch."""

    def __init__(self) -> None:
        self._kept: list[_Kept] = []

    def add(
        self,
        account: outcomes.Account,
        received: deliveries.Deliveries,
        body: bytes,
        invalid: Sequence[tuple[report.Rejection, decode.Item]] = (),
        whole: report.Rejection | None = None,
    ) -> None:
        """Keep what is invalid in a payload, once for each time it was received.

        Args:
            account: whose payload it is.
            received: the deliveries of the payload.
            body: the payload.
            invalid: its invalid items, and why each is.
            whole: why the payload is kept as a whole, if it is.
        """
        if len(invalid) > MAX_ITEMS:
            whole, invalid = whole or invalid[0][0], ()
        kept = [(rejection, decode.json_of(item)) for rejection, item in invalid]
        if whole:
            kept.append((whole, body))
        for received_ms, receipt in received.receipts() if kept else ():
            self._kept += [_Kept(received_ms, receipt, account, *pair) for pair in kept]

    def columns(self) -> columns.Columns:
        """Return the rows of the table ``quarantine``."""
        kept = self._kept
        return {
            "received": [item.received_ms for item in kept],
            "receipt": [item.receipt for item in kept],
            "project_id": [item.account.project_id for item in kept],
            "environment": [item.account.environment for item in kept],
            "release": [item.account.release for item in kept],
            "reason": [str(item.rejection.reason) for item in kept],
            "error": [item.rejection.error for item in kept],
            "raw": [item.raw for item in kept],
        }
