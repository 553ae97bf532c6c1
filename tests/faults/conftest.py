"""A running system for the scenarios, and a table of how long recoveries took."""

from __future__ import annotations

import random
from concurrent import futures
from typing import TYPE_CHECKING

import pytest

from tests.faults import books, load, quota
from tests.helpers import harness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RECOVERY = "recovery from "
"""Start of the name of each time that a test notes; the name of the fault follows."""


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


@pytest.fixture(scope="session")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[futures.Future[quota.Spent]]:
    """The results of a minute under a quota."""
    with futures.ThreadPoolExecutor(1) as beside:
        yield beside.submit(quota.spend, tmp_path_factory.mktemp("quota"))


@pytest.fixture(scope="session", autouse=True)
def _minute_begins_early(request: pytest.FixtureRequest) -> None:
    """Let the minute, which is mostly waiting, pass while the other scenarios run."""
    wanted = (item.fixturenames for item in request.session.items if isinstance(item, pytest.Function))
    if any("minute" in names for names in wanted):
        request.getfixturevalue("minute")


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Let chance be repeatable."""
    seed = random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201 - to repeat a failure
    random.seed(seed)


@pytest.fixture
def sent(system: harness.System) -> Iterator[load.Load]:
    """Reports that keep coming; at the end the books must balance."""
    opened = books.Books(system)
    with load.Load(system.project) as sending:
        yield sending
    opened.close(sending)


@pytest.fixture
def recovered(request: pytest.FixtureRequest) -> Callable[[str, float], None]:
    """Note how many seconds the recovery from a fault took."""

    def note(fault: str, seconds: float) -> None:
        request.node.user_properties.append((f"{RECOVERY}{fault}", seconds))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the recoveries."""
    recoveries: dict[str, list[float]] = {}
    for report in terminalreporter.getreports("passed"):
        for name, seconds in report.user_properties:
            if name.startswith(RECOVERY):
                recoveries.setdefault(name.removeprefix(RECOVERY), []).append(seconds)
    if recoveries:
        terminalreporter.section("seconds until everything acknowledged was stored again")
        for fault, taken in recoveries.items():
            terminalreporter.line(f"{fault:30} {' '.join(f'{seconds:6.2f}' for seconds in taken)}")
