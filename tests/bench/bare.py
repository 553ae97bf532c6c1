"""The yardstick of the edge: a Falcon application with one route that reads the body and answers 204."""

from __future__ import annotations

from typing import TYPE_CHECKING

import falcon.asgi

if TYPE_CHECKING:
    from falcon.asgi import Request, Response


class Bare:
    """Reads the whole request, as any server must, and does nothing with it."""

    async def on_post(self, request: Request, response: Response, project_id: int) -> None:  # noqa: ARG002 - the route names it
        """Answer 204."""
        await request.stream.read()
        response.status = falcon.HTTP_204


app = falcon.asgi.App()
app.add_route("/api/{project_id}/security/", Bare())
