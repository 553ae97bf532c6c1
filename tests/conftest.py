"""Settings for the tests of every layer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer

    from tests import scheduling

os.environ.pop("COLUMNS", None)  # tests decide how wide a console is, not the terminal that starts them
hypothesis.settings.register_profile("headrace", deadline=None)  # a timing never fails a test
hypothesis.settings.register_profile("quick", deadline=None, max_examples=15)  # for `make unit`
hypothesis.settings.load_profile("headrace")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> scheduling.ByFile:
    """Let each process run whole files, if several run tests."""
    from tests import scheduling  # noqa: PLC0415 - only where there is xdist

    return scheduling.ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the longest tests begin first, if several processes run tests."""
    if hasattr(config, "workerinput"):
        from tests import scheduling  # noqa: PLC0415 - only where there is xdist

        items.sort(key=lambda item: scheduling.rank(item.nodeid))
