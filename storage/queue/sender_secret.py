"""The secret under which senders are hashed: one for each day, the same at every edge, and then forgotten.

A sender is an address, a user agent and a project (``ingest.backend.senders``).

Without the secret a hash says nothing about an address. With it, an operator of Redis could try all
addresses: so the secret never leaves Redis and the edges, and expires a day after the day it is for.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

import redis.asyncio

from storage import errors
from storage.servers import redis_errors

if TYPE_CHECKING:
    import redis.exceptions

DAY_S: Final = 86_400
_BYTES: Final = 16


async def load(client: redis.asyncio.Redis, day: int) -> bytes:
    """Return the secret of a day; the first edge that asks makes it up.

    Args:
        client: the edge's client.
        day: number of the day (UTC) since the epoch.

    Raises:
        RedisUnavailableError: Redis did not answer, has no room, or holds something else than a secret.
    """
    name = f"headrace:senders:{day}"
    with redis_errors.translated("did not give the secret"):
        await client.set(name, secrets.token_bytes(_BYTES), nx=True, ex=2 * DAY_S)
        secret: Any = await client.get(name)
    if secret is None:
        raise errors.RedisUnavailableError("Redis lost the secret at once.")
    if len(secret) != _BYTES:
        raise errors.RedisUnavailableError(f"Redis holds no secret of {_BYTES} bytes in {name}.")
    return bytes(secret)
