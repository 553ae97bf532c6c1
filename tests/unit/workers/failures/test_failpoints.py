"""What a failpoint specification may say, and what an armed one does."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from deploy import settings
from workers.failures import failpoints

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


@pytest.mark.parametrize(
    "specification",
    ["after_bounds", "nowhere=kill@1", "after_bounds=explode@1", "after_bounds=kill", "after_bounds=hang@1x"],
)
def test_a_wrong_specification_refuses_to_start(specification: str) -> None:
    with pytest.raises(settings.SettingsError, match=r"FAILPOINTS must be <point>=kill\|raise\|hang"):
        settings.load(failpoints=specification)


def test_without_a_specification_nothing_happens() -> None:
    failpoints.arm(settings.load().failpoints)
    for point in failpoints.POINTS:
        failpoints.hit(point)


def test_only_the_armed_point_fails() -> None:
    failpoints.arm("before_bounds=raise@0,after_bounds=raise@1")
    failpoints.hit("before_bounds")
    failpoints.hit("before_commit")
    with pytest.raises(failpoints.FailpointError, match="after_bounds"):
        failpoints.hit("after_bounds")


def test_a_kill_is_a_signal_to_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *signalled: sent.append(signalled))
    failpoints.arm("after_commit=kill@1")
    failpoints.hit("after_commit")
    assert sent == [(os.getpid(), signal.SIGKILL)]


def test_a_hang_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    failpoints.arm("after_commit=hang0.05@1")
    failpoints.hit("after_commit")
    assert slept == [0.05]
