"""The CORS headers are those that browsers look at."""

from __future__ import annotations

from ingest import cors, refusals


def test_every_response_allows_any_origin() -> None:
    headers = dict(cors.EVERY_RESPONSE)
    assert headers[b"access-control-allow-origin"] == b"*"
    assert b"X-Headrace-Receipt" in headers[b"access-control-expose-headers"]
    assert b"Retry-After" in headers[b"access-control-expose-headers"]


def test_a_preflight_allows_post_with_a_content_type() -> None:
    headers = dict(cors.PREFLIGHT)
    assert headers[b"access-control-allow-origin"] == b"*"
    assert headers[b"access-control-allow-methods"] == b"POST"
    assert b"content-type" in headers[b"access-control-allow-headers"].split(b", ")
    assert int(headers[b"access-control-max-age"]) > 0


def test_names_are_lower_case_as_asgi_demands() -> None:
    for refusal in vars(refusals).values():
        if isinstance(refusal, refusals.Refusal):
            assert all(name == name.lower() for name, _ in (*refusal.headers, *cors.PREFLIGHT))
