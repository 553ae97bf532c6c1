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


class World:
    """All that the checks ask, as a test wants it."""

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
        self, query: bytes = QUERY, peer: str = "203.0.114.9", /, **headers: bytes
    ) -> admission.Admission:
        fields = {name.replace("_", "-").encode(): value for name, value in headers.items()}
        scope = {"client": (peer, 1), "headers": list(fields.items())}
        return self.checks.admit(self.checks.find_target(1, query, fields), scope, fields)

    def refusal(self, *arguments: Any, **headers: bytes) -> refusals.Refusal:
        with pytest.raises(refusals.RefusedError) as raised:
            self.admit(*arguments, **headers)
        return raised.value.refusal


def test_a_report_comes_in_with_the_address_of_its_sender() -> None:
    assert World().admit() == ("203.0.114.9", None)
    assert World().admit(content_type=b"application/csp-report", content_encoding=b"gzip").used_up is None


@pytest.mark.parametrize(
    ("peer", "headers", "address"),
    [
        ("203.0.114.9", {"via": b"1.1 proxy"}, "203.0.114.9"),
        ("10.0.0.9", {}, "10.0.0.9"),
        ("10.0.0.9", {"via": b"1.1 proxy"}, ""),
    ],
)
def test_an_address_that_may_be_a_proxys_is_nobodys(
    peer: str, headers: dict[str, bytes], address: str
) -> None:
    assert World().admit(QUERY, peer, **headers).address == address


def test_of_several_reasons_the_first_counts() -> None:
    """Each is mended in turn, and the next one shows."""
    world = World(rate=0.1)
    wrong = {"origin": b"https://b.example", "content_type": b"text/html", "content_encoding": b"rot13"}
    found = [world.refusal(b"sentry_key=none", **wrong) for _ in range(3)]
    assert found == [refusals.UNKNOWN_KEY, refusals.UNKNOWN_KEY, refusals.ADDRESS]
    world = World()
    world.publish(settings=SETTINGS)
    world.redis.full = True
    world.shedder.replace([DAY], 1_999_999_900.0)
    assert world.refusal(**wrong) is refusals.ORIGIN
    wrong["origin"] = b"https://a.example"
    assert world.refusal(**wrong) is refusals.HIGH_WATER
    world.redis.full = False
    assert world.refusal(**wrong).reason == "project_day"
    world.shedder.replace([], 0.0)
    assert world.refusal(**wrong) is refusals.MEDIA_TYPE
    wrong["content_type"] = b"text/plain"
    assert world.refusal(**wrong) is refusals.ENCODING
    wrong["content_encoding"] = b"br"
    assert world.admit(**wrong).used_up is None


def test_a_key_that_is_unknown_while_redis_is_away_may_be_new() -> None:
    world = World()
    world.redis.reachable = False
    assert world.refusal(b"sentry_key=none") is refusals.UNSURE
    assert world.refusal(b"") is refusals.NO_KEY
    assert world.admit().used_up is None


def test_an_upload_that_a_quota_keeps_out_is_read_all_the_same() -> None:
    world = World()
    world.shedder.replace([DAY], 1_999_999_900.0)
    used_up = world.admit(content_type=UPLOAD).used_up
    assert used_up is not None
    assert used_up.reason == "project_day"


def test_a_key_may_stand_in_a_header() -> None:
    assert World().admit(b"", x_sentry_auth=f"Sentry sentry_key={KEY}".encode()).used_up is None
