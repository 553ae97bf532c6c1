"""Shares tests out among processes that run them at once: one process runs a whole file, in its order.

Servers and systems are started once for a session, and a session is what one process runs. The longest
files begin first, so that all processes end at about the same time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

FIRST: Final = (
    "tests/faults/",
    "tests/integration/deploy/",
    "tests/browser/",
    "tests/integration/",
    "tests/unit/workers/scrub/",
    "tests/unit/workers/test_same_rows.py",
    "tests/unit/workers/families/",
    "tests/unit/workers/",
)
"""Folders and files that begin first, since they take longest."""
TOGETHER: Final = ("tests/faults/",)
"""Folders whose files share a system, and a minute that passes while they run."""


def rank(nodeid: str) -> int:
    """Return the place of a test in the order in which they begin."""
    return next((place for place, folder in enumerate(FIRST) if nodeid.startswith(folder)), len(FIRST))


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # xdist ships no type information
    """Gives each process one file after the other."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # by the number of tests, which says little of their time

    def remove_node(self, node: WorkerController) -> str | None:
        """Return the test that took its process down, if any; others run what is left, but not it."""
        units = self.assigned_work.pop(node)
        left = [(unit, test) for unit in units.values() for test, done in unit.items() if not done]
        if not left:
            return None
        unit: dict[str, bool] = left[0][0]
        deadly: str = left[0][1]
        unit[deadly] = True
        self.workqueue.update({scope: unit for scope, unit in units.items() if not all(unit.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return deadly

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])
