"""The reporting endpoint: ``/api/{project_id}/security/`` and its aliases, all methods.

It speaks ASGI itself, beside Falcon's router, because this one route takes nearly all of the traffic, and
every browser upload costs a preflight too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

import structlog

from ingest import cors, refusals
from ingest.body import coding, fair_turns
from ingest.body import upload as uploads
from ingest.checks import targets
from storage.queue import envelope
from storage.text import lenient

if TYPE_CHECKING:
    from ingest import config
    from ingest.backend import intake, redis_poller, refusal_counter, senders
    from ingest.body import in_flight
    from ingest.checks import addresses, shedding
    from storage.projects import origins

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]

PREFIX: Final = "/api/"

_log = structlog.get_logger(__name__)

_PREFLIGHT: Final = {"type": "http.response.start", "status": 204, "headers": list(cors.PREFLIGHT)}
_ACCEPTED_HEADERS: Final = (*cors.EVERY_RESPONSE, (b"content-length", b"0"))
_LENGTHS: Final = frozenset((b"content-length", b"transfer-encoding"))
_NO_BODY: Final = {"type": "http.response.body", "body": b""}


class Endpoint:
    """Takes reports in, or says why not.

    Args:
        table: resolves requests to targets.
        store: the group commit.
        held: the bound on bodies in memory.
        redis_watch: tells when Redis is full.
        shedder: tells which quotas are used up.
        refused: counts refusals.
        known_senders: tells senders apart.
        where: finds the address of a sender.
        rates: tells which address sends too much.
        settings: the limits on bodies.
    """

    def __init__(  # noqa: PLR0913 - the parts that a request passes, each tested alone
        self,
        *,
        table: targets.TargetTable,
        store: intake.Intake,
        held: in_flight.HeldBytes,
        redis_watch: redis_poller.Watch,
        shedder: shedding.Shedder,
        refused: refusal_counter.Tally,
        known_senders: senders.Senders,
        where: addresses.Addresses,
        rates: addresses.Rates,
        settings: config.EdgeConfig,
    ) -> None:
        self._table = table
        self._store = store
        self._held = held
        self._watch = redis_watch
        self._shedder = shedder
        self._refused = refused
        self._senders = known_senders
        self._addresses = where
        self._rates = rates
        self._settings = settings
        self._inflations = fair_turns.Turns()

    def __call__(self, scope: Scope, receive: uploads.Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Answer one request."""
        if scope["method"] == "POST":
            return self._post(scope, receive, send)
        return self._answer_other_method(scope, receive, send)

    async def _post(self, scope: Scope, receive: uploads.Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        target = self._table.find(scope["path"], scope["query_string"], headers.get(b"x-sentry-auth", b""))
        upload = self.upload(receive)
        try:
            receipt = await self._take(target, scope, headers, upload)
        except refusals.RefusedError as error:
            refusal = error.refusal
        except Exception:  # noqa: BLE001 - the last line of defence: no sender goes without CORS headers
            _log.exception("request_failed")
            refusal = refusals.INTERNAL
        else:
            await send(_accepted(receipt))
            await send(_NO_BODY)
            return
        # Out here the error is gone, and with it the body, which its traceback refers to.
        await self._refuse(refusal, target, scope, upload, send)

    async def _answer_other_method(self, scope: Scope, receive: uploads.Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS" and targets.is_route(scope["path"]):
            await send(_PREFLIGHT)
            await send(_NO_BODY)
            if not _LENGTHS.isdisjoint(dict(scope["headers"])):
                await self.upload(receive).discard(expects_continue=False)
            return
        refusal = refusals.METHOD if targets.is_route(scope["path"]) else refusals.NO_ROUTE
        await self._refuse(refusal, targets.NOWHERE, scope, self.upload(receive), send)

    def upload(self, receive: uploads.Receive) -> uploads.Upload:
        """Return the body of a request, which comes in this way."""
        return uploads.Upload(receive, self._held, self._settings.max_body_bytes, self._settings.body_timeout)

    async def _take(
        self, target: targets.Target, scope: Scope, headers: dict[bytes, bytes], upload: uploads.Upload
    ) -> str:
        """Read, check and store the body of a request, and return its receipt; "" for one that is shed.

        Raises:
            RefusedError: whatever is wrong with it.
        """
        address, known = self._addresses.of(scope, headers)
        if known and self._rates.limited and self._rates.exceeds(address):
            raise refusals.RefusedError(refusals.ADDRESS)
        if target.refusal is not None:
            raise refusals.RefusedError(self._current(target.refusal))
        if target.origins is not None:
            _require_origin(target.origins, headers)
        if self._watch.full:
            raise refusals.RefusedError(refusals.HIGH_WATER)
        content_type = headers.get(b"content-type", b"")
        limit = self._shedder.limit_on(target) if self._shedder.limits else None
        if limit is not None and not coding.is_upload(content_type):
            raise refusals.RefusedError(self._shedder.refusal_of(limit))
        coding.require_media_type(content_type)
        content_encoding = headers.get(b"content-encoding", b"")
        if content_encoding:
            coding.require_coding(content_encoding)
        content = await upload.read(headers.get(b"content-length", b""))
        if content_encoding:
            await self._inflations.take()
            content = coding.inflate(content, content_encoding, self._settings.max_body_bytes)
        _require_json(content)
        if limit is not None:
            self._refused.count_shed(limit.reason, target, lenient.count_items(content))
            return ""
        user_agent = headers.get(b"user-agent", b"")
        payload = envelope.Payload(
            project_id=target.project_id,
            key=target.key,
            environment=target.environment,
            release=target.release,
            user_agent=user_agent[: envelope.MAX_USER_AGENT].decode("latin-1"),
            content_type=content_type[: envelope.MAX_CONTENT_TYPE].decode("latin-1"),
            flags=target.flags,
            body=content,
            sender=self._senders.of(
                address if known or self._addresses.is_direct(headers) else "", content_type, user_agent
            ),
        )
        return await self._store.store(target.shard, payload)

    def _current(self, refusal: refusals.Refusal) -> refusals.Refusal:
        """Return a refusal, or a temporary one while the key may be of a registry that cannot be seen."""
        unsure = refusal is refusals.UNKNOWN_KEY and not self._watch.reachable
        return refusals.UNSURE if unsure else refusal

    async def _refuse(
        self,
        refusal: refusals.Refusal,
        target: targets.Target,
        scope: Scope,
        upload: uploads.Upload,
        send: Send,
    ) -> None:
        self._refused.count(refusal, target)
        start, content = refusal.messages
        await send(start)
        await send(_NO_BODY if scope["method"] == "HEAD" else content)
        await upload.discard(expects_continue=b"expect" in dict(scope["headers"]))


def _require_origin(allowed: origins.Patterns, headers: dict[bytes, bytes]) -> None:
    if not allowed.allow_request(headers.get(b"origin", b""), headers.get(b"referer", b"")):
        raise refusals.RefusedError(refusals.ORIGIN)


def _require_json(content: bytes) -> None:
    try:
        lenient.require_container(content)
    except lenient.NotJSONError as error:
        raise refusals.RefusedError(refusals.NOT_JSON) from error


def _accepted(receipt: str) -> dict[str, Any]:
    headers = [*_ACCEPTED_HEADERS]
    if receipt:
        headers.append((b"x-headrace-receipt", receipt.encode()))
    return {"type": "http.response.start", "status": 200, "headers": headers}
