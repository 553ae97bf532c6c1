"""The health checks, for balancers and orchestrators: is the process up, and can it take reports?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import falcon

if TYPE_CHECKING:
    from falcon import asgi

    from ingest.checks import redis_state, targets


class Healthz:
    """``GET /healthz``: the process is up."""

    async def on_get(self, _request: asgi.Request, response: asgi.Response) -> None:
        """Answer 200."""
        response.media = {"status": "ok"}


class Readyz:
    """``GET /readyz``: the registry is loaded, and Redis answers and has room.

    It costs no round trip: it tells the state of the last poll.
    """

    def __init__(self, table: targets.TargetTable, redis: redis_state.RedisState) -> None:
        self._table = table
        self._redis = redis

    async def on_get(self, _request: asgi.Request, response: asgi.Response) -> None:
        """Answer 200, or 503 with the reason."""
        obstacle = self._obstacle()
        response.media = {"detail": obstacle} if obstacle else {"status": "ready"}
        if obstacle:
            response.status = falcon.HTTP_503

    def _obstacle(self) -> str:
        if not self._redis.reachable:
            return "Redis does not answer."
        if not self._table.loaded:
            return "The project registry is not loaded yet."
        if self._redis.full:
            return "Redis' memory is above the high-water mark."
        return ""
