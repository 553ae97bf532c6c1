"""The HTTP contract, over real HTTP: what is taken, what is refused, and what every answer carries."""

from __future__ import annotations

import concurrent.futures
import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import brotli  # type: ignore[import-untyped] # it ships no type information
import msgspec
import pytest
import zstandard

from ingest import config
from storage.queue import envelope
from storage.tables import refusals
from tests.helpers import waiting
from tests.integration.ingest import edges
from tests.integration.ingest.edges import CSP, KEY, PATH, REPORT, TARGET

if TYPE_CHECKING:
    import httpx
    import redis

pytestmark = pytest.mark.integration

LIMIT = config.EdgeConfig(redis_url="").max_body_bytes


def accept(http: httpx.Client, target: str = TARGET, **request: Any) -> str:
    """Send a report that must be taken; return its receipt."""
    answer = http.post(target, **{"content": REPORT, "headers": CSP, **request})
    assert (answer.status_code, answer.content) == (200, b"")
    assert edges.has_cors(answer.headers)
    return answer.headers["x-headrace-receipt"]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("alias", ["security", "csp-report", "nel"])
def test_reports_are_taken_at_every_alias(
    http: httpx.Client, redis_client: redis.Redis, alias: str, slash: str
) -> None:
    receipt = accept(http, f"/api/1/{alias}{slash}?sentry_key={KEY}")
    assert edges.stored(redis_client, receipt).body == REPORT


@pytest.mark.parametrize(
    "content_type",
    [
        "application/csp-report",
        "application/csp-report; charset=rot13",
        "application/reports+json",
        "application/json; charset=utf-8",
        "application/expect-ct-report+json; charset=utf-8",
        "application/expect-staple-report",
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
    ],
)
def test_the_content_type_is_kept_as_a_hint(
    http: httpx.Client, redis_client: redis.Redis, content_type: str
) -> None:
    receipt = accept(http, headers={"Content-Type": content_type})
    assert edges.stored(redis_client, receipt).content_type == content_type


def test_a_report_needs_no_content_type(http: httpx.Client, redis_client: redis.Redis) -> None:
    assert edges.stored(redis_client, accept(http, headers={})).content_type == ""


def test_the_form_of_2011_is_taken(http: httpx.Client, redis_client: redis.Redis) -> None:
    form = b"document-url=https%3A%2F%2Fwww.example.com%2F&violated-directive=img-src"
    receipt = accept(http, content=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert edges.stored(redis_client, receipt).body == form


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/csp-report", b'{"csp-report":{"script-sample":"\xc0\xaf"}}'),
        ("application/csp-report", b'{"csp-report":{"script-sample":"\xed\xa0\x80","\xff":1}}'),
        ("application/csp-report", b'{"csp-report":{"script-sample":"\\ud83d\\u12"}}'),
        ("application/reports+json", b'[{"type":"csp-violation","body":{"sample":"\xf0\x9f"}}]'),
        ("application/csp-report; charset=ISO-8859-1", b'{"csp-report":{"script-sample":"caf\xe9"}}'),
        ("application/json; charset=Shift_JIS", '{"csp-report":{"script-sample":"表"}}'.encode("cp932")),
        ("text/plain", b'"{\\"csp-report\\":{}}"'),
        ("application/x-www-form-urlencoded", b"document-url=%ff&violated-directive=img-src\xff"),
    ],
)
def test_a_report_with_broken_text_is_taken_as_it_was_sent(
    http: httpx.Client, redis_client: redis.Redis, content_type: str, body: bytes
) -> None:
    receipt = accept(http, content=body, headers={"Content-Type": content_type})
    assert edges.stored(redis_client, receipt).body == body


@pytest.mark.parametrize(
    ("content_encoding", "body"),
    [
        ("identity", REPORT),
        ("gzip", gzip.compress(REPORT, mtime=0)),
        ("deflate", zlib.compress(REPORT)),
        ("br", brotli.compress(REPORT)),
        ("zstd", zstandard.compress(REPORT)),
    ],
)
def test_codings_are_undone(
    http: httpx.Client, redis_client: redis.Redis, content_encoding: str, body: bytes
) -> None:
    receipt = accept(http, content=body, headers={**CSP, "Content-Encoding": content_encoding})
    assert edges.stored(redis_client, receipt).body == REPORT


