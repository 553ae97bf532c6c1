"""The quarantine: payloads and items that could not be understood, for a person to look at and to replay."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from storage.queue import reach
from workers.model import outcomes
from workers.reading import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from workers.model import columns, report
    from workers.rows import deliveries

MAX_ITEMS: Final = 16
"""Items of one payload that are kept one by one; a payload with more invalid ones is kept as a whole.

Without this limit, 10 000 payloads of 300 tiny wrong items each would become three million rows.
"""


ROW_BYTES: Final = 128
"""Bytes that a row takes beside its text: receipt, time, reason and error."""
_HOUR_MS: Final = 3_600_000


class QuarantineLimitDecider(Protocol):
    """Makes the limit decisions on one batch, see ``storage.limits.limit_decider.LimitDecider``."""

    def grant_quarantine(self, project_id: int, most: int, wants: Mapping[int, int]) -> Mapping[int, int]:
        """Return how many of the wanted bytes of each hour of receipt a project may keep."""


class _Kept(NamedTuple):
    received_ms: int
    receipt: str
    account: outcomes.Account
    rejection: report.Rejection
    raw: bytes
    item: int
    slot: int = reach.UNKNOWN

    @property
    def hour(self) -> int:
        return self.received_ms // _HOUR_MS

    @property
    def size(self) -> int:
        return len(self.raw) + ROW_BYTES


class Quarantine:
    """Collects the quarantined items of one batch.

    Args:
        numbered: whether the rows are numbered within their receipt, and counted for the ledger.

    Attributes:
        quarantined: rows by project, including those that are more than the project may keep; empty unless
            numbered.
        beyond: rows by project that are more than the project may keep.
    """

    def __init__(self, *, numbered: bool = False) -> None:
        self._kept: list[_Kept] = []
        self._numbered = numbered
        self.quarantined: Counter[int] = Counter()
        self.beyond: Counter[int] = Counter()

    def add(
        self,
        account: outcomes.Account,
        received: deliveries.Deliveries,
        body: bytes,
        invalid: Sequence[tuple[report.Rejection, decode.Item]] = (),
        whole: report.Rejection | None = None,
    ) -> None:
        """Keep the invalid items of a payload, once for each time that the payload was received.

        Args:
            account: the account of the payload.
            received: the deliveries of the payload.
            body: the payload.
            invalid: the invalid items, each with the reason.
            whole: the reason to keep the payload as a whole, if there is one.
        """
        if not (invalid or whole):  # as nearly always
            return
        if len(invalid) > MAX_ITEMS:
            whole, invalid = whole or invalid[0][0], ()
        kept = [(rejection, decode.json_of(item)) for rejection, item in invalid]
        if whole:
            kept.append((whole, body))
        numbers = range(1, len(kept) + 1) if self._numbered else [0] * len(kept)
        for received_ms, receipt, slot in received.receipts():
            self._kept += [
                _Kept(received_ms, receipt, account, *pair, number, reach.valid(slot))
                for number, pair in zip(numbers, kept, strict=True)
            ]
        if self._numbered:
            self.quarantined[account.project_id] += len(kept) * len(received.each)

    def add_entry(
        self,
        account: outcomes.Account,
        delivery: tuple[int, str],
        value: bytes,
        rejection: report.Rejection,
    ) -> None:
        """Keep a whole stream entry, the last resort: it looks into nothing, so that nothing breaks it.

        Args:
            account: the account of the entry.
            delivery: when the entry was received (ms since the epoch), and its receipt.
            value: the bytes of the entry.
            rejection: the reason.
        """
        self._kept.append(_Kept(*delivery, account, rejection, value, 1 if self._numbered else 0))
        if self._numbered:
            self.quarantined[account.project_id] += 1

    def limit(self, decider: QuarantineLimitDecider, most_of: Callable[[int], int]) -> None:
        """Leave out rows that are more than the projects may keep; the first rows of each hour stay.

        Poison payloads always stay: what they hold is unknown, and they are found after a batch has its limit
        decisions.

        Args:
            decider: makes the limit decisions on this batch.
            most_of: returns how many bytes of an hour a project may keep; 0 is any number.

        Raises:
            RecoverableError: the decider cannot be reached.
            LeaseLostError: another drainer has the stream.
        """
        wants: dict[int, dict[int, int]] = {}
        for item in filter(_is_limited, self._kept):
            hours = wants.setdefault(item.account.project_id, {})
            hours[item.hour] = hours.get(item.hour, 0) + item.size
        left = {
            (project_id, hour): granted
            for project_id, hours in wants.items()
            if (most := most_of(project_id))
            for hour, granted in decider.grant_quarantine(project_id, most, hours).items()
        }
        if not left:
            return
        all_of_it = self._kept
        self._kept = [item for item in all_of_it if not _is_limited(item) or _fits(item, left)]
        if self._numbered:
            self.beyond += Counter(item.account.project_id for item in all_of_it)
            self.beyond -= Counter(item.account.project_id for item in self._kept)

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
            "item": [item.item for item in kept],
            "slot": [item.slot for item in kept],
        }


def _is_limited(item: _Kept) -> bool:
    return item.rejection.reason is not outcomes.Reason.POISON


def _fits(item: _Kept, left: dict[tuple[int, int], int]) -> bool:
    """Take the room of a row from what is left of its hour, and return whether there was enough."""
    hour = (item.account.project_id, item.hour)
    if hour not in left:
        return True
    left[hour] -= item.size
    return left[hour] >= 0
