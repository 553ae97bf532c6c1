"""The yardstick of the edge: the same server, and one Falcon route that reads the body and answers 204.

``python -m tests.bench.yardsticks.bare`` serves it under the gunicorn options of the edge, settings and all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import falcon
import falcon.asgi

from deploy import edge, settings

if TYPE_CHECKING:
    from falcon.asgi import Request, Response


class Bare:
    """Reads the whole request, as any server must, and does nothing with it."""

    async def on_post(self, request: Request, response: Response, **_path: str) -> None:
        """Answer 204."""
        await request.stream.read()
        response.status = falcon.HTTP_204


class Server(edge.EdgeServer):
    """The edge's gunicorn with another application."""

    def load(self) -> falcon.asgi.App[falcon.asgi.Request, falcon.asgi.Response]:
        """Build the application, in a worker."""
        app = falcon.asgi.App()
        app.add_route("/api/{project_id}/security/", Bare())
        return app


if __name__ == "__main__":
    Server(settings.load(), redis_url="").run()
