"""A snapshot of the data directory of one moment is a backup: what was acknowledged is in it, once."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

import psutil
import pytest

from deploy.directory import runtime
from tests.faults import books, victims
from tests.helpers import harness, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults import load

pytestmark = pytest.mark.faults


@contextlib.contextmanager
def _frozen(system: harness.System) -> Iterator[None]:
    """Keep all of a system from doing anything."""
    with contextlib.ExitStack() as each:
        for process in psutil.Process(system.process.pid).children(recursive=True):
            with contextlib.suppress(ProcessLookupError):  # a job process that just ended
                each.enter_context(victims.frozen(process.pid))
        yield


def test_a_snapshot_under_load_loses_and_doubles_nothing(
    system: harness.System, sent: load.Load, tmp_path: Path
) -> None:
    waiting.until(lambda: victims.inserts(system), "a batch is being inserted")
    before = sum(shard.acknowledged for shard in books.shards(system))
    with _frozen(system):
        shutil.copytree(system.directory, tmp_path / "data", symlinks=True)
    runtime.remove(tmp_path / "data")
    with harness.system(tmp_path) as copy:
        copy.wait_drained()
        ledger = copy.ledger()
        assert ledger["balanced"], ledger["projects"]
        assert ledger["breaks"] == []
        assert sum(project["acknowledged"] for project in ledger["projects"]) >= before > 0
    assert sent.acknowledged > 0
