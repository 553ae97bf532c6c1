"""Tells senders apart without storing their addresses, so that the workers can recognise a retry.

Only browsers that try an upload again are told apart; they name ``application/reports+json``. An address is
never stored: this module returns a hash under a secret that changes each day. A retry across midnight (UTC)
therefore seems to come from another sender, and is counted twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from typing import TYPE_CHECKING, Final

from storage import errors
from storage.queue import sender_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis.asyncio

RETRIED: Final = b"application/reports+json"
"""The media type of the uploads that browsers try again."""
_CHECK_S: Final = 10.0
"""Seconds between two reads of the secret: after Redis was emptied, all edges soon use the same one again."""


class Senders:
    """Hashes the senders of requests.

    Args:
        client: the Redis that holds the secret.
        timeout: seconds that Redis may take for it.
        clock: seconds since the epoch.
    """

    def __init__(
        self, client: redis.asyncio.Redis, timeout: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = client
        self._timeout = timeout
        self._clock = clock
        self._secret = b""

    async def run(self) -> None:
        """Read the secret again and again, until cancelled."""
        while True:
            await asyncio.sleep(_CHECK_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Read the secret of the day; while Redis is away the last one serves, or none."""
        day = int(self._clock()) // sender_secret.DAY_S
        with contextlib.suppress(errors.RedisUnavailableError, TimeoutError):
            async with asyncio.timeout(self._timeout):
                self._secret = await sender_secret.load(self._client, day)

    def hash_of(self, address: str, content_type: bytes, user_agent: bytes) -> int:
        """Return the hash of a request's sender; 0 for one that tries nothing again, or cannot be told apart.

        Args:
            address: the sender's address; "" when it is not known, as behind a proxy that the settings do not
                name: all senders with the same browser would be one.
            content_type: the request's ``Content-Type``.
            user_agent: the request's ``User-Agent``.
        """
        if not address or not self._secret or not content_type.startswith(RETRIED):
            return 0
        sender = address.encode() + b"\0" + user_agent
        return int.from_bytes(hashlib.blake2b(sender, digest_size=8, key=self._secret).digest()) or 1
