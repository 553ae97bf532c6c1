"""Tells senders apart without storing their addresses, for retries and for the reach of findings.

An address is never stored. A sender is a hash of address, user agent and project, under a secret that
changes each day. Half of the hash, the *digest*, lets the workers recognise a retry. The other half becomes
the *slot* of the sender in the reach sketches (``storage.queue.reach``), a number below 2000 that many
senders share. So nothing tells of a sender in another project, or on another day. A retry across midnight
(UTC) seems to come from another sender, and is counted twice; a sender that comes again the next day is one
of each day.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import struct
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from storage import errors
from storage.queue import envelope, reach, sender_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis.asyncio

RETRIED: Final = b"application/reports+json"
"""The media type of the uploads that browsers try again."""
_CHECK_S: Final = 10.0
"""Seconds between two reads of the secret: after Redis was emptied, all edges soon use the same one again."""
_MISSING_S: Final = 1.0
"""Seconds between two reads while the secret of the day is missing."""
_HALVES: Final = struct.Struct(">QQ")
"""The halves of a hash."""


class Sender(NamedTuple):
    """A sender: its hash of 64 bits, and its slot in the sketches of the day; both 0 if it is unknown."""

    digest: int
    slot: int


UNKNOWN: Final = Sender(0, reach.UNKNOWN)


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
        self._day = -1

    async def run(self) -> None:
        """Read the secret again and again, and at each midnight (UTC) the next one, until cancelled."""
        while True:
            await asyncio.sleep(self.wait_s())
            await self.refresh()

    async def refresh(self) -> None:
        """Read the secret of the day; while Redis is away the last one serves, or none."""
        day = int(self._clock()) // sender_secret.DAY_S
        with contextlib.suppress(errors.RedisUnavailableError, TimeoutError):
            async with asyncio.timeout(self._timeout):
                self._secret = await sender_secret.load(self._client, day)
                self._day = day

    def find(self, address: str, user_agent: bytes, project_id: int) -> Sender:
        """Return the sender of a request; ``UNKNOWN`` for one that cannot be told apart.

        Args:
            address: the sender's address; "" when it is not known, as behind a proxy that the settings do not
                name: all senders with the same browser would be one.
            user_agent: the request's ``User-Agent``; what is not kept of it does not count.
            project_id: the project of the request.
        """
        if not address or not self._secret:
            return UNKNOWN
        text = b"%d\0%b\0%b" % (project_id, address.encode(), user_agent[: envelope.MAX_USER_AGENT])
        hashed = hashlib.blake2b(text, digest_size=_HALVES.size, key=self._secret).digest()
        digest, other = _HALVES.unpack(hashed)
        return Sender(digest or 1, reach.slot_of(other))

    def wait_s(self) -> float:
        """Return the seconds until the secret is to be read again."""
        day, second = divmod(self._clock(), sender_secret.DAY_S)
        return min(_CHECK_S if day == self._day else _MISSING_S, sender_secret.DAY_S - second)
