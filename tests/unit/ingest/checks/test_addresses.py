"""Whose address counts, and how much one may send."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.checks import addresses
from tests.helpers import clocks


def scope(peer: str, *forwarded: bytes) -> dict[str, Any]:
    headers = [(b"host", b"a.example"), *((b"x-forwarded-for", line) for line in forwarded)]
    return {"client": (peer, 4711), "headers": headers}


def found(where: addresses.Addresses, request: dict[str, Any]) -> tuple[str, bool]:
    return where.find(request, dict(request["headers"]))


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("8.8.8.8", ("8.8.8.8", True)),
        ("127.0.0.1", ("127.0.0.1", False)),
        ("10.1.2.3", ("10.1.2.3", False)),
        ("2001:4860:4860:0:1:2:3:4", ("2001:4860:4860::", True)),
        ("::ffff:8.8.8.8", ("8.8.8.8", True)),
        ("64:ff9b::808:808", ("8.8.8.8", True)),
        ("64:ff9b::a00:1", ("10.0.0.1", False)),
        ("192.0.0.8", ("192.0.0.8", False)),
        ("192.0.0.9", ("192.0.0.9", True)),
        ("3fff::1", ("3fff::", False)),
        ("2002:808:808::1", ("2002:808:808::", False)),
        ("2001:20::1", ("2001:20::", True)),
        ("::1", ("::", False)),
        ("a socket", ("a socket", False)),
    ],
)
def test_who_connects_counts_if_it_can_be_no_proxy_of_ours(peer: str, expected: tuple[str, bool]) -> None:
    assert found(addresses.Addresses(), scope(peer, b"9.9.9.9")) == expected


@pytest.mark.parametrize("without", [{}, {"client": None}])
def test_a_socket_without_address_is_nobodys(without: dict[str, Any]) -> None:
    assert addresses.Addresses().find(without, {}) == ("", False)


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (b"9.9.9.9", ("9.9.9.9", True)),
        (b"6.6.6.6, 9.9.9.9", ("9.9.9.9", True)),
        (b"9.9.9.9, 10.0.0.7", ("9.9.9.9", True)),
        (b"10.0.0.8,10.0.0.7", ("10.0.0.8", False)),
        (b"6.6.6.6," * 1_000 + b"9.9.9.9", ("9.9.9.9", True)),
        (b"[2001:db8::1]", ("2001:db8::", True)),
        (b"2001:db8::1", ("2001:db8::", True)),
        (b"[2001:db8::1]:41234", ("2001:db8::", True)),
        (b"203.0.113.9:41234", ("203.0.113.9", True)),
        (b"203.0.113.9:41234, 10.0.0.7:80", ("203.0.113.9", True)),
        (b"::ffff:9.9.9.9", ("9.9.9.9", True)),
        (b"203.0.113.9:", ("10.0.0.1", False)),
        (b"203.0.113.9:x", ("10.0.0.1", False)),
        (b"203.0.113:41234", ("10.0.0.1", False)),
        (b"shop.example:80", ("10.0.0.1", False)),
        (b"9.9.9.9, unknown", ("10.0.0.1", False)),
        (b"", ("10.0.0.1", False)),
        (b"\xff", ("10.0.0.1", False)),
    ],
)
def test_a_trusted_proxy_is_believed_as_far_as_it_wrote_itself(
    forwarded: bytes, expected: tuple[str, bool]
) -> None:
    assert found(addresses.Addresses(["10.0.0.0/8"]), scope("10.0.0.1", forwarded)) == expected


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ((b"6.6.6.6", b"9.9.9.9", b"10.0.0.7"), ("9.9.9.9", True)),
        ((b"9.9.9.9, 10.0.0.8", b"10.0.0.7"), ("9.9.9.9", True)),
        ((b"6.6.6.6", b"9.9.9.9"), ("9.9.9.9", True)),
        ((), ("10.0.0.1", False)),
    ],
)
def test_each_proxy_may_add_a_line_of_its_own(
    forwarded: tuple[bytes, ...], expected: tuple[str, bool]
) -> None:
    assert found(addresses.Addresses(["10.0.0.0/8"]), scope("10.0.0.1", *forwarded)) == expected


def test_a_stranger_is_not_believed() -> None:
    assert found(addresses.Addresses(["10.0.0.0/8"]), scope("8.8.8.8", b"9.9.9.9")) == ("8.8.8.8", True)


def test_an_address_may_send_a_burst_and_then_its_rate() -> None:
    clock = clocks.FakeClock()
    rates = addresses.Rates(2, clock)
    burst = int(2 * addresses.BURST_S) + 1
    assert [rates.exceeds("a") for _ in range(burst + 1)] == [False] * burst + [True]
    assert not rates.exceeds("b")
    clock.now += 1
    assert [rates.exceeds("a") for _ in range(3)] == [False, False, True]


def test_without_a_rate_nothing_is_limited() -> None:
    assert not addresses.Rates(0).limited
    assert addresses.Rates(1).limited


def test_silent_addresses_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MOST", 4)
    clock = clocks.FakeClock()
    rates = addresses.Rates(0.1, clock)
    for name in "abc":
        rates.exceeds(name)
    clock.now += 15
    for _ in range(2):
        rates.exceeds("d")
    rates.exceeds("e")
    assert rates.exceeds("d")


def test_memory_is_bounded_when_nobody_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MOST", 4)
    rates = addresses.Rates(0.1, clocks.FakeClock())
    for number in range(100):
        assert not rates.exceeds(str(number))
        assert len(rates._full_at) <= 4


def test_the_key_changes_each_day() -> None:
    clock = clocks.FakeClock()
    rates = addresses.Rates(0.05, clock)
    rates.exceeds("a")
    before = set(rates._full_at)
    clock.now += addresses.ROTATE_S
    rates.exceeds("a")
    assert before.isdisjoint(rates._full_at)


def direct(*names: bytes, trusted: tuple[str, ...] = (), version: str = "1.1") -> bool:
    request = scope("127.0.0.1") | {"http_version": version}
    return addresses.Addresses(trusted).is_direct(request, dict.fromkeys((b"host", *names), b""))


@pytest.mark.parametrize(
    "trace",
    [
        *(b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-real-ip", b"forwarded", b"via"),
        *(b"cdn-loop", b"cf-connecting-ip", b"cf-ray", b"true-client-ip", b"fastly-client-ip"),
        *(b"x-amzn-trace-id", b"x-amz-cf-id", b"x-azure-ref", b"x-cloud-trace-context", b"x-request-id"),
        *(b"x-envoy-external-address", b"x-arr-log-id", b"x-varnish", b"traceparent"),
    ],
)
def test_who_connects_is_the_sender_unless_a_proxy_shows(trace: bytes) -> None:
    assert direct(b"user-agent")
    assert not direct(trace)
    assert not direct(trusted=("10.0.0.0/8",))


def test_what_reporters_send_is_no_trace_of_a_proxy() -> None:
    """Browsers with all that they may add of themselves, and scripts with what the edge allows them."""
    assert direct(
        *(b"host", b"user-agent", b"accept", b"accept-language", b"accept-encoding", b"content-type"),
        *(b"content-length", b"content-encoding", b"origin", b"referer", b"connection", b"cookie", b"te"),
        *(b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site", b"sec-ch-ua", b"sec-ch-ua-mobile"),
        *(b"sec-ch-ua-platform", b"sec-gpc", b"dnt", b"save-data", b"cache-control", b"pragma", b"priority"),
        *(b"upgrade-insecure-requests", b"x-requested-with", b"x-sentry-auth", b"keep-alive"),
    )


def test_http_1_0_is_the_trace_of_a_proxy() -> None:
    """Unless it is told otherwise, nginx speaks it to what is behind it, and adds no header."""
    assert not direct(version="1.0")
