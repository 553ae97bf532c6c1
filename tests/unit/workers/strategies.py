"""Batches of anything: random bytes, random JSON, and real reports with one member made wrong."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from storage import envelope, registry
from tests.unit.workers import payloads
from workers import families, pipeline

MEMBERS = st.text(max_size=8) | st.sampled_from(
    [
        *(wrapper for family in families.ALL for wrapper in family.wrappers),
        *(mark for family in families.ALL for marks in family.marks for mark in sorted(marks)),
        *(
            "type",
            "body",
            "url",
            "age",
            "user_agent",
            "csp-report",
            "document-uri",
            "documentURL",
            "blocked-uri",
        ),
        *(
            "effective-directive",
            "violated-directive",
            "original-policy",
            "disposition",
            "line-number",
            "sample",
        ),
        *("date-time", "port", "served-certificate-chain", "scts", "known-pins", "test-report", "referrer"),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["csp-violation", "inline", "https://a.example/?b", "img-src 'self'", "www.example.com"]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS, inner, max_size=8),
    max_leaves=20,
)


def _mutated(item: payloads.Row, member: str, value: object) -> payloads.Row:
    return {
        name: inner | {member: value} if isinstance(inner, dict) else inner for name, inner in item.items()
    } | ({member: value} if member in item else {})


REPORTS = st.sampled_from(
    [payloads.legacy(), payloads.modern(age=7), {"expect-ct-report": payloads.certificate()}]
)
MUTATED = st.builds(_mutated, REPORTS, MEMBERS, JSON)
BODIES = st.binary(max_size=60) | (JSON | MUTATED | st.lists(MUTATED | JSON, max_size=5)).map(
    lambda value: json.dumps(value).encode()
)
PAYLOADS = st.builds(
    payloads.payload,
    BODIES,
    project_id=st.integers(1, 2),
    environment=st.sampled_from(["", "production"]),
    user_agent=st.sampled_from(["", payloads.CHROME]),
    flags=st.integers(0, 3),
)
ENTRIES = st.lists(
    st.builds(
        envelope.Entry,
        st.integers(payloads.NOW_MS, payloads.NOW_MS + 100_000).map("{}-0".format),
        st.lists(PAYLOADS, min_size=1, max_size=4),
    ),
    max_size=4,
)
PLANS = st.sampled_from([0, 1, 60]).map(
    lambda window: pipeline.Plan(
        projects={1: pipeline.ProjectPlan(settings=registry.ProjectSettings(dedupe_window=window))}
    )
)
