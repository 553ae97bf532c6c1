"""``python -m tests.fuzz [MINUTES | FILE…]``: look for a payload that breaks the pipeline, or try files.

Payloads that took a new way through the code stay in ``.fuzz/corpus``, where the next run begins. A payload
that breaks something is written to ``.fuzz``, and giving its file as an argument shows the failure again.
Either way the exit code is not 0.
"""

from __future__ import annotations

import json
import random
import sys
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import atheris

with atheris.instrument_imports(include=["workers", "storage"]):
    from tests.fuzz import bounds, cost, mutator, seeds, target

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTES: Final = 10.0
HOME: Final = Path(__file__).parents[2] / ".fuzz"
HANG_S: Final = 20
"""Seconds after which a single payload counts as a hang."""
RSS_MIB: Final = 2048
SEARCHING: Final = 0.25
"""The share of the time in which recipes are changed instead of bytes."""
SHOWN: Final = 5
MEASURED: Final = 16
"""One of so many payloads has its memory measured, which takes as long again as the payload."""

_WORDS: Final = seeds.dictionary()


def check(body: bytes) -> None:
    """Check everything that must hold for a payload."""
    bounds.check_time(body)
    target.check(body)
    if zlib.crc32(body) % MEASURED == 0:
        bounds.check_memory(body)


def mutate(body: bytes, max_size: int, seed: int) -> bytes:
    """Return a neighbour of a payload: four times in five still JSON."""
    chance = random.Random(seed)
    changed = mutator.mutated(body, _WORDS, chance) if chance.random() < 0.8 else None
    if changed is None or len(changed) > max_size:
        return bytes(atheris.Mutate(body, max_size))
    return changed


def main(arguments: Sequence[str]) -> None:
    """Fuzz for some minutes, or try the files again; never returns from fuzzing."""
    HOME.mkdir(exist_ok=True)
    target.check(next(seeds.bodies()))  # what is loaded once is the cost of no payload
    files = [Path(argument) for argument in arguments if Path(argument).is_file()]
    for file in files:
        _try(file.read_bytes())
        sys.stdout.write(f"{file}: nothing is wrong with it.\n")
    if not files:
        minutes = float(arguments[0]) if arguments else MINUTES
        _search(minutes * SEARCHING)
        _fuzz(minutes * (1 - SEARCHING))


def _try(body: bytes) -> None:
    """Check a payload outside of the fuzzer, which would keep what breaks something."""
    try:
        bounds.check_memory(body)
        check(body)
    except BaseException:
        (HOME / f"crash-{zlib.crc32(body):08x}").write_bytes(body)
        raise


def _search(minutes: float) -> None:
    """Look for expensive payloads; one that costs too much is kept as a file."""
    seed = random.SystemRandom().randrange(2**32)
    sys.stdout.write(f"Looking for expensive payloads, seed {seed}.\n")
    search, ends = cost.Search(seed), time.monotonic() + minutes * 60
    while time.monotonic() < ends:
        try:
            search.step()
        except cost.CostError as error:
            body = error.recipe.body(4 * cost.SIZE)
            (HOME / f"crash-{zlib.crc32(body):08x}").write_bytes(body)
            raise
    for tried in search.best[:SHOWN]:
        sys.stdout.write(f"{tried.cost:.2f} ms for each KiB: {tried.recipe}\n")


def _fuzz(minutes: float) -> None:
    corpus, start = HOME / "corpus", HOME / "seeds"
    for directory in (corpus, start):
        directory.mkdir(parents=True, exist_ok=True)
    for body in seeds.expensive():
        _try(body)
    for body in seeds.bodies():
        if len(body) <= seeds.MAX_LENGTH:
            (start / f"{zlib.crc32(body):08x}").write_bytes(body)
    words = HOME / "words"
    words.write_text("".join(json.dumps(word) + "\n" for word in _WORDS))
    options = {
        "max_total_time": round(minutes * 60),
        "max_len": seeds.MAX_LENGTH,
        "timeout": HANG_S,
        "rss_limit_mb": RSS_MIB,
        "dict": words,
        "artifact_prefix": f"{HOME}/",
        "print_final_stats": 1,
    }
    command = [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(corpus), str(start)]
    atheris.Setup(command, check, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
