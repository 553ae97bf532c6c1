"""A payload that takes a process down is found, and no payload is blamed for an end from outside."""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import os
import resource
import signal
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from storage.queue import envelope
from tests.helpers import payloads
from workers.failures import interruption
from workers.poison import forked_search, forked_trials, ordinary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SHARD = 3
VENOM = b"venom"
ENTRIES = [
    envelope.Entry("1-1", [payloads.payload(b"one"), payloads.payload(VENOM)]),
    envelope.Entry("1-2", [payloads.payload(b"two")]),
]
POISON = envelope.receipt(SHARD, "1-1", 1)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked_search, "CPU_S", 0.2)
    monkeypatch.setattr(forked_search, "_SPARE_MEMORY", 1 << 20)


def on_venom(harm: Callable[[], object]) -> Any:
    def trial(entries: Any) -> None:
        if any(payload.body == VENOM for entry in entries for payload in entry.payloads):
            harm()

    return trial


def spin() -> None:
    while True:
        pass


def fail() -> None:
    raise ZeroDivisionError("venom")


def deny() -> None:
    raise MemoryError


def dying(number: signal.Signals) -> Callable[[], None]:
    def die() -> None:
        faulthandler.disable()  # pytest's, which would print where the process was
        os.kill(os.getpid(), number)

    return die


def raising(error: Exception) -> Callable[[], None]:
    def harm() -> None:
        raise error

    return harm


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (dying(signal.SIGSEGV), "The trial ended with SIGSEGV."),
        (dying(signal.SIGKILL), "The trial ended with SIGKILL."),
        (spin, "The trial ended with more than 0 seconds of processor time."),
        (fail, "ZeroDivisionError in workers/poison/test_forked_search.py, line "),
        (deny, "The trial ended with exit status 3."),
        (lambda: bytearray(2 * forked_trials.MEMORY), "The trial ended with exit status 3."),
    ],
)
def test_the_poison_payload_is_found(harm: Callable[[], None], error: str) -> None:
    found = forked_search.poison_payloads(SHARD, ENTRIES, on_venom(harm))
    assert found.keys() == {POISON}
    assert found[POISON].startswith(error)
    assert forked_search.fails(ENTRIES, on_venom(fail))


def test_several_poison_payloads_are_found() -> None:
    entries = [envelope.Entry(f"1-{number}", [payloads.payload(VENOM)]) for number in range(3)]
    assert len(forked_search.poison_payloads(SHARD, entries, on_venom(fail))) == 3


def test_a_batch_without_poison_has_none() -> None:
    assert forked_search.poison_payloads(SHARD, ENTRIES, lambda _: None) == {}
    assert forked_search.poison_payloads(SHARD, [], on_venom(fail)) == {}
    assert not forked_search.fails(ENTRIES, lambda _: None)


def test_time_in_which_nothing_is_done_is_nobodys_fault() -> None:
    assert forked_search.poison_payloads(SHARD, ENTRIES, on_venom(lambda: time.sleep(0.5))) == {}


def test_a_batch_that_takes_long_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked_search, "BATCH_CPU_S", 0.1)
    assert not forked_search.fails(ENTRIES, on_venom(spin))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
@pytest.mark.parametrize("times", [1, 2])
def test_what_befalls_a_process_once_is_nobodys_fault(
    tmp_path: Path, number: signal.Signals, times: int
) -> None:
    def befall() -> None:
        if len(list(tmp_path.iterdir())) < times:
            (tmp_path / str(os.getpid())).touch()
            dying(number)()

    assert forked_search.poison_payloads(SHARD, ENTRIES, on_venom(befall)) == {}
    assert len(list(tmp_path.iterdir())) == times


ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1}
ENDING |= {signal.SIGUSR2, signal.SIGXCPU, signal.SIGVTALRM, signal.SIGIO, signal.SIGPWR, signal.SIGRTMIN}
LASTING = [OSError(number, "") for number in (None, errno.EINVAL, errno.EOVERFLOW, errno.ENAMETOOLONG)]
PASSING = [
    OSError(number, "") for number in (errno.EMFILE, errno.ENOSPC, errno.EIO, errno.ENOENT, errno.EAGAIN)
]


@pytest.mark.parametrize("number", sorted(ENDING))
def test_a_signal_that_no_payload_causes_decides_nothing(number: signal.Signals) -> None:
    with pytest.raises(ordinary.UndecidedError, match="A trial ended by no fault of a payload: "):
        forked_search.poison_payloads(SHARD, ENTRIES, on_venom(dying(number)))


