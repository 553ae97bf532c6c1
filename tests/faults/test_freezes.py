"""Parts that hang instead of dying, and connections that break at the worst moment."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

from deploy.processes import child
from tests.faults import books, load, proxy, victims
from tests.helpers import harness, waiting

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.faults

RESETS = 5


@pytest.mark.parametrize(
    ("kind", "answers"),
    [("redis", (load.UNCONFIRMED, load.UNCLEAR, "503")), ("clickhouse", ("200",))],
    ids=["redis", "clickhouse"],
)
def test_a_frozen_server_costs_nothing(
    system: harness.System,
    sent: load.Load,
    recovered: Callable[[str, float], None],
    kind: str,
    answers: tuple[str, ...],
) -> None:
    sent.wait_for(100)
    with victims.frozen(victims.find(system, kind)):
        if kind == "clickhouse":
            books.wait_until_stuck(system, sent)
        sent.wait_for(12, *answers)
    recovered(f"frozen: {kind}", books.recovery(system, sent, time.monotonic()))


def test_a_connection_may_break_between_an_insert_and_its_answer(
    tmp_path: Path, clickhouse_server: harness.ClickHouseServer
) -> None:
    with proxy.Proxy(clickhouse_server.address.port) as between:
        database = clickhouse_server.url.replace(f":{clickhouse_server.address.port}/", f":{between.port}/")
        with harness.system(tmp_path, HEADRACE_CLICKHOUSE_URL=database) as system:
            opened = books.Books(system)
            with load.Load(system.project) as sent:
                between.odds = 0.3
                waiting.until(lambda: between.resets >= RESETS, f"{RESETS} connections break")
                between.odds = 0.0
            opened.close(sent)


def test_a_job_process_that_was_frozen_past_its_lease_changes_nothing(
    tmp_path: Path, recovered: Callable[[str, float], None]
) -> None:
    """Two drainers have one batch: the one that took over, and the one that wakes up in the middle of it."""
    hanging = "after_reports=hang0.3@1"
    with harness.system(tmp_path, "--workers", "1", HEADRACE_FAILPOINTS=hanging) as system:
        opened = books.Books(system)
        with load.Load(system.project, rate=60) as sent:
            with victims.frozen_in_batch(system):
                frozen_at = time.monotonic()
                another = _another_worker(system)
                recovered("frozen: job process", books.recovery(system, sent, frozen_at))
            waiting.until(lambda: _was_fenced_off(system), "who wakes up notices that it was replaced")
        opened.close(sent)
        another.stop()


def _another_worker(system: harness.System) -> child.Child:
    """Start a worker on the same queue that no failpoint holds up."""
    arguments = [sys.executable, "-P", "-m", "deploy", "worker", "--data", str(system.directory)]
    log = system.directory / "logs" / "another-worker.log"
    return child.Child(arguments, log, {"PYTHONPATH": str(harness.ROOT)})


def _was_fenced_off(system: harness.System) -> bool:
    return "is not the newest" in (system.directory / "logs" / "worker-1.log").read_text()
