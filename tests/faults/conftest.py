"""A running system for the scenarios, and a table of how long recoveries took."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import harness
from tests.faults import books, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RECOVERIES: list[tuple[str, float]] = []


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.System]:
    """A whole ``headrace up`` that every scenario leaves healthy."""
    with harness.system(tmp_path_factory.mktemp("faults"), HEADRACE_EDGE_PROCESSES="2") as running:
        yield running


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.ClickHouseServer]:
    """A ClickHouse that a system of its own may be told to use."""
    with harness.clickhouse_server(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


@pytest.fixture
def sent(system: harness.System) -> Iterator[load.Load]:
    """Reports that keep coming; at the end the books must balance."""
    opened = books.Books(system)
    with load.Load(system.project) as sending:
        yield sending
    opened.close(sending)


@pytest.fixture
def recovered() -> Callable[[str, float], None]:
    """Note how many seconds the recovery from a fault took."""

    def note(fault: str, seconds: float) -> None:
        RECOVERIES.append((fault, seconds))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the recoveries."""
    if RECOVERIES:
        terminalreporter.section("seconds until everything acknowledged was stored again")
        for fault in dict.fromkeys(fault for fault, _ in RECOVERIES):
            seconds = [taken for name, taken in RECOVERIES if name == fault]
            terminalreporter.line(f"{fault:30} {' '.join(f'{taken:6.2f}' for taken in seconds)}")