@pytest.mark.parametrize("error", [*PASSING, ImportError("gone"), ModuleNotFoundError("gone")], ids=repr)
def test_an_error_that_no_payload_causes_decides_nothing(error: Exception) -> None:
    with pytest.raises(ordinary.UndecidedError, match="A trial ended by no fault of a payload: "):
        forked_search.poison_payloads(SHARD, ENTRIES, on_venom(raising(error)))


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_an_error_of_the_system_that_a_value_causes_is_its_payloads_fault(error: Exception) -> None:
    assert forked_search.poison_payloads(SHARD, ENTRIES, on_venom(raising(error))).keys() == {POISON}


@pytest.mark.parametrize("spell", [1, 2, 3, 4, 5, 6, 7])
def test_a_spell_in_which_every_process_dies_blames_nobody(tmp_path: Path, spell: int) -> None:
    """However long it lasts, and whatever is tried when it ends."""

    def hit(_: Any) -> None:
        deaths = len(list(tmp_path.iterdir()))
        if deaths < spell:
            (tmp_path / str(deaths)).touch()
            dying(signal.SIGKILL)()

    try:
        assert forked_search.poison_payloads(SHARD, ENTRIES, hit) == {}
    except ordinary.UndecidedError:
        assert len(list(tmp_path.iterdir())) == min(spell, 2)  # the payload's, then the ordinary report's


@pytest.mark.parametrize("harm", [fail, deny, dying(signal.SIGKILL)])
def test_where_nothing_passes_nobody_is_to_blame(harm: Callable[[], None]) -> None:
    with pytest.raises(ordinary.UndecidedError, match="Not even an ordinary report"):
        forked_search.poison_payloads(SHARD, ENTRIES, lambda _: harm())


def test_a_machine_without_room_blames_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        forked_search, "_SPARE_MEMORY", 8 << 30
    )  # more than any process has left of what it gave back
    monkeypatch.setattr(forked_trials, "MEMORY", forked_search._SPARE_MEMORY // 2)
    with pytest.raises(ordinary.UndecidedError, match="Not even an ordinary report"):
        forked_search.poison_payloads(
            SHARD, ENTRIES, on_venom(lambda: bytearray(forked_search._SPARE_MEMORY))
        )


def test_a_limit_that_is_lower_already_stays() -> None:
    def limited(entries: Any) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        assert soft == hard, (soft, hard)
        assert entries

    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            used = forked_trials.MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (used, used))
            os._exit(len(forked_search.poison_payloads(SHARD, ENTRIES, limited)))
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_no_process_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    for name in ("fork", "pipe"):
        with monkeypatch.context() as patched:
            patched.setattr(os, name, refused)
            with pytest.raises(ordinary.UndecidedError, match="No trial can be made now"):
                forked_search.poison_payloads(SHARD, ENTRIES, on_venom(fail))


def test_a_trial_without_end_or_work_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked_trials, "STUCK_S", 0.0)
    monkeypatch.setattr(forked_trials, "_POLL_S", 0.05)
    with pytest.raises(ordinary.UndecidedError, match="A trial did nothing for"):
        forked_search.poison_payloads(SHARD, ENTRIES, lambda _: time.sleep(60))


@pytest.fixture
def _stopped() -> Iterator[None]:
    interruption.interrupt(interruption.Stopped("stop"))
    yield
    interruption.forget()


@pytest.mark.usefixtures("_stopped")
def test_a_stop_ends_the_trial_and_blames_nobody() -> None:
    before = psutil.Process().children()
    with pytest.raises(interruption.Stopped):
        forked_search.poison_payloads(SHARD, ENTRIES, lambda _: time.sleep(60))
    assert psutil.Process().children() == before


def test_a_fork_waits_for_the_lock_of_other_threads() -> None:
    with forked_trials.fork_lock:
        assert forked_trials.fork_lock.locked()
    assert forked_search.poison_payloads(SHARD, ENTRIES, lambda _: None) == {}
    assert not forked_trials.fork_lock.locked()


def test_a_search_that_takes_long_keeps_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked_search, "SEARCH_S", 0.0)
    entries = [envelope.Entry(f"1-{number}", [payloads.payload(VENOM)]) for number in range(3)]
    assert len(forked_search.poison_payloads(SHARD, entries, on_venom(fail))) == 1
