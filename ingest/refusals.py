"""The catalogue of refusals: status, reason for the statistics, sentence for a person.

Answers are built once, when this module is imported: a flood of refusals then costs no encoding.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec

_LATER: Final = {"retry_after": "5"}
"""When to come back, in seconds: Redis may restart meanwhile, and Chrome keeps a report for 15 minutes."""


class Refusal:
    """One way to say no.

    Args:
        status: the HTTP status.
        reason: the word under which it is counted, in the column ``reason`` of ``outcomes``.
        detail: one sentence for a person. It never quotes the request.
        headers: what the answer carries beside the CORS headers and those of its body.

    Attributes:
        content: the body of the answer.
    """

    __slots__ = ("content", "headers", "reason", "status")

    def __init__(self, status: HTTPStatus, reason: str, detail: str, **headers: str) -> None:
        self.status: Final = status
        self.reason: Final = reason
        self.content: Final = msgspec.json.encode({"detail": detail})
        self.headers: Final = {
            **{name.replace("_", "-"): value for name, value in headers.items()},
            "content-type": "application/json",
        }


class RefusedError(Exception):
    """The request is answered with a refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


NO_ROUTE: Final = Refusal(HTTPStatus.NOT_FOUND, "no_route", "There is nothing at this address.")
METHOD: Final = Refusal(
    HTTPStatus.METHOD_NOT_ALLOWED,
    "method",
    "This address does not take that method.",
    allow="POST, OPTIONS",
)
NO_KEY: Final = Refusal(
    HTTPStatus.UNAUTHORIZED,
    "no_key",
    "The public key is missing: put it into the query as sentry_key, or into the header X-Sentry-Auth.",
)
UNKNOWN_KEY: Final = Refusal(
    HTTPStatus.FORBIDDEN, "unknown_key", "This public key is not one of this project's."
)
UNSURE: Final = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "unsure",
    "Whether this public key is new cannot be told at present.",
    **_LATER,
)
DISABLED_KEY: Final = Refusal(HTTPStatus.FORBIDDEN, "disabled_key", "This public key was disabled.")
EXPIRED_KEY: Final = Refusal(HTTPStatus.FORBIDDEN, "expired_key", "This public key was replaced by another.")
ORIGIN: Final = Refusal(HTTPStatus.FORBIDDEN, "origin", "This project takes no reports from this origin.")
DISABLED: Final = Refusal(HTTPStatus.FORBIDDEN, "disabled", "This project takes no reports at present.")
RETIRED: Final = Refusal(HTTPStatus.GONE, "retired", "This project was retired: stop reporting here.")
EMPTY: Final = Refusal(HTTPStatus.BAD_REQUEST, "empty", "The body is empty.")
NOT_JSON: Final = Refusal(HTTPStatus.BAD_REQUEST, "not_json", "The body is no JSON object or array.")
CORRUPT: Final = Refusal(
    HTTPStatus.BAD_REQUEST, "corrupt", "The body is not what its Content-Encoding says, or is cut short."
)
INCOMPLETE: Final = Refusal(
    HTTPStatus.REQUEST_TIMEOUT, "incomplete", "The body did not arrive whole in time."
)
TOO_LARGE: Final = Refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "The body is longer than this server takes."
)
MEDIA_TYPE: Final = Refusal(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media_type", "No report has this Content-Type."
)
ENCODING: Final = Refusal(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "encoding",
    "The Content-Encoding must be one of gzip, deflate, br and zstd, applied once.",
)
ADDRESS: Final = Refusal(
    HTTPStatus.TOO_MANY_REQUESTS,
    "address",
    "Too many requests come from this address.",
    **_LATER,
)
INTERNAL: Final = Refusal(
    HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "The server made a mistake; the report is not stored."
)
NO_REGISTRY: Final = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "no_registry",
    "The project registry is not loaded yet.",
    **_LATER,
)
HIGH_WATER: Final = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "high_water",
    "The queue is full: try again later.",
    **_LATER,
)
BUSY: Final = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "busy",
    "This server holds all the reports it can.",
    **_LATER,
)
UNAVAILABLE: Final = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "unavailable",
    "The queue did not confirm the report.",
    **_LATER,
)

MALFORMED: Final = Refusal(HTTPStatus.BAD_REQUEST, "malformed", "This is not a well-formed HTTP request.")
LONG_TARGET: Final = Refusal(HTTPStatus.REQUEST_URI_TOO_LONG, "long_target", "The address is too long.")
LARGE_HEADERS: Final = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "large_headers", "The request's headers are too large."
)
TRANSFER_CODING: Final = Refusal(
    HTTPStatus.NOT_IMPLEMENTED, "transfer_coding", "Of the transfer codings only chunked is supported."
)
