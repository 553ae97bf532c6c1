"""The response headers that make browsers report to an endpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from storage.projects import model

GROUP: Final = "headrace"
"""The name by which headers refer to the endpoint."""
MAX_AGE_S: Final = 30 * 24 * 3600
"""Browsers keep NEL's and Report-To's endpoint this long and refresh it with every response."""
CT_MAX_AGE_S: Final = 24 * 3600
"""A day: browsers keep Expect-CT after the response, and a mistake in it should not stay for long."""


class Header(NamedTuple):
    """A response header, with a note for the person who copies it."""

    name: str
    value: str
    note: str


def endpoint(base_url: str, project: model.Project, environment: str = "", release: str = "") -> str:
    """Return the URL that reports of a project are sent to.

    A project has one key or more while it is active; the first is the one to use for new pages.
    """
    given = {"sentry_key": project.keys[0], "sentry_environment": environment, "sentry_release": release}
    # Everything is percent-encoded: a comma, a semicolon or a quote would end the URL inside a header.
    query = urlencode({name: value for name, value in given.items() if value}, quote_via=quote, safe="")
    return f"{base_url}/api/{project.id}/security/?{query}"


def policy(url: str) -> str:
    """Return a policy that makes every browser report at once.

    Chromium holds reports for ``report-to`` back for up to a minute, and ignores ``report-uri`` beside it.
    """
    return f"default-src 'self'; report-uri {url}"


def every(url: str) -> list[Header]:
    """Return the headers for each report family.

    The Reporting API needs HTTPS at both ends, and a browser that knows ``report-to`` ignores ``report-uri``
    beside it: for a plain HTTP endpoint the policies do without.
    """
    secure = url.startswith("https:")
    both = f"{policy(url)}; report-to {GROUP}" if secure else policy(url)
    reporting = (
        "What report-to refers to; deprecations, interventions and crashes go to the one named default."
        if secure
        else "Over HTTPS only, and then with '; report-to headrace' in the policies."
    )
    group = {"group": GROUP, "max_age": MAX_AGE_S, "endpoints": [{"url": url}]}
    network_errors = {"report_to": GROUP, "max_age": MAX_AGE_S, "failure_fraction": 1.0}
    return [
        Header(
            "Content-Security-Policy",
            both,
            "Blocks and reports; put your own policy in place of default-src 'self'.",
        ),
        Header(
            "Content-Security-Policy-Report-Only", both, "Reports only; may be sent beside the other one."
        ),
        Header("Reporting-Endpoints", f'{GROUP}="{url}", default="{url}"', reporting),
        Header("NEL", json.dumps(network_errors), "Network errors; over HTTPS only, and needs Report-To."),
        Header("Report-To", json.dumps(group), "What NEL refers to."),
        Header("Expect-CT", f'max-age={CT_MAX_AGE_S}, report-uri="{url}"', "Chrome 61 to 106."),
        Header(
            "Public-Key-Pins-Report-Only",
            f'pin-sha256="<primary>"; pin-sha256="<backup>"; report-uri="{url}"',
            "Old clients. Put the base64 SHA-256 of two public keys (SPKI) for the pins: ignored without.",
        ),
    ]
