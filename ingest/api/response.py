"""The Falcon response of the edge: this is where every answer gets its CORS headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import falcon
import falcon.asgi

from ingest import cors

if TYPE_CHECKING:
    from falcon.response import ResponseOptions


class EdgeResponse(falcon.asgi.Response):
    """A response that lets a page of any origin read it."""

    def __init__(self, options: ResponseOptions | None = None) -> None:
        super().__init__(options)
        self._headers = cors.EVERY_RESPONSE.copy()  # as ``set_headers`` does, for a tenth of its time

    async def render_body(self) -> bytes | None:  # type: ignore[override] # Falcon overrides it so as well
        """Return the body; what is set as ``media`` becomes JSON, and what is empty has no media type."""
        if self._data is not None:
            return self._data
        if self.media is not None and not self.content_type:
            self.content_type = falcon.MEDIA_JSON
        return await super().render_body()
