"""One running system, each installed browser in turn, and how long each took, printed at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.browser import browsers
from tests.helpers import harness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TIME: Final = "seconds from page to rows"


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.System]:
    """A whole ``headrace up``."""
    with harness.system(tmp_path_factory.mktemp("system")) as running:
        yield running


@pytest.fixture(params=[browsers.CHROMIUM, browsers.FIREFOX], ids=lambda browser: browser.name)
def browser(request: pytest.FixtureRequest) -> browsers.Browser:
    """Chromium, then Firefox."""
    if not request.param.is_installed():
        pytest.skip(f"{request.param.executable} is not installed")
    browser: browsers.Browser = request.param
    return browser


@pytest.fixture
def note_time(request: pytest.FixtureRequest) -> Callable[[float], None]:
    """Take down how many seconds lay between the page being asked for and its rows being visible."""

    def note(seconds: float) -> None:
        request.node.user_properties.append((_TIME, f"{seconds:.2f}"))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the times; they fail nothing."""
    noted = [
        f"{report.nodeid}: {value} {name}"
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == _TIME
    ]
    if noted:
        terminalreporter.section("browsers")
        for line in noted:
            terminalreporter.write_line(line)
