"""What RFC 9163 §3 asks of a report server, over real HTTP, as Chrome 61 to 106 asked it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers import paths
from tests.integration.ingest import edges
from tests.integration.ingest.edges import TARGET

if TYPE_CHECKING:
    import httpx
    import redis

pytestmark = pytest.mark.integration

ORIGIN = {"Origin": "null"}
CONTENT_TYPE = "application/expect-ct-report+json; charset=utf-8"
REPORT: dict[str, Any] = {
    "date-time": "2021-06-01T12:00:00.123Z",
    "effective-expiration-date": "2021-07-01T12:00:00.000Z",
    "hostname": "www.example.com",
    "port": 443,
    "scts": [],
    "served-certificate-chain": [],
    "validated-certificate-chain": [],
}
UNPARSEABLE = [
    b"",
    b" ",
    b"null",
    b'"expect-ct-report"',
    b"\xff\xfe\xfd",
    b"expect-ct-report=1",
    b'{"expect-ct-report":{"hostname":"www.example.com"',
    b'{"expect-ct-report":{"hostname":"www.example.com"}}garbage',
    b'{"expect-ct-report":{"port":NaN}}',
    b"{'expect-ct-report':{}}",
    b"<expect-ct-report/>",
]
VECTORS = [json.loads(line) for line in (paths.DATA / "payloads.jsonl").read_text("utf-8").splitlines()]
GOOD = [vector for vector in VECTORS if vector["kind"] == "expect-ct" and vector["expect"]["status"] == "2xx"]


def send(http: httpx.Client, content: bytes, content_type: str | None = CONTENT_TYPE) -> httpx.Response:
    headers = ORIGIN if content_type is None else {**ORIGIN, "Content-Type": content_type}
    answer = http.post(TARGET, content=content, headers=headers)
    assert edges.has_cors(answer.headers)
    return answer


def test_the_preflight_lets_a_null_origin_post_its_content_type(http: httpx.Client) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = http.options(TARGET, headers={**ORIGIN, **asked})
    assert answer.is_success
    assert answer.headers["access-control-allow-origin"] in {"*", "null"}
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "content-type" in answer.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize("content_type", [CONTENT_TYPE, "application/expect-ct-report", "application/json"])
def test_a_report_is_taken_with_exactly_200(
    http: httpx.Client, redis_client: redis.Redis, content_type: str
) -> None:
    body = json.dumps({"expect-ct-report": REPORT}).encode()
    answer = send(http, body, content_type)
    assert (answer.status_code, answer.content) == (200, b"")
    assert edges.stored(redis_client, answer.headers["x-headrace-receipt"]).body == body


@pytest.mark.parametrize("vector", GOOD, ids=lambda vector: vector["id"])
def test_every_recorded_report_is_taken(http: httpx.Client, vector: dict[str, Any]) -> None:
    assert send(http, vector["body"].encode(), vector["content_type"]).status_code == 200


def test_a_test_report_is_taken(http: httpx.Client) -> None:
    body = json.dumps({"expect-ct-report": {**REPORT, "test-report": True}}).encode()
    assert send(http, body).status_code == 200


@pytest.mark.parametrize("body", UNPARSEABLE)
def test_what_no_parser_reads_is_refused(http: httpx.Client, body: bytes) -> None:
    assert 400 <= send(http, body).status_code < 500
