"""Batches of anything: random bytes, random JSON, and reports of every family, some members made wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import hypothesis
from hypothesis import strategies as st

from storage.projects import project_settings
from storage.queue import envelope
from tests.helpers import payloads
from workers import families
from workers.model import batch_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    Members = Mapping[str, st.SearchStrategy[Any]]

TEXT: Final = st.text(max_size=20) | st.sampled_from(["", "inline", "a\x00b", "\ud83d", "=cmd|' /C calc'!A0"])
URLS: Final = TEXT | st.sampled_from(
    [
        "https://www.example.com/a?b=c#d",
        "https://user:secret@[::1]:99999/",
        "chrome-extension://abc/x.js",
        "data:text/html,x",
        "about:blank",
        "http://[",
    ]
)
NUMBERS: Final = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(["7", -1])
FLAGS: Final = st.booleans() | st.sampled_from(["true", 0, 1])
DATES: Final = TEXT | st.sampled_from(
    ["2021-06-01T12:00:00.123Z", "2021-06-01t12:00:60z", "99999-01-01T00:00:00Z", 1.6e12]
)
DISPOSITIONS: Final = TEXT | st.sampled_from(["enforce", "report", "reporting"])
CHAINS: Final = st.lists(TEXT | st.just(payloads.PEM), max_size=3)

_SOURCE: Final = {"sourceFile": URLS, "lineNumber": NUMBERS, "columnNumber": NUMBERS}
_VIOLATION: Final = {"disposition": DISPOSITIONS, "message": TEXT, **_SOURCE}
_MESSAGE: Final = {"id": TEXT, "message": TEXT, **_SOURCE}
_POLICY: Final = {"policyId": TEXT, "featureId": TEXT, **_VIOLATION}
_CERTIFICATE: Final = {
    "date-time": DATES,
    "effective-expiration-date": DATES,
    "hostname": TEXT | st.just("www.example.com"),
    "port": NUMBERS,
    "served-certificate-chain": CHAINS,
    "validated-certificate-chain": CHAINS,
}


def _words(*words: str) -> st.SearchStrategy[str]:
    return TEXT | st.sampled_from(words)


LEGACY: Final[Members] = {
    "document-uri": URLS,
    "document-url": URLS,
    "referrer": URLS,
    "blocked-uri": URLS,
    "violated-directive": _words("img-src 'self'", "script-src"),
    "effective-directive": _words("img-src", "script-src-elem"),
    "original-policy": _words("default-src 'none'; img-src 'self' https: 'nonce-abc'"),
    "disposition": DISPOSITIONS,
    "status-code": NUMBERS,
    "source-file": URLS,
    "line-number": NUMBERS,
    "column-number": NUMBERS,
    "script-sample": TEXT,
    "request": _words("GET https://www.example.com/ HTTP/1.1"),
}
"""A ``report-uri`` object of any generation."""

_CSP: Final[Members] = {
    "documentURL": URLS,
    "blockedURL": URLS,
    "referrer": URLS,
    "effectiveDirective": _words("img-src", "script-src-attr"),
    "originalPolicy": TEXT,
    "sample": TEXT,
    "statusCode": NUMBERS,
    **_VIOLATION,
}

_PINS: Final[Members] = {
    **_CERTIFICATE,
    "include-subdomains": FLAGS,
    "noted-hostname": TEXT,
    "known-pins": st.lists(_words('pin-sha256="YWJj"'), max_size=3),
    "app-bundle-id": TEXT,
    "enforce-pinning": FLAGS,
    "validation-result": NUMBERS,
}

WRAPPED: Final[Mapping[str, Members]] = {
    "csp-report": LEGACY,
    "expect-ct-report": {
        **_CERTIFICATE,
        "scts": st.lists(
            st.dictionaries(_words("version", "status", "source", "serialized_sct"), TEXT, max_size=4),
            max_size=3,
        ),
        "failure-mode": DISPOSITIONS,
        "test-report": FLAGS,
    },
    "expect-staple-report": {
        **_CERTIFICATE,
        "response-status": _words("MISSING", "PROVIDED"),
        "cert-status": _words("REVOKED"),
        "ocsp-response": TEXT,
    },
    "hpkp-report": _PINS,
}
"""Reports in one member of the root."""

BODIES_BY_TYPE: Final[Mapping[str, Members]] = {
    "csp-violation": _CSP,
    "csp": _CSP,
    "csp-hash": {
        "documentURL": URLS,
        "subresourceURL": URLS,
        "hash": _words("sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s="),
        "type": TEXT,
        "destination": TEXT,
    },
    "integrity-violation": {
        "documentURL": URLS,
        "blockedURL": URLS,
        "destination": _words("script", "style"),
        "reportOnly": FLAGS,
    },
    "permissions-policy-violation": _POLICY,
    "potential-permissions-policy-violation": {**_POLICY, "allowAttribute": TEXT, "srcAttribute": URLS},
    "feature-policy-violation": _POLICY,
    "potential-feature-policy-violation": {**_POLICY, "allowAttribute": TEXT, "srcAttribute": URLS},
    "document-policy-violation": _POLICY,
    "coep": {
        "type": _words("corp", "navigation", "worker initialization"),
        "blockedURL": URLS,
        "destination": _words("script", "image"),
        "disposition": DISPOSITIONS,
    },
    "coop": {
        "type": _words("navigation-to-response", "access-from-coop-page-to-opener"),
        "violation": _words("navigate-to-document"),
        "effectivePolicy": _words("same-origin", "unsafe-none"),
        "previousResponseURL": URLS,
        "nextResponseURL": URLS,
        "openerURL": URLS,
        "openeeURL": URLS,
        "otherDocumentURL": URLS,
        "initialPopupURL": URLS,
        "referrer": URLS,
        "property": _words("postMessage"),
        **_VIOLATION,
    },
    "deprecation": {"anticipatedRemoval": DATES | NUMBERS, **_MESSAGE},
    "intervention": _MESSAGE,
    "crash": {
        "reason": _words("oom", "unresponsive"),
        "stack": TEXT,
        "is_top_level": FLAGS,
        "visibility_state": _words("visible", "hidden"),
        "page_visibility": TEXT,
        "crash_report_api": st.dictionaries(TEXT, TEXT | NUMBERS, max_size=3),
    },
    "network-error": {
        "sampling_fraction": NUMBERS | st.sampled_from([0, 1e-300, -0.5, 0.25]),
        "referrer": URLS,
        "server_ip": _words("192.0.2.1", "::1"),
        "protocol": _words("h2"),
        "method": _words("GET"),
        "status_code": NUMBERS,
        "elapsed_time": NUMBERS,
        "phase": _words("dns", "connection", "application"),
        "type": _words("ok", "tcp.timed_out", "http.error"),
        "sxg": st.dictionaries(TEXT, TEXT, max_size=2),
    },
    "connection-allowlist": {
        "url": URLS,
        "connection": _words("webrtc", "https://a.example/x"),
        "allowlist": st.lists(TEXT, max_size=3),
        "disposition": DISPOSITIONS,
    },
    "hpkp": _PINS,
    "expect-ct": WRAPPED["expect-ct-report"],
    "expect-staple": WRAPPED["expect-staple-report"],
    "brand-new": {"anything": TEXT | NUMBERS},
}
"""The body of each Reporting API type."""

FLAT: Final[Mapping[str, Members]] = {
    "hpkp": _PINS,
    "expect-ct": WRAPPED["expect-ct-report"],
    "expect-staple": WRAPPED["expect-staple-report"],
    "csp": LEGACY,
}
"""Reports that are the root themselves, by the family that recognises them."""

_ENVELOPE: Final[Members] = {
    "age": NUMBERS,
    "url": URLS,
    "user_agent": TEXT | st.just(payloads.CHROME),
}
MEMBERS: Final = st.text(max_size=8) | st.sampled_from(
    sorted(
        {
            name
            for members in [*WRAPPED.values(), *BODIES_BY_TYPE.values(), *FLAT.values()]
            for name in members
        }
        | {*WRAPPED, *_ENVELOPE, "type", "body"}
        | {wrapper for family in families.ALL for wrapper in family.wrappers}
        | {name for family in families.ALL for name in family.names}
    )
)
SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from([*BODIES_BY_TYPE, "inline", "https://a.example/?b", "www.example.com"])
)
JSON: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS, inner, max_size=8),
    max_leaves=20,
)


def _holding(members: Members) -> st.SearchStrategy[payloads.Row]:
    """Return objects of some of these members; now and then one is wrong, or of no report at all."""
    sound = st.fixed_dictionaries({}, optional=dict(members))
    wrong = st.dictionaries(st.sampled_from(sorted(members)) | MEMBERS, JSON, max_size=2)
    return sound | st.builds(lambda first, second: {**first, **second}, sound, wrong)


def _typed(name: str, members: Members) -> st.SearchStrategy[payloads.Row]:
    bodies = _holding(members) | st.none() | JSON
    return st.builds(lambda outer, body: {"type": name, "body": body, **outer}, _holding(_ENVELOPE), bodies)


def _wrapped(name: str, members: Members) -> st.SearchStrategy[payloads.Row]:
    return _holding(members).map(lambda body: {name: body})


FAMILIES: Final[Mapping[str, st.SearchStrategy[payloads.Row]]] = {
    **{name: _typed(name, members) for name, members in BODIES_BY_TYPE.items()},
    **{name: _wrapped(name, members) for name, members in WRAPPED.items()},
    **{f"flat {name}": _holding(members) for name, members in FLAT.items()},
}
"""Reports of one shape each; together every shape that any family is recognised by."""

REPORTS: Final = st.one_of(*FAMILIES.values())
BODIES: Final = st.binary(max_size=60) | (JSON | REPORTS | st.lists(REPORTS | JSON, max_size=5)).map(
    lambda value: json.dumps(value).encode()
)
PAYLOADS: Final = st.builds(
    payloads.payload,
    BODIES,
    project_id=st.integers(1, 2),
    environment=st.sampled_from(["", "production"]),
    user_agent=st.sampled_from(["", payloads.CHROME]),
    flags=st.integers(0, 3),
)
ENTRIES: Final = st.lists(
    st.builds(
        envelope.Entry,
        st.integers(payloads.NOW_MS, payloads.NOW_MS + 100_000).map("{}-0".format),
        st.lists(PAYLOADS, min_size=1, max_size=4),
    ),
    max_size=4,
)
PLANS: Final = st.sampled_from([0, 1, 60]).map(
    lambda window: batch_plan.Plan(
        projects={1: batch_plan.ProjectPlan(settings=project_settings.ProjectSettings(dedupe_window=window))},
        senders=True,
    )
)


def more_examples(times: float) -> hypothesis.settings:
    """Return settings for so many times the examples of the profile, which ``make unit`` has fewer of."""
    return hypothesis.settings(max_examples=round(times * hypothesis.settings().max_examples))
