"""Expect-CT, Expect-Staple, HPKP and what they share."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.helpers import payloads

CHAINS = {"served_certificate_chain": [payloads.PEM, "x"], "validated_certificate_chain": ["y", payloads.PEM]}


def expect_ct(**members: object) -> dict[str, Any]:
    return {"expect-ct-report": payloads.certificate(**{"scts": []} | members)}


def staple(**members: object) -> dict[str, Any]:
    return {"expect-staple-report": payloads.certificate(**{"response_status": "MISSING"} | members)}


def hpkp(**members: object) -> dict[str, Any]:
    return payloads.certificate(**{"known_pins": []} | members)


FAMILIES = [
    pytest.param(
        expect_ct,
        "expect-ct",
        "Certificate of www.example.com without Certificate Transparency",
        id="expect-ct",
    ),
    pytest.param(
        staple,
        "expect-staple",
        "Certificate of www.example.com: no OCSP response stapled",
        id="expect-staple",
    ),
    pytest.param(hpkp, "hpkp", "No pinned key in the certificate chain of www.example.com", id="hpkp"),
]


@pytest.mark.parametrize(("make", "kind", "title"), FAMILIES)
def test_what_the_families_share(make: Any, kind: str, title: str) -> None:
    row = payloads.row(make(**CHAINS, effective_expiration_date="2021-07-01t12:00:00z"))
    assert (row["kind"], row["title"]) == (kind, title)
    assert (row["hostname"], row["port"]) == ("www.example.com", 443)
    assert row["details"] == {
        "served_certificates": "2",
        "served_leaf_sha256": payloads.PEM_SHA256,
        "validated_certificates": "2",
        "validated_root_sha256": payloads.PEM_SHA256,
        "date_time": "2021-06-01T12:00:00.123Z",
        "expires": "2021-07-01T12:00:00.000Z",
    }


@pytest.mark.parametrize(("make", "kind", "title"), FAMILIES)
def test_reports_that_differ_in_their_dates_are_equal(make: Any, kind: str, title: str) -> None:
    del kind, title
    bodies = [make(date_time=f"2021-06-01T12:00:0{second}Z") for second in range(3)]
    tables = payloads.process(*(payloads.payload(body) for body in bodies))
    assert tables.reports["seen"] == [3]
    assert tables.reports["details"][0]["date_time"] == "2021-06-01T12:00:00.000Z"


@pytest.mark.parametrize("hostname", [None, "", 5, "a/b", "www.example.com\r\nX: y"])
@pytest.mark.parametrize(("make", "kind", "title"), FAMILIES)
def test_a_report_about_no_host_is_invalid(make: Any, kind: str, title: str, hostname: object) -> None:
    del title
    tables = payloads.process(payloads.payload(make(hostname=hostname)))
    assert payloads.outcome_counts(tables) == {("invalid", "no_hostname"): 1}
    assert tables.outcomes["kind"] == [kind]


@pytest.mark.parametrize(("make", "kind", "title"), FAMILIES)
def test_bad_fields_do_not_lose_the_report(make: Any, kind: str, title: str) -> None:
    del kind, title
    row = payloads.row(
        make(
            port=70_000, date_time="yesterday", served_certificate_chain=None, validated_certificate_chain=[1]
        )
    )
    assert row["port"] == 0
    assert row["details"] == {"nulled": "port,date_time"}


@pytest.mark.parametrize("chain", ["served_certificate_chain", "validated_certificate_chain"])
@pytest.mark.parametrize(("make", "kind", "title"), FAMILIES)
def test_a_chain_that_is_none_loses_the_report(make: Any, kind: str, title: str, chain: str) -> None:
    del title
    tables = payloads.process(payloads.payload(make(**{chain: payloads.PEM})))
    assert payloads.outcome_counts(tables) == {("invalid", "no_chain"): 1}
    assert tables.outcomes["kind"] == [kind]


@pytest.mark.parametrize(("make", "kind", "title"), FAMILIES)
def test_members_may_be_spelled_in_every_way(make: Any, kind: str, title: str) -> None:
    snakes = re.sub(r'"[a-z-]+":', lambda member: member[0].replace("-", "_"), json.dumps(make()))
    row = payloads.row(json.loads(snakes))
    assert (row["kind"], row["title"], row["port"]) == (kind, title, 443)
    assert row["details"] == {"date_time": "2021-06-01T12:00:00.123Z"}


@pytest.mark.parametrize("pem", ["", "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----"])
def test_a_certificate_that_is_none_has_no_hash(pem: str) -> None:
    assert payloads.row(hpkp(served_certificate_chain=[pem]))["details"] == {
        "served_certificates": "1",
        "date_time": "2021-06-01T12:00:00.123Z",
    }


@pytest.mark.parametrize(
    ("failure_mode", "disposition"), [("enforce", "enforce"), ("report-only", "report"), (None, "")]
)
def test_expect_ct_disposition(failure_mode: str | None, disposition: str) -> None:
    assert payloads.row(expect_ct(failure_mode=failure_mode))["disposition"] == disposition


def test_expect_ct_sums_the_timestamps_up() -> None:
    scts = [
        {"source": "ocsp", "status": "invalid"},
        {"source": "embedded", "status": "unknown"},
        {"source": "embedded", "status": "unknown"},
        {"status": 5},
        None,
    ]
    assert (
        payloads.row(expect_ct(scts=scts))["details"]["scts"]
        == "? ?: 1, embedded unknown: 2, ocsp invalid: 1"
    )


@pytest.mark.parametrize("yes", [True, "true"])
def test_expect_ct_test_reports_are_labelled(yes: object) -> None:
    row = payloads.row(expect_ct(test_report=yes))
    assert (row["noise"], row["noise_rule"], row["details"]["test_report"]) == ("test", "test-report", "true")


def test_an_expect_ct_test_that_says_nothing_else_is_filtered() -> None:
    tables = payloads.process(payloads.payload({"expect-ct-report": {"test-report": True}}))
    assert payloads.outcome_counts(tables) == {("filtered", "test_report"): 1}
    assert tables.quarantine["raw"] == []


def test_hpkp_pins_lose_their_frame() -> None:
    pins = ['pin-sha256="AAA="', "pin-sha256='BBB='", "CCC=", 5]
    row = payloads.row(hpkp(known_pins=pins, noted_hostname="Example.com", include_subdomains="true"))
    assert row["details"]["known_pins"] == "AAA= BBB= CCC="
    assert row["details"]["noted_hostname"] == "example.com"
    assert row["details"]["include_subdomains"] == "true"


@pytest.mark.parametrize(("enforce", "disposition"), [(True, "enforce"), (False, "report"), (None, "")])
def test_trustkit_tells_app_and_disposition(enforce: object, disposition: str) -> None:
    row = payloads.row(
        hpkp(
            app_bundle_id="com.example.shop",
            app_version="1.0",
            app_vendor_id="00000000-1111-2222-3333-444444444444",
            enforce_pinning=enforce,
            validation_result=3,
            include_subdomains=False,
        )
    )
    assert row["disposition"] == disposition
    assert row["details"] == {
        "include_subdomains": "false",
        "app": "com.example.shop",
        "app_version": "1.0",
        "validation_result": "3",
        "date_time": "2021-06-01T12:00:00.123Z",
    }
    assert "00000000-1111" not in row["raw"]


@pytest.mark.parametrize("make", [expect_ct, staple])
def test_without_its_wrapper_a_report_is_the_same(make: Any) -> None:
    ((_, inner),) = make().items()
    wrapped, flat = payloads.row(make()), payloads.row(inner)
    assert wrapped.pop("raw") != flat.pop("raw")
    assert wrapped == flat


STATUSES = [
    ("MISSING", None, "missing", "no OCSP response stapled"),
    ("ERROR_RESPONSE", None, "error_response", "the stapled OCSP response is an error"),
    (
        "BAD_PRODUCED_AT",
        None,
        "bad_produced_at",
        "the stapled OCSP response was made while the certificate was not valid",
    ),
    (
        "NO_MATCHING_RESPONSE",
        None,
        "no_matching_response",
        "the stapled OCSP response is about another certificate",
    ),
    ("INVALID_DATE", None, "invalid_date", "the stapled OCSP response is out of date"),
    ("PARSE_RESPONSE_ERROR", None, "parse_response_error", "the stapled OCSP response is malformed"),
    (
        "PARSE_RESPONSE_DATA_ERROR",
        None,
        "parse_response_data_error",
        "the data of the stapled OCSP response is malformed",
    ),
    ("PROVIDED", "REVOKED", "provided revoked", "revoked, says the stapled OCSP response"),
    ("PROVIDED", "UNKNOWN", "provided unknown", "unknown to the stapled OCSP response"),
    ("PROVIDED", None, "provided", "a valid OCSP response stapled"),
    ("MISSING", "GOOD", "missing", "no OCSP response stapled"),
    ("FUTURE_STATUS", None, "future_status", "OCSP stapling future_status"),
    (None, None, "", "OCSP stapling"),
    (5, None, "", "OCSP stapling"),
]


@pytest.mark.parametrize(("response", "certificate", "directive", "words"), STATUSES)
def test_staple_status(response: object, certificate: str | None, directive: str, words: str) -> None:
    row = payloads.row(staple(response_status=response, cert_status=certificate))
    assert row["directive"] == directive
    assert row["title"] == f"Certificate of www.example.com: {words}"


@pytest.mark.parametrize(
    ("response", "details"),
    [
        ("AAEC\nAw==", {"ocsp_response_sha256": payloads.PEM_SHA256}),
        ("", {}),
        ("not base64!", {"nulled": "ocsp"}),
        ("ÄÄÄÄ", {"nulled": "ocsp"}),
        ([], {"nulled": "ocsp"}),
    ],
)
def test_of_a_staple_the_hash_is_kept(response: object, details: dict[str, str]) -> None:
    row = payloads.row(staple(ocsp_response=response, date_time=None))
    assert row["details"] == details
