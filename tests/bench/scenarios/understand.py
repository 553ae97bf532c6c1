"""How many reports one core understands in a second: from stream entries to the rows of a batch.

The CPU time of the process counts, so that what else runs on the machine disturbs it least.
"""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Final

from storage.queue import envelope
from tests.bench.load import corpus
from tests.bench.measuring.report import Measurement
from tests.helpers import paths
from workers import pipeline
from workers.model import batch_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tests.bench.measuring.scale import Scale

_VECTORS: Final = paths.DATA / "payloads.jsonl"
_WEIGHTS: Final = {
    "csp-report-uri": 20,
    "csp-violation": 10,
    "csp-noise": 20,
    "network-error": 25,
    "deprecation": 8,
    "permissions-policy-violation": 4,
    "coop": 3,
    "coep": 2,
    "csp-hash": 2,
    "integrity-violation": 1,
    "intervention": 1,
    "document-policy-violation": 1,
    "crash": 1,
    "hpkp": 1,
    "expect-staple": 1,
}
"""How often each kind of vector comes, relative to the others."""
_VECTOR_SHARE: Final = 0.2
"""Share of recorded vectors in the mixed corpora; ``corpus`` makes the rest."""
_LONGEST: Final = 8192
"""Bytes of a vector's body: hostile ones are longer, and no traffic."""
_PAGE: Final = "/account/orders"
"""The page of most vectors, which is replaced by others."""
_BATCH: Final = 10_000
"""Payloads in a batch: as many of this size as the drainer takes at a time."""
_ENTRY: Final = 50


def run(scale: Scale, _directory: Path) -> Iterator[Measurement]:
    """Understand each corpus in batches, as a worker does; what is remembered is warm, as it is there."""
    for name, samples, bar in (
        ("realistic", corpus.realistic, None),
        ("all distinct", corpus.distinct, None),
        ("mixed kinds, as they repeat", _repeated, 60_000),
        ("mixed kinds, all distinct", _mixed, 60_000),
    ):
        yield Measurement(
            scenario="understanding, one core",
            what=name,
            values=tuple(_rates(samples, scale)),
            unit="reports/s",
            bar=bar,
            note="CPU time, decode to row",
        )


def _mixed(count: int, seed: int = 1) -> Iterator[corpus.Sample]:
    """Yield requests of every kind, no two of which are equal."""
    rng = random.Random(seed)
    vectors = _vectors()
    made = corpus.distinct(count, seed=seed)
    for number, sample in enumerate(made):
        if rng.random() >= _VECTOR_SHARE:
            yield sample
            continue
        (kind,) = rng.choices(tuple(_WEIGHTS), tuple(_WEIGHTS.values()))
        body = rng.choice(vectors[kind]).replace(_PAGE, f"/{rng.randrange(400)}/{seed}/{number:08x}")
        yield sample._replace(body=body.encode())


def _repeated(count: int, seed: int = 1) -> Iterator[corpus.Sample]:
    """Yield requests of every kind, few of which make most of the traffic."""
    return corpus.drawn(list(_mixed(20_000, seed)), count, seed=seed)


def _vectors() -> dict[str, list[str]]:
    """Return the bodies of reports that a browser may send, by kind."""
    bodies: dict[str, list[str]] = {kind: [] for kind in _WEIGHTS}
    for line in _VECTORS.read_text("utf-8").splitlines():
        vector = json.loads(line)
        body = vector.get("body", "")
        if vector["valid"] and vector["kind"] in bodies and 0 < len(body) <= _LONGEST:
            bodies[vector["kind"]].append(body)
    return bodies


def _rates(samples: Callable[..., Iterable[corpus.Sample]], scale: Scale) -> Iterator[float]:
    """Yield reports a second, once for each repetition, each over reports of its own."""
    _understand(_entries(samples(scale.understood, seed=1)))
    for seed in range(2, scale.repetitions + 2):
        entries = _entries(samples(scale.understood, seed=seed))
        begin = time.process_time()
        found = _understand(entries)
        yield found / (time.process_time() - begin)


def _entries(samples: Iterable[corpus.Sample]) -> list[envelope.Entry]:
    """Return the stream entries that a busy edge packs of these, read back as a drainer does."""
    payloads = [
        envelope.Payload(1, "key", environment, release, agent, content_type, 0, body)
        for environment, release, agent, content_type, body in samples
    ]
    return [
        envelope.decode(f"{1_790_000_000_000 + start}-0", envelope.encode(payloads[start : start + _ENTRY]))
        for start in range(0, len(payloads), _ENTRY)
    ]


def _understand(entries: list[envelope.Entry]) -> int:
    """Process the entries batch by batch; return how many reports were found."""
    size = _BATCH // _ENTRY
    found = 0
    for start in range(0, len(entries), size):
        found += sum(pipeline.process(0, entries[start : start + size], batch_plan.Plan()).found.values())
    return found
