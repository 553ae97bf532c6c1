"""Whether a report may come in, told from the head of its request alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest import refusals
from ingest.body import coding

if TYPE_CHECKING:
    from ingest.api import request
    from ingest.backend import redis_poller
    from ingest.checks import addresses, shedding, targets


class Admission(NamedTuple):
    """A request whose body is to be read.

    Attributes:
        address: the sender's; "" when it may be that of a proxy that the edge was not told of.
        used_up: the quota that keeps its reports out, which are counted all the same; None if there is room.
    """

    address: str
    used_up: shedding.UsedUpQuota | None


class Checks:
    """Checks requests, in memory alone: no step asks Redis.

    Args:
        table: finds the targets of requests.
        senders_addresses: finds the address of a sender.
        rates: tells which address sends too much.
        poller: tells whether Redis answers, and whether it is full.
        shedder: tells which quotas are used up.
    """

    def __init__(
        self,
        table: targets.TargetTable,
        senders_addresses: addresses.Addresses,
        rates: addresses.Rates,
        poller: redis_poller.RedisPoller,
        shedder: shedding.Shedder,
    ) -> None:
        self._table = table
        self._addresses = senders_addresses
        self._rates = rates
        self._poller = poller
        self._shedder = shedder

    def admit(self, asked: request.EdgeRequest, project_id: int) -> Admission:
        """Check a request, and set its ``target``.

        Raises:
            RefusedError: 401, 403, 410, 415, 429 or 503; of several reasons the first in this order.
        """
        target = asked.target = self._find_target(asked, project_id)
        address = self._require_rate(asked)
        self._require_key(target)
        self._require_origin(asked, target)
        self._require_room()
        used_up = self._require_quota(asked, target)
        self._require_readable(asked)
        return Admission(address, used_up)

    def _find_target(self, asked: request.EdgeRequest, project_id: int) -> targets.Target:
        return self._table.find(project_id, asked.query, asked.fields.get(b"x-sentry-auth", b""))

    def _require_rate(self, asked: request.EdgeRequest) -> str:
        """Count the request for its address; return the address, or "" when it may be that of a proxy."""
        address, known = self._addresses.find(asked.scope, asked.fields)
        if not known:
            return address if self._addresses.is_direct(asked.fields) else ""
        if self._rates.limited and self._rates.exceeds(address):
            raise refusals.RefusedError(refusals.ADDRESS)
        return address

    def _require_key(self, target: targets.Target) -> None:
        refusal = target.refusal
        if refusal is None:
            return
        if refusal is refusals.UNKNOWN_KEY and not self._poller.reachable:
            refusal = refusals.UNSURE  # the key may be of a registry that cannot be seen at present
        raise refusals.RefusedError(refusal)

    @staticmethod
    def _require_origin(asked: request.EdgeRequest, target: targets.Target) -> None:
        if target.origins is None:
            return
        fields = asked.fields
        if not target.origins.allow_request(fields.get(b"origin", b""), fields.get(b"referer", b"")):
            raise refusals.RefusedError(refusals.ORIGIN)

    def _require_room(self) -> None:
        if self._poller.full:
            raise refusals.RefusedError(refusals.HIGH_WATER)

    def _require_quota(
        self, asked: request.EdgeRequest, target: targets.Target
    ) -> shedding.UsedUpQuota | None:
        """Return the quota that keeps an upload out; it is answered 200, for browsers would try again."""
        used_up = self._shedder.find(target) if self._shedder.used_up else None
        if used_up is not None and not coding.is_upload(asked.fields.get(b"content-type", b"")):
            raise refusals.RefusedError(self._shedder.refusal_of(used_up))
        return used_up

    @staticmethod
    def _require_readable(asked: request.EdgeRequest) -> None:
        coding.require_media_type(asked.fields.get(b"content-type", b""))
        content_encoding = asked.fields.get(b"content-encoding", b"")
        if content_encoding:
            coding.require_coding(content_encoding)
