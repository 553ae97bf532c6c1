"""A request of the edge is a request of Falcon, and computes what is asked of it."""

from __future__ import annotations

from typing import Any

import falcon.asgi
import pytest

from ingest.api import request
from ingest.checks import targets

SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.4"},
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": "/api/1/security/",
    "query_string": b"sentry_key=k&a=1&a=2&empty=&x=%C3%A4",
    "headers": [
        (b"host", b"edge:8000"),
        (b"content-type", b"application/csp-report; x=\xe9"),
        (b"content-length", b"12"),
        (b"user-agent", b"first"),
        (b"user-agent", b"last"),
        (b"cookie", b"a=b"),
    ],
}


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


@pytest.fixture
def asked() -> request.EdgeRequest:
    return request.EdgeRequest(SCOPE, receive)  # type: ignore[arg-type] # any ``receive`` will do


READ = [
    "content_length",
    "content_type",
    "cookies",
    "host",
    "is_websocket",
    "media",
    "method",
    "params",
    "path",
    "port",
    "query_string",
    "relative_uri",
    "remote_addr",
    "uri",
    "uri_template",
    "url",
]


@pytest.mark.parametrize("name", READ)
def test_it_says_what_falcons_own_says(asked: request.EdgeRequest, name: str) -> None:
    own = falcon.asgi.Request(SCOPE, receive)
    if name == "media":
        assert type(asked.stream) is type(own.stream)
    else:
        assert getattr(asked, name) == getattr(own, name)


def test_parameters_and_headers_are_read_when_they_are_asked_for(asked: request.EdgeRequest) -> None:
    assert (asked.get_param("sentry_key"), asked.get_param_as_list("a")) == ("k", ["1", "2"])
    assert asked.get_param("empty") == ""
    assert asked.get_header("Content-Length") == "12"
    assert asked.params is asked.params


def test_a_context_is_there_for_who_wants_one(asked: request.EdgeRequest) -> None:
    asked.context.seen = True
    assert asked.context.seen


def test_of_headers_that_are_repeated_the_last_one_counts(asked: request.EdgeRequest) -> None:
    assert asked.fields[b"user-agent"] == b"last"
    assert asked.user_agent == "last"


def test_falcon_joins_headers_that_are_repeated() -> None:
    repeated = [
        (b"accept", b"text/html"),
        (b"accept", b"application/json"),
        (b"x-forwarded-for", b"192.0.2.1"),
    ]
    scope = {**SCOPE, "headers": [*repeated, (b"x-forwarded-for", b"192.0.2.2")]}
    asked = request.EdgeRequest(scope, receive)  # type: ignore[arg-type] # any ``receive`` will do
    own = falcon.asgi.Request(scope, receive)
    assert (asked.accept, asked.headers) == (own.accept, own.headers)
    assert asked.access_route == own.access_route
    assert asked.fields[b"accept"] == b"application/json"


def test_it_belongs_nowhere_until_it_is_resolved(asked: request.EdgeRequest) -> None:
    assert asked.target is targets.NOWHERE


def test_what_no_request_has_is_missing(asked: request.EdgeRequest) -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        asked.nonsense  # noqa: B018 - the access is what is tested


def test_nothing_that_falcon_sets_is_left_out(asked: request.EdgeRequest) -> None:
    own = falcon.asgi.Request(SCOPE, receive, options=asked.options)
    slots = {slot for cls in falcon.asgi.Request.__mro__ for slot in getattr(cls, "__slots__", ())}
    named = {name for name in slots - {"__dict__"} if hasattr(own, name)}
    assert [name for name in sorted(named) if not hasattr(asked, name)] == []
