"""The search by halves finds whom a trial always fails on, and nobody else, whatever fails meanwhile."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from storage import errors
from storage.queue import envelope
from tests.helpers import payloads
from workers.poison import ordinary, search

if TYPE_CHECKING:
    from collections.abc import Callable

SHARD = 3
VENOM = b"venom"


def entries(bodies: list[bytes], size: int = 7) -> list[envelope.Entry]:
    sent = [payloads.payload(body) for body in bodies]
    return [envelope.Entry(f"1-{at}", sent[at : at + size]) for at in range(0, len(sent), size)]


def bodies_in(found: dict[str, str], batch: list[envelope.Entry]) -> list[bytes]:
    by_receipt = {
        envelope.receipt(SHARD, entry.id, index): payload.body
        for entry in batch
        for index, payload in enumerate(entry.payloads)
    }
    return sorted(by_receipt[receipt] for receipt in found)


def bodies_of(batch: Any) -> list[bytes]:
    return [payload.body for entry in batch for payload in entry.payloads]


def venomous(batch: Any) -> None:
    if any(body.startswith(VENOM) for body in bodies_of(batch)):
        raise ZeroDivisionError("venom")


@pytest.mark.parametrize(
    "poisonous", [1, search.LIKE_ORDINARY - 1, search.LIKE_ORDINARY, search.LIKE_ORDINARY + 1, 60]
)
@pytest.mark.parametrize("ordinary_must_pass", [True, False])
def test_many_poison_payloads_of_one_error_take_no_innocent_with_them(
    poisonous: int,
    ordinary_must_pass: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201 - to repeat a failure
    bodies = [b"innocent %d" % number for number in range(200)]
    bodies += [VENOM + b" %d" % number for number in range(poisonous)]
    random.Random(seed).shuffle(bodies)
    batch = entries(bodies)
    found = search.poison_payloads(SHARD, batch, venomous, ordinary_must_pass=ordinary_must_pass)
    assert found is not None
    assert bodies_in(found, batch) == sorted(body for body in bodies if body.startswith(VENOM))


@pytest.mark.parametrize("odds", [0.02, 0.1, 0.3])
def test_a_payload_that_passed_alone_is_no_poison(odds: float) -> None:
    """Trials fail by chance, of anybody: no payload is found on which one passed, alone."""
    seed = random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201 - to repeat a failure
    chance, alone = random.Random(seed), set[bytes]()
    batch = entries([b"innocent %d" % number for number in range(60)] + [VENOM])

    def shaken(tried: Any) -> None:
        venomous(tried)
        if chance.random() < odds:
            raise ZeroDivisionError("chance")
        if len(bodies_of(tried)) == 1:
            alone.update(bodies_of(tried))

    for _ in range(20):
        alone.clear()
        try:
            found = search.poison_payloads(SHARD, batch, shaken) or {}
        except ordinary.UndecidedError:
            continue
        assert not alone.intersection(bodies_in(found, batch))


@pytest.mark.parametrize("spell", range(40))
def test_a_spell_in_which_everything_fails_blames_nobody(spell: int) -> None:
    """However long it lasts, and whatever is tried when it ends."""
    batch, tried = entries([b"innocent %d" % number for number in range(8)]), []

    def hit(some: Any) -> None:
        tried.append(some)
        if len(tried) <= spell:
            raise ZeroDivisionError("a spell")

    try:
        assert not search.poison_payloads(SHARD, batch, hit)
    except ordinary.UndecidedError as error:
        assert "Not even an ordinary report" in str(error)  # noqa: PT017 - either is right


def anybody(_: object) -> None:
    raise errors.InsertRefusedError("no such column")


def test_where_nobody_passes_it_is_waited_for() -> None:
    batch = entries([b"innocent %d" % number for number in range(8)])
    with pytest.raises(ordinary.UndecidedError, match=r"Not even an ordinary report .*no such column"):
        search.poison_payloads(SHARD, batch, anybody)


def test_where_nobody_is_taken_the_rest_is_not_tried_one_by_one() -> None:
    batch, tried = entries([b"innocent %d" % number for number in range(5_000)]), []

    def counted(some: Any) -> None:
        tried.append(some)
        anybody(some)

    found = search.poison_payloads(SHARD, batch, counted, ordinary_must_pass=False)
    assert found is not None
    assert len(found) == 5_000
    assert len(tried) < 500


def test_a_search_that_takes_long_keeps_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SEARCH_S", 0.0)
    batch = entries([VENOM + b" %d" % number for number in range(20)])
    found = search.poison_payloads(SHARD, batch, venomous)
    assert found is not None
    assert 0 < len(found) < 20


def only_together(batch: Any) -> None:
    if len(bodies_of(batch)) > 1:
        raise ZeroDivisionError("too many")


def theirs_together(batch: Any) -> None:
    if sum(body.startswith(b"innocent") for body in bodies_of(batch)) > 1:
        raise ZeroDivisionError("too many of them")


@pytest.mark.parametrize(
    ("trial", "fails"), [(only_together, False), (theirs_together, True), (lambda _: None, False)]
)
def test_a_batch_is_to_blame_as_a_whole_when_as_many_ordinary_reports_pass(
    trial: Callable[[Any], None],
    fails: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    batch = entries([b"innocent %d" % number for number in range(8)])
    assert search.fails_always(batch, trial) == fails
    assert not search.poison_payloads(SHARD, batch, trial)


@pytest.mark.parametrize("error", [errors.ClickHouseUnavailableError("away"), MemoryError(), OSError(24, "")])
def test_what_befalls_the_machine_ends_a_search(error: Exception) -> None:
    def trial(_: object) -> None:
        raise error

    with pytest.raises(type(error)):
        search.poison_payloads(SHARD, entries([b"innocent"]), trial)


def test_with_whom_a_batch_begins_to_fail_is_found() -> None:
    batch = entries([b"%d" % number for number in range(20)])
    for other, last in ((0, 1), (3, 17), (18, 19)):

        def trial(tried: Any, pair: tuple[int, int] = (other, last)) -> None:
            if {b"%d" % one for one in pair} <= set(bodies_of(tried)):
                raise ZeroDivisionError("a pair")

        assert bodies_in(search.failing_beside_others(SHARD, batch, trial), batch) == [b"%d" % last]
    assert search.failing_beside_others(SHARD, batch, bodies_of) == {}
