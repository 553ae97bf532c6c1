"""The outcomes and their counts."""

from __future__ import annotations

from workers.model import outcomes


def test_every_reason_says_what_it_means() -> None:
    for reason in outcomes.Reason:
        assert reason == reason.value
        assert reason.value.isidentifier()
        assert reason.meaning.endswith(".")


def test_counts_are_summed_per_minute_account_and_verdict() -> None:
    tally = outcomes.OutcomeCounts()
    account = outcomes.Account(1, "k", "e", "r")
    accepted = outcomes.OutcomeKey("csp", "accepted", "")
    invalid = outcomes.OutcomeKey("", "invalid", "no_type")
    tally.add({60_000: 2, 119_999: 1, 120_000: 1}, account, {accepted: 3, invalid: 1})
    tally.add({60_001: 1}, account, {accepted: 1})
    assert tally.columns() == {
        "minute": [60, 60, 120, 120],
        "project_id": [1, 1, 1, 1],
        "key": ["k"] * 4,
        "environment": ["e"] * 4,
        "release": ["r"] * 4,
        "kind": ["csp", "", "csp", ""],
        "outcome": ["accepted", "invalid", "accepted", "invalid"],
        "reason": ["", "no_type", "", "no_type"],
        "quantity": [10, 3, 3, 1],
    }
