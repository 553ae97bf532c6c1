"""Browsers told from user agents."""

from __future__ import annotations

import pytest

from tests.unit.workers import payloads
from workers import agents


@pytest.mark.parametrize(
    ("user_agent", "agent"),
    [
        (payloads.CHROME, ("Chrome", "148", "Windows")),
        (payloads.FIREFOX, ("Firefox", "151", "Linux")),
        (payloads.SAFARI, ("Safari", "26", "Mac OS X")),
        ("curl/8.5.0", ("curl", "8", "")),
        ("x", ("", "", "")),
        ("", ("", "", "")),
    ],
)
def test_parse(user_agent: str, agent: tuple[str, str, str]) -> None:
    assert agents.parse(user_agent) == agent


def test_only_the_beginning_of_a_long_user_agent_is_read() -> None:
    padding = "a; " * 34_000
    assert agents.parse(f"Mozilla/5.0 ({padding}) Chrome/148.0") == agents.UNKNOWN
    assert agents.parse(payloads.CHROME + padding) == agents.parse(payloads.CHROME)
