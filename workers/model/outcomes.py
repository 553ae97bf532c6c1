"""Outcomes: what can become of a report, for which reason, and how many reports had which outcome."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workers.model import columns


class Outcome(enum.StrEnum):
    """The end of a report. Each report has exactly one outcome."""

    ACCEPTED = "accepted"
    QUOTA = "quota"
    FILTERED = "filtered"
    INVALID = "invalid"


class Reason(enum.StrEnum):
    """Why a report was not accepted; ``meaning`` says it to a person. The values are stored: never rename."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Return the member with its meaning beside its stored value."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    NOT_JSON = "not_json", "The payload, or a part of it, is no JSON, not even for a lenient parser."
    NOT_A_REPORT = "not_a_report", "The payload is JSON, but neither an object nor an array."
    NOT_AN_OBJECT = "not_an_object", "The array item, the wrapped report or the body is no JSON object."
    NO_TYPE = "no_type", "The item of a Reporting API batch has no type, or a type that is no text."
    UNRECOGNISED = "unrecognised", "The object has the shape of no report family."
    NO_DIRECTIVE = "no_directive", "The CSP report names no directive, effective or violated."
    NO_LOCATION = (
        "no_location",
        "The CSP report names neither a document, nor a source, nor what was blocked.",
    )
    NO_HOSTNAME = "no_hostname", "The certificate report names no host, or something that is no host name."
    NO_CHAIN = "no_chain", "What the certificate report calls a certificate chain is no list."
    TOO_MANY = "too_many", "The array holds more reports than are read from one payload."
    CORRUPT_ENTRY = (
        "corrupt_entry",
        "The stream entry that held the payload is damaged, or of an unknown version.",
    )
    POISON = "poison", "Processing the payload fails for good, so it was quarantined as a whole, unread."
    DEFECT = "defect", "Headrace failed on this report; its text is in quarantine and worth a bug report."
    RESENT = "resent", "The browser sent the report again; it was counted when it came first."
    ORIGIN = "origin", "The report's page is on no origin that the project allows, or is unknown."
    EXPIRED = "expired", "The report came later than the project keeps reports."
    SAMPLED = "sampled", "Sampling left the report out; the weights of those that were kept stand for it."
    PROJECT_MINUTE = "project_minute", "The project's quota of a minute was used up."
    PROJECT_DAY = "project_day", "The project's quota of a day was used up."
    KEY_MINUTE = "key_minute", "The public key's quota of a minute was used up."
    KEY_DAY = "key_day", "The public key's quota of a day was used up."
    TEST_REPORT = (
        "test_report",
        "The sender marked the report as a test (RFC 9163 §3.1), and it says nothing else.",
    )


class Account(NamedTuple):
    """The account of a report, by which it is counted: project, public key, environment and release."""

    project_id: int
    key: str
    environment: str
    release: str


class OutcomeKey(NamedTuple):
    """How a report is counted: its kind (empty if never known), outcome and reason (empty if accepted)."""

    kind: str
    outcome: str
    reason: str


class OutcomeCounts:
    """Counts outcomes, summed per minute of receipt (seconds since the epoch), account and outcome key."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, Account, OutcomeKey], int] = {}

    def add(
        self, counts_by_time: Mapping[int, int], account: Account, outcome_counts: Mapping[OutcomeKey, int]
    ) -> None:
        """Count the reports of a payload once for each time the payload was received.

        Args:
            counts_by_time: how many deliveries the payload had at each time of receipt (ms since the epoch).
            account: the account of the payload.
            outcome_counts: how many of its reports are counted in which way.
        """
        counts = self._counts
        for minute, times in _by_minute(counts_by_time):
            for outcome_key, quantity in outcome_counts.items():
                key = (minute, account, outcome_key)
                counts[key] = counts.get(key, 0) + quantity * times

    def columns(self) -> columns.Columns:
        """Return the rows of the table ``outcomes``."""
        keys = list(self._counts)
        return {
            "minute": [minute for minute, _, _ in keys],
            "project_id": [account.project_id for _, account, _ in keys],
            "key": [account.key for _, account, _ in keys],
            "environment": [account.environment for _, account, _ in keys],
            "release": [account.release for _, account, _ in keys],
            "kind": [outcome_key.kind for _, _, outcome_key in keys],
            "outcome": [outcome_key.outcome for _, _, outcome_key in keys],
            "reason": [outcome_key.reason for _, _, outcome_key in keys],
            "quantity": list(self._counts.values()),
        }


def _by_minute(counts_by_time: Mapping[int, int]) -> Iterable[tuple[int, int]]:
    if len(counts_by_time) == 1:  # as of most payloads
        ((received_ms, times),) = counts_by_time.items()
        return ((received_ms // 60_000 * 60, times),)
    minutes: dict[int, int] = {}
    for received_ms, times in counts_by_time.items():
        minute = received_ms // 60_000 * 60
        minutes[minute] = minutes.get(minute, 0) + times
    return minutes.items()
