"""Receipts: where a payload was stored, and what became of it."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from storage import errors
from storage.queue import entry_ids
from storage.servers import sql

if TYPE_CHECKING:
    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)

KEPT_DAYS: Final = 3
"""Days after its commit during which a payload can be traced: the TTL of the table ``receipts``."""
OLDEST_MS: Final = 7 * 86_400_000
"""A report is dated back by its age, at most a week before its receipt."""

_FORM: Final = re.compile(r"([0-9]{1,5})-([0-9]{1,20})-([0-9]{1,20})-([0-9]{1,5})", re.ASCII)
_LARGEST: Final = 2**64 - 1


class ReceiptError(errors.HeadraceError):
    """A text is no receipt."""


class Receipt(msgspec.Struct, frozen=True):
    """Where a payload was stored.

    Attributes:
        shard: the number of the stream; the first part of a receipt has been called shard since there were
            only as many streams as shards.
        ms: the first part of the id of the stream entry.
        seq: the second part of it.
        index: the position of the payload in the entry.
    """

    shard: int
    ms: int
    seq: int
    index: int

    @property
    def entry_id(self) -> str:
        """The id of the stream entry."""
        return str(entry_ids.EntryId(self.ms, self.seq))

    def __str__(self) -> str:
        """Return it as the edge answered it."""
        return f"{self.shard}-{self.entry_id}-{self.index}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``<shard>-<ms>-<seq>-<index>``, as the edge answers it in ``X-Headrace-Receipt``.

        Raises:
            ReceiptError: it is not that.
        """
        found = _FORM.fullmatch(text.strip())
        numbers = [int(number) for number in found.groups()] if found else []
        if not found or max(numbers) > _LARGEST:
            raise ReceiptError(
                f"{text!r} is no receipt: one is <shard>-<ms>-<seq>-<index>, such as 3-1795374160064-0-12."
            )
        return cls(*numbers)


class PayloadOutcomes(msgspec.Struct, frozen=True):
    """The outcomes of a committed payload: how many of its reports were accepted, and why others were not.

    Attributes:
        project_id: the project that the payload was sent to.
        accepted: how many of its reports were accepted.
        filtered: how many of its reports were left out on purpose.
        invalid: how many of its reports could not be understood.
        fingerprint: the fingerprint of the first accepted report; 0 if there is none.
        reasons: reports by the reason for which they were not accepted.
        committed: when the rows of its batch were written.
    """

    project_id: int
    accepted: int
    filtered: int
    invalid: int
    fingerprint: int
    reasons: dict[str, int]
    committed: dt.datetime


def find_outcomes(server: clickhouse.Connection, receipt: Receipt) -> PayloadOutcomes | None:
    """Return the outcomes of a payload; None if none was committed under this receipt, or it is too old."""
    rows: list[Any] = server.execute(_SQL["outcomes"], msgspec.structs.asdict(receipt))
    if not rows:
        return None
    project_id, accepted, fingerprint, rejections, committed = rows[0]
    return PayloadOutcomes(
        project_id=project_id,
        accepted=accepted,
        filtered=sum(reports for _, outcome, _, reports in rejections if outcome == "filtered"),
        invalid=sum(reports for _, outcome, _, reports in rejections if outcome == "invalid"),
        fingerprint=fingerprint,
        reasons={reason: reports for _, _, reason, reports in rejections},
        committed=committed,
    )


def received_ms(receipt: Receipt, found: PayloadOutcomes) -> int:
    """Return when a committed payload was received, in milliseconds since the epoch.

    The id of its entry says so, unless the id was made while a clock was ahead: no payload is received after
    its commit.
    """
    return min(receipt.ms, int(found.committed.timestamp() * 1000))


def title(server: clickhouse.Connection, receipt: Receipt, found: PayloadOutcomes) -> str:
    """Return the title of the finding that a payload became; empty if there is none, or none any more."""
    if not found.fingerprint:
        return ""
    committed_ms = int(found.committed.timestamp() * 1000)
    between = {"from": received_ms(receipt, found) - OLDEST_MS, "to": max(receipt.ms, committed_ms)}
    where = {"project": found.project_id, "fingerprint": found.fingerprint}
    rows: list[Any] = server.execute(_SQL["title"], {**where, **between})
    return rows[0][0] if rows else ""
