"""A job process carries out orders one after another, and its end is noticed."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from workers.process import job_process

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSES, DIES = "refuse", "die"


def perform(order: str) -> bool:
    if order == DIES:
        os.kill(os.getpid(), signal.SIGKILL)
    return order != REFUSES


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork begins with the memory of its parent, and this one ran many tests."""
    monkeypatch.setattr(job_process, "MAX_PEAK_KB", 1 << 40)


@pytest.fixture
def one() -> Iterator[job_process.JobProcess]:
    found = job_process.JobProcess(perform)
    yield found
    if _runs(found.pid):
        found.end()


def test_orders_are_carried_out_by_one_process(one: job_process.JobProcess) -> None:
    for _ in range(3):
        assert one.send("work")
        assert one.wait() == (True, 0)
    assert _runs(one.pid)


def test_an_answer_that_was_interrupted_comes_again(one: job_process.JobProcess) -> None:
    for _ in range(2):
        assert one.send("work")
        for _ in range(3):
            assert one.wait() == (True, 0)


def test_a_job_process_that_dies_is_reaped_with_its_status(one: job_process.JobProcess) -> None:
    assert one.send(DIES)
    stays, status = one.wait()
    assert not stays
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert not _runs(one.pid)


def test_a_job_process_that_refuses_more_ends_well(one: job_process.JobProcess) -> None:
    assert one.send(REFUSES)
    assert one.wait() == (False, 0)
    assert not _runs(one.pid)


def test_a_job_process_that_did_many_jobs_makes_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_process, "MAX_JOBS", 2)
    one = job_process.JobProcess(perform)
    assert one.send("work")
    assert one.wait() == (True, 0)
    assert one.send("work")
    assert one.wait() == (False, 0)


def test_a_job_process_that_took_much_memory_makes_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_process, "MAX_PEAK_KB", 1)
    one = job_process.JobProcess(perform)
    assert one.send("work")
    assert one.wait() == (False, 0)


def test_a_job_process_that_died_between_two_orders_takes_none(one: job_process.JobProcess) -> None:
    os.kill(one.pid, signal.SIGKILL)
    os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)
    assert not one.send("work")
    one.end()


def test_a_frozen_job_process_can_be_ended(one: job_process.JobProcess) -> None:
    os.kill(one.pid, signal.SIGSTOP)
    one.end()
    assert not _runs(one.pid)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
