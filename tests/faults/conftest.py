"""A running system for the scenarios, and a table of how long recoveries took."""

from __future__ import annotations

import random
from concurrent import futures
from typing import TYPE_CHECKING

import pytest

from tests import harness, waiting
from tests.faults import books, load, quota

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


@pytest.fixture(scope="session")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[futures.Future[quota.Spent]]:
    """What came of a minute under a quota."""
    with futures.ThreadPoolExecutor(1) as beside:
        yield beside.submit(quota.spend, tmp_path_factory.mktemp("quota"))


@pytest.fixture(scope="session", autouse=True)
def _minute_begins_early(request: pytest.FixtureRequest) -> None:
    """Let the minute, which is mostly waiting, pass while the other scenarios run."""
    wanted = (item.fixturenames for item in request.session.items if isinstance(item, pytest.Function))
    if any("minute" in names for names in wanted):
        request.getfixturevalue("minute")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give scenarios more time than other tests: several things are waited for in each, with patience."""
    for item in items:
        if "faults" in item.keywords:
            item.add_marker(pytest.mark.timeout(5 * waiting.PATIENCE_S))


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
