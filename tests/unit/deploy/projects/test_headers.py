"""The headers that operators copy."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy.projects import headers
from storage.projects import model

PROJECT = model.Project(id=7, name="shop", keys=("abc", "def"))
URL = headers.endpoint("https://reports.example", PROJECT, "pro,d", "1.2; \"x\" 'y'")


def values() -> dict[str, str]:
    return {header.name: header.value for header in headers.every(URL)}


def test_the_endpoint_is_what_the_edge_serves() -> None:
    assert headers.endpoint("https://h/base", PROJECT) == "https://h/base/api/7/security/?sentry_key=abc"


def test_environment_and_release_survive_any_character() -> None:
    query = parse_qs(urlsplit(URL).query)
    assert query == {
        "sentry_key": ["abc"],
        "sentry_environment": ["pro,d"],
        "sentry_release": ["1.2; \"x\" 'y'"],
    }


@pytest.mark.parametrize("character", [",", ";", '"', "'", " "])
def test_nothing_in_the_url_ends_it_inside_a_header(character: str) -> None:
    assert character not in URL


@pytest.mark.parametrize("header", headers.every(URL), ids=lambda header: header.name)
def test_every_header_names_the_endpoint_or_its_group(header: headers.Header) -> None:
    assert URL in header.value or f'"report_to": "{headers.GROUP}"' in header.value
    assert header.note


def test_what_is_json_is_valid() -> None:
    assert json.loads(values()["Report-To"])["endpoints"] == [{"url": URL}]
    assert json.loads(values()["NEL"])["report_to"] == json.loads(values()["Report-To"])["group"]


def test_a_policy_that_reports_at_once_has_no_report_to() -> None:
    assert headers.policy(URL) == f"default-src 'self'; report-uri {URL}"


def test_over_http_the_policies_do_without_report_to_which_would_silence_them() -> None:
    plain = {header.name: header.value for header in headers.every(URL.replace("https:", "http:"))}
    assert "report-to" not in plain["Content-Security-Policy"]
    assert "report-to" in values()["Content-Security-Policy"]
