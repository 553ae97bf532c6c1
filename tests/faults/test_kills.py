"""Every process is killed the hard way, under load, at random moments and in every phase of a batch."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from deploy.network import ports
from tests.faults import books, load, victims
from tests.helpers import harness, waiting
from workers.failures import failpoints

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.faults

KILLS = 2
DEATHS = 8
"""Job processs that die before the scenario is over; they die in the phases at random."""


@pytest.mark.parametrize("kind", victims.KINDS)
def test_a_killed_process_costs_nothing(
    system: harness.System, sent: load.Load, recovered: Callable[[str, float], None], kind: str
) -> None:
    for _ in range(KILLS):
        sent.wait_for(random.randrange(50, 200))
        recovered(f"killed: {kind}", books.recovery(system, sent, victims.kill(system, kind)))


def test_a_job_process_may_die_in_any_phase(tmp_path: Path, recovered: Callable[[str, float], None]) -> None:
    everywhere = ",".join(f"{point}=kill@0.08" for point in failpoints.POINTS)
    with harness.system(tmp_path, HEADRACE_FAILPOINTS=everywhere) as system:
        opened, log = books.Books(system), system.directory / "logs" / "worker-1.log"
        with load.Load(system.project) as sent:
            waiting.until(
                lambda: log.read_text().count("job_process_died") >= DEATHS,
                f"{DEATHS} job processes die",
                log=log,
            )
            recovered("dying job processes", books.recovery(system, sent, time.monotonic()))
        opened.close(sent)


def test_a_killed_system_goes_on_where_it_was(
    tmp_path: Path, recovered: Callable[[str, float], None]
) -> None:
    options = ("--listen", f"127.0.0.1:{ports.free_port()}")
    with harness.system(tmp_path, *options) as system:
        opened = books.Books(system)
        with load.Load(system.project) as sent:
            sent.wait_for(100)
            victims.find(system, "job process")
            system.process.kill()
            killed = time.monotonic()
            system.process.wait()
            with harness.system(tmp_path, *options) as again:
                recovered("killed: everything", books.recovery(again, sent, killed))
                opened.close(sent)
