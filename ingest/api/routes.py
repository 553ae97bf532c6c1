"""The routes: every path of the edge, and the resource behind it."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final, Protocol

import falcon.routing

if TYPE_CHECKING:
    from falcon import Request

PREFIX: Final = "/api/"
"""The beginning of each path that takes reports."""
REPORTS: Final = tuple(
    f"{PREFIX}{{project_id:project_id}}/{alias}{slash}"
    for alias in ("security", "csp-report", "nel")
    for slash in ("/", "")
)
HEALTHZ: Final = "/healthz"
READYZ: Final = "/readyz"

_PROJECT_ID: Final = re.compile(r"[1-9][0-9]{0,19}")
_EMPTY_SEGMENT: Final = re.compile(r"/+" + PREFIX)
_CACHED: Final = 4096
"""Paths in the cache: more than the sites of one installation send to in earnest."""
_LONGEST_CACHED: Final = 64
"""Characters of a path in the cache; those that reports are sent to have 37 at most."""


class ProjectIdConverter(falcon.routing.BaseConverter):
    """Reads the id of a project: a decimal number from 1 on, of up to 20 digits, without leading zeros."""

    def convert(self, value: str) -> int | None:
        """Return the id; None if this is none."""
        return int(value) if _PROJECT_ID.fullmatch(value) else None


Route = tuple[object, dict[str, Any], dict[str, Any], str | None]
"""A resource, its responders by method, the parameters of the path, and the template that it matches."""


class EdgeRouter(falcon.routing.CompiledRouter):
    """Falcon's router with the edge's converter, for resources that answer every method themselves.

    It caches routes by path, because the sites of one installation send to few paths.
    """

    def __init__(self) -> None:
        super().__init__()
        self.options.converters["project_id"] = ProjectIdConverter
        self.options.default_to_on_request = True
        self._cached = functools.lru_cache(_CACHED)(self._search)

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:  # noqa: ANN401 - Falcon's own
        """Add a route, also for a path that was asked for before."""
        super().add_route(uri_template, resource, **kwargs)
        self._cached.cache_clear()

    def find(self, uri: str, req: Request | None = None) -> Route | None:  # noqa: ARG002 - Falcon passes it
        """Return the route of a path; None if there is none."""
        return self._cached(uri) if len(uri) <= _LONGEST_CACHED else self._search(uri)

    def _search(self, uri: str) -> Route | None:
        """Return the route of a path.

        Falcon drops all slashes that a path begins with. No report goes to ``//api/…``: that is another
        path (RFC 3986 §3.3).
        """
        return None if _EMPTY_SEGMENT.match(uri) else super().find(uri)


class TakesRoutes(Protocol):
    """A Falcon application, or a router alone."""

    def add_route(self, uri_template: str, resource: object) -> None:
        """Add a route."""


def declare(app: TakesRoutes, *, reports: object, healthz: object, readyz: object) -> None:
    """Add all routes to an application."""
    for template in REPORTS:
        app.add_route(template, reports)
    app.add_route(HEALTHZ, healthz)
    app.add_route(READYZ, readyz)
