"""Where reports are taken, and where nothing is."""

from __future__ import annotations

import pytest

from ingest.api import routes


class Resource:
    """Stands for one of the edge."""


REPORTS, HEALTHZ, READYZ = Resource(), Resource(), Resource()


@pytest.fixture(scope="module")
def router() -> routes.EdgeRouter:
    made = routes.EdgeRouter()
    routes.declare(made, reports=REPORTS, healthz=HEALTHZ, readyz=READYZ)
    return made


@pytest.mark.parametrize("project_id", [1, 18446744073709551615])
@pytest.mark.parametrize("alias", ["security", "csp-report", "nel"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_reports_are_taken(router: routes.EdgeRouter, project_id: int, alias: str, slash: str) -> None:
    route = router.find(f"/api/{project_id}/{alias}{slash}")
    assert route is not None
    resource, methods, parameters, _ = route
    assert (resource, parameters) == (REPORTS, {"project_id": project_id})
    assert {"POST", "OPTIONS"} <= methods.keys()


@pytest.mark.parametrize(("path", "resource"), [("/healthz", HEALTHZ), ("/readyz", READYZ)])
def test_health_is_told(router: routes.EdgeRouter, path: str, resource: Resource) -> None:
    route = router.find(path)
    assert route is not None
    assert route[0] is resource


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/",
        "/api/1/",
        "/api/1/store/",
        "/api/0/security/",
        "/api/01/security/",
        "/api/-1/security/",
        "/api/x/security/",
        "/api/\u0661/security/",
        "/api/1/security//",
        "/api//security/",
        "/api/1/security/x",
        "/x/api/1/security/",
        "/api/1/security\n",
        "/api/1\n/security/",
        "/api/" + "1" * 21 + "/security/",
        "//api/1/security/",
        "///api/1/nel",
        "*",
    ],
)
def test_everything_else_is_no_route(router: routes.EdgeRouter, path: str) -> None:
    assert router.find(path) is None
