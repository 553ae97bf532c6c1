"""Tells senders apart without remembering who they are, so that what one of them sends again can be known.

Only browsers that try an upload again are told apart; they name ``application/reports+json``. An address is
never stored: what leaves this module is a hash under a secret that changes each day. A retry across midnight
(UTC) therefore comes from somebody else, and is counted twice.
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
"""Also finds out that Redis was emptied, so that all edges hash by the same secret again."""


class Senders:
    """Hashes the senders of this process.

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
        """Take the secret again and again, until cancelled."""
        while True:
            await asyncio.sleep(_CHECK_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Take the secret of the day; while Redis is away the last one serves, or none."""
        day = int(self._clock()) // sender_secret.DAY_S
        with contextlib.suppress(errors.RedisUnavailableError, TimeoutError):
            async with asyncio.timeout(self._timeout):
                self._secret = await sender_secret.load(self._client, day)

    def of(self, address: str, content_type: bytes, user_agent: bytes) -> int:
        """Return the sender of a request; 0 for one that sends nothing twice, or that cannot be told apart.

        Args:
            address: the sender's; "" when it is not known, as behind a proxy that nobody told us of: all who
                use the same browser would be one.
            content_type: of the request.
            user_agent: of the request.
        """
        if not address or not self._secret or not content_type.startswith(RETRIED):
            return 0
        who = address.encode() + b"\0" + user_agent
        return int.from_bytes(hashlib.blake2b(who, digest_size=8, key=self._secret).digest()) or 1
