"""The CORS headers are those that browsers look at."""

from __future__ import annotations

from ingest import cors, refusals


def test_every_response_allows_any_origin() -> None:
    headers = cors.EVERY_RESPONSE
    assert headers["access-control-allow-origin"] == "*"
    assert "X-Headrace-Receipt" in headers["access-control-expose-headers"]
    assert "Retry-After" in headers["access-control-expose-headers"]


def test_a_preflight_allows_post_with_a_content_type() -> None:
    headers = cors.PREFLIGHT
    assert headers["access-control-allow-methods"] == "POST"
    assert "content-type" in headers["access-control-allow-headers"].split(", ")
    assert int(headers["access-control-max-age"]) > 0


def test_names_are_lower_case_as_asgi_demands() -> None:
    for refusal in vars(refusals).values():
        if isinstance(refusal, refusals.Refusal):
            assert all(
                name == name.lower() for name in (*refusal.headers, *cors.EVERY_RESPONSE, *cors.PREFLIGHT)
            )
