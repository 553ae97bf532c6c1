"""The CORS headers, as constants: every origin may report, and nothing of a request is reflected.

Firefox sends a report three times more when the answer to its POST lacks ``Access-Control-Allow-Origin``,
whatever the status, so the headers belong on errors too.
"""

from __future__ import annotations

from typing import Final

EVERY_RESPONSE: Final = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "X-Headrace-Receipt, Retry-After, X-Sentry-Rate-Limits",
}
"""Part of every response of the edge, whatever its status."""

PREFLIGHT: Final = {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "content-type, content-encoding, x-requested-with, x-sentry-auth",
    "access-control-max-age": "86400",  # the longest that Firefox honours; Chrome's uploader caches none
}
"""Also part of the answer to an ``OPTIONS`` request (Fetch §3.2.3): it allows the headers of reporters."""
