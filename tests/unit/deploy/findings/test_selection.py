"""The values that filters take."""

from __future__ import annotations

import subprocess
import sys

import pytest

from deploy.findings import selection


@pytest.mark.parametrize(
    ("name", "text"),
    [("kind", "nel"), ("kind", "unknown"), ("disposition", "report"), ("disposition", ""), ("release", "1")],
)
def test_a_filter_takes_what_its_column_may_hold(name: str, text: str) -> None:
    assert selection.checked(name, text) == text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("kind", "cps", "one of coep, coop, crash, csp, "),
        ("kind", "", "one of coep, "),
        ("disposition", "enforced", "one of enforce, report$"),
    ],
)
def test_a_slip_is_told_and_not_answered_by_nothing(name: str, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        selection.checked(name, text)


def test_commands_start_without_the_report_families() -> None:
    """They take a tenth of a second to load, which each command would wait for."""
    loaded = "import sys, deploy.cli; print('workers.families' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
