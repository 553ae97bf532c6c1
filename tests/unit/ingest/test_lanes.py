"""What both lanes do when the edge itself is at fault."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import falcon
import pytest
import structlog.testing

from ingest import app, config

if TYPE_CHECKING:
    from falcon import asgi

UNREACHABLE = config.EdgeConfig(redis_url="redis://127.0.0.1:1/0")


class Broken:
    """A resource with a bug."""

    async def on_get(self, _request: asgi.Request, _response: asgi.Response) -> None:
        raise RuntimeError("secret")

    async def on_put(self, _request: asgi.Request, _response: asgi.Response) -> None:
        raise falcon.HTTPBadRequest(title="secret")


def request(edge: app.EdgeApp, method: str, path: str) -> tuple[int, dict[bytes, bytes], bytes]:
    """Send one request without a body; return status, headers and body of the answer."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(edge(scope, receive, send))
    start, body = sent
    return start["status"], dict(start["headers"]), body["body"]


@pytest.mark.parametrize(("method", "status"), [("GET", 500), ("PUT", 400), ("POST", 405)])
def test_falcon_answers_in_the_words_of_the_catalogue(
    method: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    edge = app.create_app(UNREACHABLE)
    edge.add_route("/broken", Broken())
    answered, headers, body = request(edge, method, "/broken")
    assert answered == status
    assert headers[b"access-control-allow-origin"] == b"*"
    assert body.startswith(b'{"detail":"')
    assert b"secret" not in body
    assert ("secret" in caplog.text) == (status == 500)


def test_the_endpoint_answers_500_and_keeps_the_reason_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    edge = app.create_app(UNREACHABLE)

    async def broken(*_: object) -> str:
        raise RuntimeError("secret")

    monkeypatch.setattr("ingest.api.reports.Endpoint._take", broken)
    with structlog.testing.capture_logs() as logs:
        status, headers, body = request(edge, "POST", "/api/1/security/")
    assert status == 500
    assert headers[b"access-control-allow-origin"] == b"*"
    assert b"secret" not in body
    assert [entry["event"] for entry in logs] == ["request_failed"]


def test_without_a_registry_every_report_is_refused_for_now() -> None:
    status, headers, _ = request(app.create_app(UNREACHABLE), "POST", "/api/1/security/")
    assert status == 503
    assert headers[b"retry-after"].isdigit()
