"""Data that crosses the stages: an item of a payload, and the report or the rejection that it becomes."""

from __future__ import annotations

import msgspec

from workers.model import outcomes
from workers.text import urls

Members = dict[str, bytes]
"""The members of a JSON object by name, each as the JSON that was sent."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """One report as it was sent, its family recognised.

    Attributes:
        type: the Reporting API type in lower case; "" if the sender knows no Reporting API.
        body: the members of the report itself.
        envelope: the object around the body (``age``, ``url``, ``user_agent``); the body itself if there is
            no other.
        wrapper: the member of the envelope that holds the body; "" if the envelope is the body.
    """

    type: str
    body: Members
    envelope: Members
    wrapper: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One normalised report: clean, bounded, and of the same shape for every family.

    Attributes:
        kind: the family, as in the column ``kind``.
        disposition: ``enforce``, ``report``, or "" where the sender does not say.
        directive: the rule that was violated: effective directive (CSP), type (unknown reports).
        blocked: what was blocked: URL, scheme or keyword.
        document: the page.
        referrer_host: host of the page's referrer.
        source_file: the script that caused the violation.
        line: line in the source file, 0 unknown.
        column: column in the source file, 0 unknown.
        sample: the beginning of the blocked code.
        hostname: the host that a certificate report is about.
        port: the port of that host, 0 unknown.
        policy: text of the violated policy, without nonces.
        policy_sent: the policy as it was sent, neither cleaned nor scrubbed; "" once the report is scrubbed.
        sent: the members of the report as they were sent, by field; empty once the report is scrubbed.
        user_agent: the user agent that the report itself names; "" leaves the request's.
        status_code: HTTP status of the page, 0 unknown.
        weight: for how many reports this one stands if its sender sends only a share of them (NEL).
        age: milliseconds between the event and the upload, bounded.
        details: what else the report carried. Part of what makes two reports equal.
        moments: dates that differ from report to report of the same finding; a row keeps those of its first
            report.
    """

    kind: str
    disposition: str = ""
    directive: str = ""
    blocked: urls.URL = urls.NONE
    document: urls.URL = urls.NONE
    referrer_host: str = ""
    source_file: urls.URL = urls.NONE
    line: int = 0
    column: int = 0
    sample: str = ""
    hostname: str = ""
    port: int = 0
    policy: str = ""
    policy_sent: str = ""
    sent: Members = {}
    user_agent: str = ""
    status_code: int = 0
    weight: float = 1.0
    age: int = 0
    details: dict[str, str] = {}
    moments: dict[str, str] = {}


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """Why an item becomes no row.

    Attributes:
        outcome: ``invalid`` (kept in quarantine) or ``filtered``.
        reason: the stable reason, or the noise rule.
        kind: the family if it was recognised, else "".
        error: what exactly is wrong, for a person.
    """

    outcome: outcomes.Outcome
    reason: outcomes.Reason | str
    kind: str
    error: str

    @property
    def outcome_key(self) -> outcomes.OutcomeKey:
        """How the item is counted."""
        return outcomes.OutcomeKey(self.kind, self.outcome.value, str(self.reason))


def invalid(reason: outcomes.Reason, kind: str = "", error: str = "") -> Rejection:
    """Return the rejection of what cannot be understood; its error defaults to the reason's meaning."""
    return Rejection(outcomes.Outcome.INVALID, reason, kind, error or reason.meaning)


def retry(kind: str) -> Rejection:
    """Return the rejection of a report that its sender sent again, and that was counted the first time."""
    return left_out(outcomes.Reason.RESENT, kind)


def left_out(reason: outcomes.Reason, kind: str) -> Rejection:
    """Return the rejection of a report that is understood, and is left out on purpose."""
    return Rejection(outcomes.Outcome.FILTERED, reason, kind, reason.meaning)


def filtered(rule: str, kind: str) -> Rejection:
    """Return the rejection of noise that its project does not want stored."""
    return Rejection(outcomes.Outcome.FILTERED, rule, kind, f"Noise by the rule {rule}.")