def test_a_payload_holds_what_the_edge_knows(http: httpx.Client, redis_client: redis.Redis) -> None:
    headers = {**CSP, "User-Agent": "Browser/1.0 " + "x" * 600}
    receipt = accept(http, f"{TARGET}&sentry_environment=prod&sentry_release=app%401.0", headers=headers)
    assert edges.stored(redis_client, receipt) == envelope.Payload(
        1, KEY, "prod", "app@1.0", headers["User-Agent"][:512], "application/csp-report", 0, REPORT
    )
    assert receipt.startswith(f"{envelope.shard_of(1, 'prod', 'app@1.0', 16)}-")


def test_invalid_names_are_blanked_and_the_report_is_kept(
    http: httpx.Client, redis_client: redis.Redis
) -> None:
    receipt = accept(http, f"{TARGET}&sentry_environment=none&sentry_release={'r' * 201}")
    payload = edges.stored(redis_client, receipt)
    assert (payload.environment, payload.release) == ("", "")
    assert payload.flags == envelope.ENVIRONMENT_BLANKED | envelope.RELEASE_BLANKED


def test_the_key_may_stand_in_a_header(http: httpx.Client, redis_client: redis.Redis) -> None:
    headers = {**CSP, "X-Sentry-Auth": f"Sentry sentry_key={KEY}, sentry_version=7"}
    receipt = accept(http, f"{PATH}?sentry_release=2", headers=headers)
    assert edges.stored(redis_client, receipt).release == "2"


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_the_longest_body_is_taken(http: httpx.Client, redis_client: redis.Redis, size: int) -> None:
    body = b'{"a":"' + b"x" * (size - 8) + b'"}'
    assert edges.stored(redis_client, accept(http, content=body)).body == body
    assert edges.stored(redis_client, accept(http, content=iter([body]))).body == body


def test_many_at_once_get_a_receipt_of_their_own(edge: edges.Edge, redis_client: redis.Redis) -> None:
    bodies = [json.dumps({"n": number}).encode() for number in range(300)]
    releases = [f"&sentry_release={number % 7}" for number in range(300)]
    with edge.client() as client, concurrent.futures.ThreadPoolExecutor(32) as pool:
        receipts = list(
            pool.map(lambda body, release: accept(client, TARGET + release, content=body), bodies, releases)
        )
    assert len(set(receipts)) == len(receipts)
    assert [edges.stored(redis_client, receipt).body for receipt in receipts] == bodies


