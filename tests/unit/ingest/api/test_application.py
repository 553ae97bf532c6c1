"""What the application answers when the edge itself is at fault, and what it asks of a sender."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

import falcon
import pytest
import structlog.testing

from ingest import app, config
from ingest.api import application, reports

if TYPE_CHECKING:
    from falcon import asgi

UNREACHABLE = config.EdgeConfig(redis_url="redis://127.0.0.1:1/0")
TARGET = "/api/1/security/"


class Broken:
    """A resource with a bug."""

    async def on_get(self, _request: asgi.Request, _response: asgi.Response) -> None:
        raise RuntimeError("secret")

    async def on_put(self, _request: asgi.Request, _response: asgi.Response) -> None:
        raise falcon.HTTPBadRequest(title="secret")


class Telling:
    """A resource as any Falcon developer writes one."""

    async def on_get(self, request: asgi.Request, response: asgi.Response) -> None:
        response.media = {"name": request.get_param("name")}

    async def on_post(self, request: asgi.Request, response: asgi.Response) -> None:
        response.text = (await request.stream.read()).decode()


class Refusing:
    """A resource whose responders raise Falcon's errors."""

    def __init__(self, error: falcon.HTTPError) -> None:
        self._error = error

    async def on_get(self, _request: asgi.Request, _response: asgi.Response) -> None:
        raise self._error


class Answer(NamedTuple):
    """What came back, and how many events of the body were asked for."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    asked: int


def ask(edge: application.EdgeApp, method: str, path: str, *pieces: bytes, query: bytes = b"") -> Answer:
    """Send one request, whose body comes in these pieces."""
    length = (b"content-length", str(sum(map(len, pieces))).encode())
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [length] if pieces else [],
    }
    sent: list[dict[str, Any]] = []
    left = list(pieces)
    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        body = left.pop(0) if left else b""
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(edge(scope, receive, send))
    start, body = sent
    return Answer(start["status"], dict(start["headers"]), body.get("body", b""), asked)


@pytest.mark.parametrize(("method", "status"), [("GET", 500), ("PUT", 400), ("POST", 405)])
def test_falcon_answers_in_the_words_of_the_catalogue(method: str, status: int) -> None:
    edge = app.create_app(UNREACHABLE)
    edge.add_route("/broken", Broken())
    with structlog.testing.capture_logs() as logs:
        answer = ask(edge, method, "/broken")
    assert answer.status == status
    assert answer.headers[b"access-control-allow-origin"] == b"*"
    assert answer.body.startswith(b'{"detail":"')
    assert b"secret" not in answer.body
    assert [entry["event"] for entry in logs] == (["request_failed"] if status == 500 else [])


def test_the_endpoint_answers_500_and_keeps_the_reason_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    edge = app.create_app(UNREACHABLE)

    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("ingest.checks.admission.Checks.admit", broken)
    with structlog.testing.capture_logs() as logs:
        answer = ask(edge, "POST", TARGET)
    assert answer.status == 500
    assert answer.headers[b"access-control-allow-origin"] == b"*"
    assert b"secret" not in answer.body
    assert [entry["event"] for entry in logs] == ["request_failed"]


def test_without_a_registry_every_report_is_refused_for_now() -> None:
    answer = ask(app.create_app(UNREACHABLE), "POST", TARGET)
    assert answer.status == 503
    assert answer.headers[b"retry-after"].isdigit()


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PROPFIND", "NONSENSE", "WEBSOCKET"])
def test_every_other_method_is_told_which_are_taken(method: str) -> None:
    answer = ask(app.create_app(UNREACHABLE), method, TARGET)
    assert (answer.status, answer.headers[b"allow"]) == (405, b"POST, OPTIONS")
    assert (answer.body == b"") == (method == "HEAD")


def test_health_is_told_in_json_and_takes_no_report() -> None:
    edge = app.create_app(UNREACHABLE)
    told = ask(edge, "GET", "/healthz")
    assert (told.status, told.headers[b"content-type"]) == (200, b"application/json")
    refused = ask(edge, "POST", "/healthz")
    assert (refused.status, refused.headers[b"allow"]) == (405, b"GET, OPTIONS")


def test_a_preflight_has_no_body() -> None:
    answer = ask(app.create_app(UNREACHABLE), "OPTIONS", TARGET)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers.keys() == {
        b"access-control-allow-origin",
        b"access-control-expose-headers",
        b"access-control-allow-methods",
        b"access-control-allow-headers",
        b"access-control-max-age",
    }


@pytest.mark.parametrize("path", ["/refusing", "/api/refusing"])
@pytest.mark.parametrize(
    "error",
    [
        falcon.HTTPBadRequest(title="secret"),
        falcon.HTTPInvalidParam("secret", "name"),
        falcon.HTTPUnauthorized(challenges=["Basic"]),
        falcon.HTTPTooManyRequests(retry_after=7),
        falcon.HTTPServiceUnavailable(retry_after=7),
    ],
)
def test_falcons_errors_keep_their_status_and_headers(error: falcon.HTTPError, path: str) -> None:
    edge = app.create_app(UNREACHABLE)
    edge.add_route(path, Refusing(error))
    answer = ask(edge, "GET", path)
    assert answer.status == error.status_code
    headers = dict(error.headers or {})
    assert {name: answer.headers[name.lower().encode()].decode() for name in headers} == headers
    assert b"secret" not in answer.body


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "GET"])
def test_nothing_is_asked_for_that_does_not_come(method: str) -> None:
    assert ask(app.create_app(UNREACHABLE), method, TARGET).asked == 0


def test_the_rest_of_a_body_is_taken_after_the_answer() -> None:
    assert ask(app.create_app(UNREACHABLE), "POST", TARGET, b"a", b"b", b"c").asked == 3


def test_other_resources_use_falcon_as_they_like() -> None:
    edge = app.create_app(UNREACHABLE)
    edge.add_route("/telling", Telling())
    told = ask(edge, "GET", "/telling", query=b"name=a%20b")
    assert (told.body, told.headers[b"content-type"]) == (b'{"name": "a b"}', b"application/json")
    assert ask(edge, "POST", "/telling", b"ab", b"c").body == b"abc"


def test_a_receipt_is_named_as_the_cors_headers_expose_it() -> None:
    answer = ask(app.create_app(UNREACHABLE), "OPTIONS", TARGET)
    assert reports.RECEIPT.encode() in answer.headers[b"access-control-expose-headers"].lower()
