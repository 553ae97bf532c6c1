"""The limits of one batch and of one drain."""

from __future__ import annotations

import msgspec


class BatchLimits(msgspec.Struct, frozen=True):
    """Bounds of one batch and of one drain; memory follows them, not the backlog.

    Attributes:
        max_bytes: stream bytes in a batch; together with the rows made of them, a worker stays below 300 MB.
        max_payloads: payloads in a batch.
        max_reports: reports a batch may hold by a cheap overestimate; arrays can pack many small ones.
        lease_ms: how long a dead drainer blocks its stream; a live one renews its lease three times as often.
        budget_s: after this time a drain yields its worker to the next stream.
        attempts: after so many failed attempts the batch is searched for payloads that end processes.
    """

    max_bytes: int = 24 * 1024 * 1024
    max_payloads: int = 30_000
    max_reports: int = 40_000
    lease_ms: int = 10_000
    budget_s: float = 5.0
    attempts: int = 3