REFUSED: dict[str, tuple[int, str, str, dict[str, str], bytes]] = {
    "no route": (404, "POST", f"/api/1/store/?sentry_key={KEY}", CSP, REPORT),
    "no project id": (404, "POST", f"/api/abc/security/?sentry_key={KEY}", CSP, REPORT),
    "root": (404, "POST", "/", CSP, REPORT),
    "get": (405, "GET", TARGET, {}, b""),
    "put": (405, "PUT", TARGET, CSP, REPORT),
    "delete": (405, "DELETE", TARGET, {}, b""),
    "websocket": (
        405,
        "GET",
        TARGET,
        {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"},
        b"",
    ),
    "no key": (401, "POST", PATH, CSP, REPORT),
    "empty key": (401, "POST", f"{PATH}?sentry_key=", CSP, REPORT),
    "unknown key": (403, "POST", f"{PATH}?sentry_key={'0' * 32}", CSP, REPORT),
    "unknown project": (403, "POST", f"/api/99/security/?sentry_key={KEY}", CSP, REPORT),
    "key of another project": (403, "POST", f"{PATH}?sentry_key={edges.OTHER_KEY}", CSP, REPORT),
    "disabled": (403, "POST", f"/api/3/security/?sentry_key={edges.DISABLED_KEY}", CSP, REPORT),
    "retired": (410, "POST", f"/api/4/security/?sentry_key={edges.RETIRED_KEY}", CSP, REPORT),
    "empty": (400, "POST", TARGET, CSP, b""),
    "white space": (400, "POST", TARGET, CSP, b"  \r\n"),
    "no json": (400, "POST", TARGET, CSP, b"<xml/>"),
    "scalar": (400, "POST", TARGET, CSP, b"null"),
    "cut json": (400, "POST", TARGET, CSP, REPORT[:-1]),
    "nan": (400, "POST", TARGET, CSP, b'{"a":NaN}'),
    "broken text in no json": (400, "POST", TARGET, CSP, b'{"a":\xff}'),
    "a line break in a text": (400, "POST", TARGET, CSP, b'{"a":"\xff\n"}'),
    "deep": (400, "POST", TARGET, CSP, b"[" * 100_000),
    "too large": (413, "POST", TARGET, CSP, b"x" * (LIMIT + 1)),
    "multipart": (415, "POST", TARGET, {"Content-Type": "multipart/form-data; boundary=x"}, REPORT),
    "unknown coding": (415, "POST", TARGET, {**CSP, "Content-Encoding": "compress"}, REPORT),
    "layered coding": (
        415,
        "POST",
        TARGET,
        {**CSP, "Content-Encoding": "gzip, gzip"},
        gzip.compress(gzip.compress(REPORT)),
    ),
    "coding that lies": (400, "POST", TARGET, {**CSP, "Content-Encoding": "gzip"}, REPORT),
    "coding unsaid": (400, "POST", TARGET, CSP, gzip.compress(REPORT)),
    "coding cut short": (
        400,
        "POST",
        TARGET,
        {**CSP, "Content-Encoding": "gzip"},
        gzip.compress(REPORT)[:-4],
    ),
    "gzip bomb": (413, "POST", TARGET, {**CSP, "Content-Encoding": "gzip"}, gzip.compress(bytes(50 << 20))),
    "brotli bomb": (413, "POST", TARGET, {**CSP, "Content-Encoding": "br"}, brotli.compress(bytes(50 << 20))),
    "post to healthz": (405, "POST", "/healthz", CSP, REPORT),
}


@pytest.mark.parametrize(
    ("status", "method", "target", "headers", "body"), REFUSED.values(), ids=REFUSED.keys()
)
def test_refusals(  # noqa: PLR0913, PLR0917 - a request and its status
    http: httpx.Client, status: int, method: str, target: str, headers: dict[str, str], body: bytes
) -> None:
    answer = http.request(method, target, headers=headers, content=body)
    assert answer.status_code == status
    assert edges.has_cors(answer.headers)
    assert list(answer.json()) == ["detail"]
    assert answer.json()["detail"].endswith(".")
    assert "x-headrace-receipt" not in answer.headers
    assert http.get("/healthz").status_code == 200


def test_a_refused_method_is_told_which_are_allowed(http: httpx.Client) -> None:
    assert http.get(TARGET).headers["allow"] == "POST, OPTIONS"
    head = http.head(TARGET)
    assert (head.status_code, head.content) == (405, b"")


@pytest.mark.parametrize(
    ("status", "target"), [(404, "/api/1/marker/"), (400, TARGET), (403, f"{PATH}?sentry_key=marker")]
)
def test_nothing_of_a_request_is_echoed(http: httpx.Client, status: int, target: str) -> None:
    headers = {"Content-Type": "text/plain; marker", "Origin": "https://marker", "User-Agent": "marker"}
    answer = http.post(target, content=b"marker", headers=headers)
    assert answer.status_code == status
    assert "marker" not in answer.text + str(answer.headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://www.example.com", "Access-Control-Request-Headers": "content-type"},
        {"Origin": "null", "Access-Control-Request-Headers": "content-type"},
        {"Origin": "https://evil.example", "Access-Control-Request-Headers": "authorization, x-evil"},
        {"Origin": "https://www.example.com", "Access-Control-Request-Private-Network": "true"},
        {},
    ],
)
@pytest.mark.parametrize("target", [TARGET, "/api/1/nel", "/api/999/csp-report/"])
def test_preflights(http: httpx.Client, target: str, headers: dict[str, str]) -> None:
    answer = http.options(target, headers={"Access-Control-Request-Method": "POST", **headers})
    assert (answer.status_code, answer.content) == (204, b"")
    assert edges.has_cors(answer.headers)
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert "content-type" in answer.headers["access-control-allow-headers"]
    assert "evil" not in str(answer.headers)
    assert int(answer.headers["access-control-max-age"]) > 0


def test_there_is_no_preflight_where_there_is_no_route(http: httpx.Client) -> None:
    assert http.options("/api/1/store/").status_code == 404


def test_health(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json() == {"status": "ready"}
    assert edges.has_cors(http.get("/healthz").headers)


def test_refusals_are_counted_by_reason(http: httpx.Client, redis_client: redis.Redis) -> None:
    target = f"/api/3/security/?sentry_key={edges.DISABLED_KEY}&sentry_environment=counted"
    for _ in range(3):
        assert http.post(target, content=REPORT, headers=CSP).status_code == 403

    def counted() -> int:
        fields: Any = redis_client.hgetall(refusals.PENDING_KEY)
        keys = {
            msgspec.json.decode(key, type=refusals.RefusalKey): int(count) for key, count in fields.items()
        }
        return sum(
            count
            for key, count in keys.items()
            if key[1:] == (3, edges.DISABLED_KEY, "counted", "", "disabled", refusals.REFUSED)
            and key.minute % 60 == 0
        )

    waiting.until(lambda: counted() == 3, "three refusals are counted")
