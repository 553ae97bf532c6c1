"""Payloads and batches for the tests of the pipeline, and short ways to look at what becomes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from storage.queue import envelope
from workers import pipeline
from workers.model import batch_plan

if TYPE_CHECKING:
    from workers.noise import rules_file

NOW_MS = 1_760_000_000_000
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/148.0.0.0 Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:151.0) Gecko/20100101 Firefox/151.0"
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.3 Safari/605.1.15"
)
PEM = "-----BEGIN CERTIFICATE-----\nAAECAw==\n-----END CERTIFICATE-----\n"
PEM_SHA256 = "054edec1d0211f624fed0cbca9d4f9400b0e491c43742af2c5b0abebf0c990d8"

LIMITS = {
    **dict.fromkeys(("fingerprint", "identity", "policy", "seen", "project_id"), 2**64),
    **dict.fromkeys(("line", "column"), 2**32),
    **dict.fromkeys(("port", "status_code"), 2**16),
    **dict.fromkeys(("impossible", "allowed"), 2),
}
"""Bounds that integers of a row stay below, by column."""

Row = dict[str, Any]


def legacy(**members: object) -> dict[str, Any]:
    """Return a report-uri object, some of its members replaced; None leaves one out."""
    report: Row = {
        "document-uri": "https://www.example.com/account",
        "effective-directive": "img-src",
        "blocked-uri": "https://tracker.example/p.gif",
        "disposition": "enforce",
    }
    report |= {name.replace("_", "-"): value for name, value in members.items()}
    return {"csp-report": {name: value for name, value in report.items() if value is not None}}


def modern(*, age: object = 0, user_agent: object = CHROME, url: object = None, **body: object) -> Row:
    """Return a Reporting API csp-violation, some members of its body replaced."""
    violation = {
        "documentURL": "https://www.example.com/account",
        "effectiveDirective": "img-src",
        "blockedURL": "https://tracker.example/p.gif",
        "disposition": "enforce",
    }
    return {
        "age": age,
        "body": violation | body,
        "type": "csp-violation",
        "url": url or "https://www.example.com/account",
        "user_agent": user_agent,
    }


def certificate(**members: object) -> Row:
    """Return the members that Expect-CT and HPKP reports share, some replaced."""
    report = {"hostname": "www.example.com", "port": 443, "date-time": "2021-06-01T12:00:00.123Z"}
    report |= {name.replace("_", "-"): value for name, value in members.items()}
    return {name: value for name, value in report.items() if value is not None}


def payload(body: object, **known: Any) -> envelope.Payload:
    """Return a payload of project 1; a body that is no bytes is written as JSON."""
    defaults: Row = {
        "project_id": 1,
        "key": "k",
        "environment": "production",
        "release": "1.0",
        "user_agent": FIREFOX,
        "content_type": "application/json",
        "flags": 0,
        "body": body if isinstance(body, bytes) else json.dumps(body).encode(),
    }
    return envelope.Payload(**(defaults | known))


def process(
    *payloads: envelope.Payload,
    plan: batch_plan.Plan | None = None,
    received_ms: int = NOW_MS,
    common: rules_file.RulesFile | None = None,
) -> pipeline.Tables:
    """Process one batch of one entry."""
    entries = [envelope.Entry(f"{received_ms}-0", list(payloads))]
    return pipeline.process(3, entries, plan or batch_plan.Plan(senders=True, findings=True), common=common)


def rows(columns: dict[str, list[Any]]) -> list[Row]:
    """Return columns as rows."""
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def row(body: object, **known: Any) -> Row:
    """Process one payload that holds one report and return its row."""
    (only,) = rows(process(payload(body, **known)).reports)
    return only


def outcome_counts(tables: pipeline.Tables) -> dict[tuple[str, str], int]:
    """Return the counted reports by outcome and reason."""
    counts: dict[tuple[str, str], int] = {}
    for line in rows(tables.outcomes):
        key = (line["outcome"], line["reason"])
        counts[key] = counts.get(key, 0) + line["quantity"]
    return counts


def assert_balanced(tables: pipeline.Tables) -> None:
    """Check that each report is counted once, and each accepted one is in a row."""
    accepted = sum(line["quantity"] for line in rows(tables.outcomes) if line["outcome"] == "accepted")
    assert sum(tables.found.values()) == sum(tables.outcomes["quantity"])
    assert sum(tables.reports["seen"]) + sum(tables.archived["seen"]) == accepted
    assert sum(tables.finding_days["seen"]) in {accepted, 0}
    days = (tables.finding_days, tables.policy_days)
    for columns in (
        *(tables.reports, tables.archived, tables.outcomes, tables.quarantine, tables.policies),
        *days,
    ):
        assert len({len(values) for values in columns.values()}) == 1


def assert_storable(row: Row) -> None:
    """Check that each value fits its column."""
    for column, value in row.items():
        if column in LIMITS:
            assert type(value) is int
            assert 0 <= value < LIMITS[column]
        elif isinstance(value, str):
            value.encode()
            assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in value)
    assert 0 <= row["window_start"] <= row["first_seen"] <= row["last_seen"]
    assert all(type(text) is str and name for name, text in row["details"].items())
    assert row["disposition"] in ("", "enforce", "report")
