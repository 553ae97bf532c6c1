"""Admission: decides from the head of a request alone whether its reports may come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest import refusals
from ingest.body import coding

if TYPE_CHECKING:
    from ingest.checks import addresses, redis_state, shedding, targets

Fields = Mapping[bytes, bytes]


class Admission(NamedTuple):
    """A request whose body is to be read.

    Attributes:
        address: the sender's; "" when it may be that of a proxy that the edge was not told of.
        direct: whether there is an address, and no sign that a proxy which was not named hides others.
        used_up: the quota that keeps its reports out, which are counted all the same; None if there is room.
    """

    address: str
    direct: bool
    used_up: shedding.UsedUpQuota | None


class Checks:
    """Checks requests, in memory alone: no step asks Redis.

    Args:
        table: finds the targets of requests.
        senders_addresses: finds the address of a sender.
        rates: tells which address sends too much.
        redis_state: tells whether Redis answers, and whether it is full.
        shedder: tells which quotas are used up.
    """

    def __init__(
        self,
        table: targets.TargetTable,
        senders_addresses: addresses.Addresses,
        rates: addresses.Rates,
        redis_state: redis_state.RedisState,
        shedder: shedding.Shedder,
    ) -> None:
        self._table = table
        self._addresses = senders_addresses
        self._rates = rates
        self._redis = redis_state
        self._shedder = shedder

    def find_target(self, project_id: int, query: bytes, fields: Fields) -> targets.Target:
        """Return the target of a request: its project and key, or the refusal that ``admit`` raises."""
        return self._table.find(project_id, query, fields.get(b"x-sentry-auth", b""))

    def admit(self, target: targets.Target, scope: dict[str, Any], fields: Fields) -> Admission:
        """Check a request, step by step.

        Args:
            target: the project and key of the request.
            scope: the ASGI scope of the request.
            fields: its headers by name, in lower case.

        Raises:
            RefusedError: 401, 403, 410, 415, 429 or 503; of several reasons the first in this order.
        """
        address, known = self.require_rate(scope, fields)
        direct = self._addresses.is_traceless(scope, fields) if known else bool(address)
        self._require_key(target)
        self._require_origin(target, fields)
        self._require_room()
        used_up = self._require_quota(target, fields)
        self._require_readable(fields)
        return Admission(address, direct, used_up)

    def require_rate(self, scope: dict[str, Any], fields: Fields) -> tuple[str, bool]:
        """Count a request for its address; return the address, and whether it is known to be the sender's.

        The address is "" when there are signs that it is a proxy's.

        Args:
            scope: the ASGI scope of the request.
            fields: its headers by name, in lower case.

        Raises:
            RefusedError: 429, the address sends too much.
        """
        address, known = self._addresses.find(scope, fields)
        if not known:
            return (address if self._addresses.is_direct(scope, fields) else ""), False
        if self._rates.limited and self._rates.exceeds(address):
            raise refusals.RefusedError(refusals.ADDRESS)
        return address, True

    def _require_key(self, target: targets.Target) -> None:
        refusal = target.refusal
        if refusal is None:
            return
        if refusal is refusals.UNKNOWN_KEY and not self._redis.reachable:
            refusal = refusals.UNSURE  # the key may be of a registry that cannot be seen at present
        raise refusals.RefusedError(refusal)

    @staticmethod
    def _require_origin(target: targets.Target, fields: Fields) -> None:
        if target.origins is None:
            return
        if not target.origins.allow_request(fields.get(b"origin", b""), fields.get(b"referer", b"")):
            raise refusals.RefusedError(refusals.ORIGIN)

    def _require_room(self) -> None:
        if self._redis.full:
            raise refusals.RefusedError(refusals.HIGH_WATER)

    def _require_quota(self, target: targets.Target, fields: Fields) -> shedding.UsedUpQuota | None:
        """Return the quota that keeps an upload out; it is answered 200, for browsers would try again."""
        used_up = self._shedder.find(target) if self._shedder.used_up else None
        if used_up is not None and not coding.is_upload(fields.get(b"content-type", b"")):
            raise refusals.RefusedError(self._shedder.refusal_of(used_up))
        return used_up

    @staticmethod
    def _require_readable(fields: Fields) -> None:
        coding.require_media_type(fields.get(b"content-type", b""))
        content_encoding = fields.get(b"content-encoding", b"")
        if content_encoding:
            coding.require_coding(content_encoding)
