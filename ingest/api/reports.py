"""The reporting endpoint: what happens to a report from its request to its receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import falcon

from ingest import cors, refusals
from ingest.backend import senders
from ingest.body import coding, inflation_gate
from storage.queue import envelope, reach
from storage.text import charsets, lenient

if TYPE_CHECKING:
    from ingest.api import request as requests
    from ingest.api import response as responses
    from ingest.backend import intake, refusal_counter
    from ingest.checks import admission

RECEIPT: Final = "x-headrace-receipt"
"""The header that carries the receipt."""


class SecurityReports:
    """``POST`` takes one report, or an upload of several, and ``OPTIONS`` answers browsers' preflights.

    Args:
        checks: the checks before a body is read.
        store: the group commit.
        counter: counts the reports that a quota keeps out.
        known_senders: hashes senders.
        max_body_bytes: longest body, after inflating.
    """

    def __init__(
        self,
        checks: admission.Checks,
        store: intake.Intake,
        counter: refusal_counter.RefusalCounter,
        known_senders: senders.Senders,
        max_body_bytes: int,
    ) -> None:
        self._checks = checks
        self._store = store
        self._counter = counter
        self._senders = known_senders
        self._max_body_bytes = max_body_bytes
        self._inflations = inflation_gate.InflationGate()

    async def on_post(
        self, request: requests.EdgeRequest, response: responses.EdgeResponse, project_id: int
    ) -> None:
        """Answer 200 once the report is stored, or is counted because a quota keeps it out.

        Raises:
            RefusedError: a check failed, the body is no report, or Redis did not confirm that it is stored.
        """
        fields = request.fields
        target = request.target = self._checks.find_target(project_id, request.query, fields)
        admitted = self._checks.admit(target, request.scope, fields)
        content = await request.body.read(fields.get(b"content-length", b""))
        content_encoding = fields.get(b"content-encoding")
        if content_encoding:
            await self._inflations.enter()
            content = coding.inflate(content, content_encoding, self._max_body_bytes)
        charset = charsets.codec_of(
            fields.get(b"content-type", b"")[: envelope.MAX_CONTENT_TYPE].decode("latin-1")
        )
        _require_json(content, charset)
        response.data = b""
        if admitted.used_up is not None:
            self._counter.count_shed(admitted.used_up.reason, target, lenient.count_items(content, charset))
            return
        payload = self._payload(request, admitted, content)
        response.set_header(RECEIPT, await self._store.store(target.stream, payload))

    async def on_options(
        self, _request: requests.EdgeRequest, response: responses.EdgeResponse, **_project_id: int
    ) -> None:
        """Answer a preflight."""
        response.status = falcon.HTTP_204
        response.set_headers(cors.PREFLIGHT)

    async def on_request(
        self, _request: requests.EdgeRequest, _response: responses.EdgeResponse, **_project_id: int
    ) -> None:
        """Refuse any other method.

        Raises:
            RefusedError: always.
        """
        raise refusals.RefusedError(refusals.METHOD)

    async def refuse_path(self, request: requests.EdgeRequest, _response: responses.EdgeResponse) -> None:
        """Refuse a path that has no route; a ``POST`` counts for the rate of its address nevertheless.

        Raises:
            RefusedError: always.
        """
        if request.method == "POST":
            self._checks.require_rate(request.scope, request.fields)
        raise refusals.RefusedError(refusals.NO_ROUTE)

    def _payload(
        self, request: requests.EdgeRequest, admitted: admission.Admission, content: bytes
    ) -> envelope.Payload:
        """Return what is stored: the body, and what the edge knows of its sender."""
        target, fields = request.target, request.fields
        user_agent, content_type = fields.get(b"user-agent", b""), fields.get(b"content-type", b"")
        sender = self._senders.find(admitted.address, user_agent, target.project_id)
        return envelope.Payload(
            project_id=target.project_id,
            key=target.key,
            environment=target.environment,
            release=target.release,
            user_agent=user_agent[: envelope.MAX_USER_AGENT].decode("latin-1"),
            content_type=content_type[: envelope.MAX_CONTENT_TYPE].decode("latin-1"),
            flags=target.flags,
            body=content,
            sender=sender.digest if content_type.startswith(senders.RETRIED) else 0,
            slot=sender.slot if admitted.direct else reach.UNKNOWN,
        )


def _require_json(content: bytes, charset: str) -> None:
    try:
        lenient.require_container(content, charset)
    except lenient.NotJSONError as error:
        raise refusals.RefusedError(refusals.NOT_JSON) from error
