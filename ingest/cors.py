"""The CORS headers, as constants: every origin may report, and nothing of a request is reflected.

Firefox sends a report three times more when the answer to its POST lacks ``Access-Control-Allow-Origin``,
whatever the status, so the headers belong on errors too.
"""

from __future__ import annotations

from typing import Final

Header = tuple[bytes, bytes]

EVERY_RESPONSE: Final[tuple[Header, ...]] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"X-Headrace-Receipt, Retry-After, X-Sentry-Rate-Limits"),
)
"""Part of every response of the edge, whatever its status."""

PREFLIGHT: Final[tuple[Header, ...]] = (
    *EVERY_RESPONSE,
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"content-type, content-encoding, x-requested-with, x-sentry-auth"),
    (b"access-control-max-age", b"86400"),  # the longest that Firefox honours; Chrome's uploader caches none
)
"""The answer to an ``OPTIONS`` request (Fetch §3.2.3): any origin, and the headers that reporters use."""
