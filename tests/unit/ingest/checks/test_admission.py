"""Whether a report may come in: each check before the body, and their order."""

from __future__ import annotations

from typing import Any

import pytest

from ingest import refusals
from ingest.checks import addresses, admission, redis_state, shedding, targets
from storage.limits import exhausted_quotas
from storage.projects import model, project_settings

KEY = "k" * 32
QUERY = f"sentry_key={KEY}".encode()
UPLOAD = b"application/reports+json; charset=utf-8"
DAY = exhausted_quotas.Exhausted(1, "", "project_day", 10, 2_000_000_000)
SETTINGS = project_settings.ProjectSettings(allowed_origins=("https://a.example",))


class Edge:
    """The state of an edge that the checks ask, as a test wants it."""

    def __init__(self, *, rate: float = 0.0, trusted: tuple[str, ...] = ()) -> None:
        self.table = targets.TargetTable(16)
        self.redis = redis_state.RedisState()
        self.redis.reachable = True
        self.shedder = shedding.Shedder()
        self.publish()
        self.checks = admission.Checks(
            self.table, addresses.Addresses(trusted), addresses.Rates(rate), self.redis, self.shedder
        )

    def publish(self, **parts: Any) -> None:
        project = model.Project(id=1, name="one", keys=(KEY,), **parts)
        self.table.replace(model.Snapshot(version=1, projects=(project,)))

    def admit(
        self, query: bytes = QUERY, peer: str = "203.0.114.9", version: str = "1.1", /, **headers: bytes
    ) -> admission.Admission:
        fields = {name.replace("_", "-").encode(): value for name, value in headers.items()}
        scope = {"client": (peer, 1), "headers": list(fields.items()), "http_version": version}
        return self.checks.admit(self.checks.find_target(1, query, fields), scope, fields)

    def refusal(self, *arguments: Any, **headers: bytes) -> refusals.Refusal:
        with pytest.raises(refusals.RefusedError) as raised:
            self.admit(*arguments, **headers)
        return raised.value.refusal


def test_a_report_comes_in_with_the_address_of_its_sender() -> None:
    assert Edge().admit() == ("203.0.114.9", True, None)
    assert Edge().admit(content_type=b"application/csp-report", content_encoding=b"gzip").used_up is None


@pytest.mark.parametrize(
    ("peer", "headers", "address", "direct"),
    [
        ("203.0.114.9", {}, "203.0.114.9", True),
        ("203.0.114.9", {"via": b"1.1 proxy"}, "203.0.114.9", False),
        ("203.0.114.9", {"x_forwarded_for": b"198.51.100.7"}, "203.0.114.9", False),
        ("10.0.0.9", {}, "10.0.0.9", True),
        ("10.0.0.9", {"via": b"1.1 proxy"}, "", False),
        ("127.0.0.1", {"x_forwarded_for": b"198.51.100.7", "via": b"1.1 proxy"}, "198.51.100.7", True),
        ("127.0.0.1", {}, "", False),
    ],
)
def test_an_address_that_may_be_a_proxys_is_nobodys(
    peer: str, headers: dict[str, bytes], address: str, *, direct: bool
) -> None:
    trusted = ("127.0.0.1/32",) if peer == "127.0.0.1" else ()
    admitted = Edge(trusted=trusted).admit(QUERY, peer, **headers)
    assert (admitted.address, admitted.direct) == (address, direct)


@pytest.mark.parametrize(
    ("peer", "headers", "address", "direct"),
    [
        ("203.0.114.9", {}, "203.0.114.9", False),
        ("10.0.0.9", {}, "", False),
        ("127.0.0.1", {"x_forwarded_for": b"198.51.100.7"}, "198.51.100.7", True),
        ("127.0.0.1", {}, "", False),
    ],
)
def test_who_speaks_http_1_0_is_a_proxy(
    peer: str, headers: dict[str, bytes], address: str, *, direct: bool
) -> None:
    trusted = ("127.0.0.1/32",) if peer == "127.0.0.1" else ()
    admitted = Edge(trusted=trusted).admit(QUERY, peer, "1.0", **headers)
    assert (admitted.address, admitted.direct) == (address, direct)


def test_of_several_reasons_the_first_counts() -> None:
    """Each fault is mended in turn, and the next reason shows."""
    edge = Edge(rate=0.1)
    wrong = {"origin": b"https://b.example", "content_type": b"text/html", "content_encoding": b"rot13"}
    found = [edge.refusal(b"sentry_key=none", **wrong) for _ in range(3)]
    assert found == [refusals.UNKNOWN_KEY, refusals.UNKNOWN_KEY, refusals.ADDRESS]
    edge = Edge()
    edge.publish(settings=SETTINGS)
    edge.redis.full = True
    edge.shedder.replace([DAY], 1_999_999_900.0)
    assert edge.refusal(**wrong) is refusals.ORIGIN
    wrong["origin"] = b"https://a.example"
    assert edge.refusal(**wrong) is refusals.HIGH_WATER
    edge.redis.full = False
    assert edge.refusal(**wrong).reason == "project_day"
    edge.shedder.replace([], 0.0)
    assert edge.refusal(**wrong) is refusals.MEDIA_TYPE
    wrong["content_type"] = b"text/plain"
    assert edge.refusal(**wrong) is refusals.ENCODING
    wrong["content_encoding"] = b"br"
    assert edge.admit(**wrong).used_up is None


def test_a_key_that_is_unknown_while_redis_is_away_may_be_new() -> None:
    edge = Edge()
    edge.redis.reachable = False
    assert edge.refusal(b"sentry_key=none") is refusals.UNSURE
    assert edge.refusal(b"") is refusals.NO_KEY
    assert edge.admit().used_up is None


def test_an_upload_that_a_quota_keeps_out_is_read_all_the_same() -> None:
    edge = Edge()
    edge.shedder.replace([DAY], 1_999_999_900.0)
    used_up = edge.admit(content_type=UPLOAD).used_up
    assert used_up is not None
    assert used_up.reason == "project_day"


def test_a_key_may_stand_in_a_header() -> None:
    assert Edge().admit(b"", x_sentry_auth=f"Sentry sentry_key={KEY}".encode()).used_up is None
