"""Network errors: what happened to which request, in words, and nothing about who made it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers import payloads


def nel(*, url: str = "https://www.example.com/a?q", **body: object) -> list[dict[str, Any]]:
    members = {
        "elapsed_time": 120,
        "method": "GET",
        "phase": "application",
        "protocol": "h2",
        "referrer": "https://from.example/secret?q",
        "sampling_fraction": 1.0,
        "server_ip": "192.0.2.10",
        "status_code": 200,
        "type": "ok",
    }
    return [{"age": 30, "body": members | body, "type": "network-error", "url": url, "user_agent": ""}]


def test_the_columns() -> None:
    row = payloads.row(nel(type="http.error", status_code=503, sampling_fraction=0.5))
    assert (row["kind"], row["directive"], row["status_code"]) == ("nel", "http.error", 503)
    assert (row["document"], row["hostname"], row["port"]) == (
        "https://www.example.com/a",
        "www.example.com",
        443,
    )
    assert row["referrer_host"] == "from.example"
    assert row["title"] == "HTTP error 503: www.example.com"
    assert row["last_seen"] == payloads.NOW_MS - 30
    assert row["details"] == {
        "phase": "application",
        "protocol": "h2",
        "method": "GET",
        "ip_version": "4",
        "sampling_fraction": "0.5",
        "elapsed_time_ms": "120",
    }


def test_no_address_is_in_a_column() -> None:
    row = payloads.row(nel(server_ip="2001:db8::10"))
    assert "2001:db8" not in str({name: value for name, value in row.items() if name != "raw"})
    assert row["details"]["ip_version"] == "6"


def test_reports_that_differ_in_their_duration_are_equal() -> None:
    bodies = [nel(elapsed_time=elapsed) for elapsed in (1, 2, 3)]
    tables = payloads.process(*(payloads.payload(body) for body in bodies))
    assert tables.reports["seen"] == [3]
    assert tables.reports["details"][0]["elapsed_time_ms"] == "1"


TITLES = [
    ("ok", "Request succeeded: www.example.com"),
    ("abandoned", "Request abandoned by the user: www.example.com"),
    ("unknown", "Request failed for an unknown reason: www.example.com"),
    ("", "Request failed for an unknown reason: www.example.com"),
    ("http.error", "HTTP error: www.example.com"),
    ("DNS.name_not_resolved", "Host name not found: www.example.com"),
    ("tcp.refused", "Connection refused: www.example.com"),
    ("tls.cert.date_invalid", "Certificate expired or not yet valid: www.example.com"),
    ("h3.protocol.error", "HTTP/3 protocol error: www.example.com"),
    ("quic.future", "Network error quic.future: www.example.com"),
    ("<b>", "Network error other: www.example.com"),
]


@pytest.mark.parametrize(("name", "title"), TITLES)
def test_title(name: str, title: str) -> None:
    assert payloads.row(nel(type=name, status_code=0))["title"] == title


def test_a_title_without_host() -> None:
    assert payloads.row(nel(url="", type="tcp.reset"))["title"] == "Connection reset"


PORTS = [
    ("https://www.example.com/", 443),
    ("http://www.example.com/", 80),
    ("https://www.example.com:8443/a:1", 8443),
    ("https://[2001:db8::1]:444/", 444),
    ("https://[2001:db8::1]/", 443),
    ("ftp://www.example.com/", 0),
    ("about", 0),
    ("", 0),
]


@pytest.mark.parametrize(("url", "port"), PORTS)
def test_port(url: str, port: int) -> None:
    assert payloads.row(nel(url=url))["port"] == port


FRACTIONS = [
    (1, "1"),
    (1.0, "1"),
    (0.01, "0.01"),
    ("0.5", "0.5"),
    (1e-6, "1e-06"),
    (None, ""),
    (0, None),
    (-1, None),
    (1.5, None),
    (1e-300, None),
    (2**2000, None),
    (True, None),
    ("nan", None),
    ("half", None),
    ([], None),
]


@pytest.mark.parametrize(("sent", "fraction"), FRACTIONS)
def test_sampling_fraction(sent: object, fraction: str | None) -> None:
    details = payloads.row(nel(sampling_fraction=sent))["details"]
    assert details.get("sampling_fraction", "") == (fraction or "")
    assert ("nulled" in details) == (fraction is None)


def test_a_sampled_report_stands_for_those_that_were_not_sent() -> None:
    rows = payloads.process(payloads.payload(nel(sampling_fraction=0.25)), payloads.payload(nel()))
    assert sum(rows.reports["seen"]) == 2
    assert sum(rows.reports["weight"]) == 5


def test_a_signed_exchange_names_its_addresses() -> None:
    exchange = {
        "outer_url": "https://d.example/x.sxg?q",
        "inner_url": "https://w.example/x",
        "cert_url": ["c"],
    }
    details = payloads.row(nel(type="sxg.failed", phase="sxg", sxg=exchange))["details"]
    assert details["exchange_outer"] == "https://d.example/x.sxg"
    assert details["exchange_inner"] == "https://w.example/x"
    assert payloads.row(nel(sxg="text"))["details"]["nulled"] == "exchange"
