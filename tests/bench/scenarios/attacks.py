"""A project that is flooded, in every way a key allows, and what another project notices of it.

Both share the edge, the shards and the one worker. The quiet project sends a few reports a second; each is
timed until SQL shows it. The attacker sends as fast as the machine lets it, whatever it is told.
"""

from __future__ import annotations

import gzip
import itertools
import json
import random
import re
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

import psutil

from deploy.network import addresses
from tests.bench.load import corpus, loadgen, probes, stack
from tests.bench.measuring import memory
from tests.bench.measuring.report import Measurement
from tests.helpers import harness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from urllib.parse import SplitResult

    from tests.bench.measuring.scale import Scale

_PAUSE: Final = 0.1
_MANY_CONNECTIONS: Final = 1_000
_REQUESTS: Final = 20_000
_FEW: Final = 50
"""Requests of half a megabyte: more would only fill the load generator's memory."""
_CALM_S: Final = 12.0
"""After the backlog of an attack is drained: its project is no longer isolated."""
_PATIENCE_S: Final = 180.0
_LEAST_RATE: Final = 0.9
_MOST_DELAY: Final = 2.0
_ADDRESS: Final = re.compile(rb"X-Forwarded-For: [\d.]+")
_LENGTH: Final = re.compile(rb"Content-Length: \d+")
_PARTITIONS: Final = "SELECT uniqExact(environment, release) FROM reports WHERE project_id = {project}"


class _Target(NamedTuple):
    """The project that is attacked."""

    edge: SplitResult
    project: Mapping[str, Any]

    def request(self, sample: corpus.Sample, key: str = "") -> bytes:
        """Return the request that posts a sample."""
        key = key or self.project["key"]
        path = stack.endpoint_path(self.project["id"], key, sample.environment, sample.release)
        return loadgen.request(sample, path, self.edge.netloc)

    def encoded(self, body: bytes) -> bytes:
        """Return the request that posts a compressed body."""
        sample = corpus.Sample("production", "1", "bomb", "application/json", body)
        return self.request(sample).replace(b"Accept: */*", b"Content-Encoding: gzip", 1)


def run(scale: Scale, directory: Path) -> Iterator[Measurement]:
    """Time the quiet project alone, then under each attack."""
    directory.mkdir()
    with harness.system(directory, HEADRACE_TRUSTED_PROXIES=addresses.LOOPBACK) as system:
        attacker = system.json("project", "create", "attacker")
        quiet = _Quiet(system, attacker, scale.attack_seconds)
        target = _Target(urlsplit(system.edge_url), attacker)
        for name, attack in _ATTACKS.items():
            system.json("project", "set", str(attacker["id"]), *attack.settings)
            alone = quiet.watch()
            yield from _attack(name, quiet, alone, attack.plan(target, scale), directory)
            system.wait_drained(_PATIENCE_S)
            time.sleep(_CALM_S)
        yield _partitions(system, attacker)
        verdict = system.headrace("verify")
        if verdict.returncode:
            raise RuntimeError(f"The ledger does not balance: {verdict.stdout}")


class _Attack(NamedTuple):
    """An attack: its requests, its connections, and the settings of the attacked project."""

    requests: Callable[[_Target], Iterator[bytes]]
    connections: int = 128
    settings: tuple[str, ...] = ("new_variants_per_hour=0",)

    def plan(self, target: _Target, scale: Scale) -> loadgen.Plan:
        """Return the load, which lasts a little longer than the quiet project sends."""
        return loadgen.Plan(
            host=target.edge.hostname or "",
            port=target.edge.port or 0,
            requests=list(self.requests(target)),
            seconds=scale.attack_seconds + 2,
            connections=self.connections,
        )


class _Seen(NamedTuple):
    """The effects on the quiet project: the share of its reports that was taken, and their time to SQL."""

    taken: float
    p99: float


class _Quiet:
    """The project that should notice nothing."""

    def __init__(self, system: harness.System, attacker: Mapping[str, Any], seconds: float) -> None:
        self.system = system
        self._attacker = attacker
        self._seconds = seconds

    def watch(self) -> _Seen:
        """Send for as long as an attack takes."""
        timed = probes.Probes(self.system, _PAUSE, crowd=self._attacker)
        end = time.monotonic() + self._seconds
        timed.run(lambda _: time.monotonic() < end)
        share = len(timed.seconds) / (len(timed.seconds) + len(timed.refused))
        return _Seen(share, loadgen.percentile(sorted(timed.seconds), 0.99))


def _attack(
    name: str, quiet: _Quiet, alone: _Seen, plan: loadgen.Plan, directory: Path
) -> Iterator[Measurement]:
    with (
        memory.Sampler(lambda: _processes(quiet.system.runtime.pids.edge)) as edges,
        memory.Sampler(lambda: _processes(quiet.system.runtime.pids.workers)) as workers,
    ):
        load = loadgen.Running(plan, directory)
        time.sleep(1.5)
        seen = quiet.watch()
        outcome = load.outcome()
    answers = f"{sum(outcome.statuses.values()) / outcome.seconds:,.0f}/s, {outcome.statuses}"
    scenario = f"attack: {name}"
    yield Measurement(
        scenario=scenario,
        what="another project's reports taken",
        values=(100 * seen.taken,),
        unit="%",
        bar=100 * _LEAST_RATE,
        note=answers,
    )
    yield Measurement(
        scenario=scenario,
        what="their way to SQL, p99",
        values=(seen.p99 / alone.p99,),
        unit="x",
        bar=_MOST_DELAY,
        sense="≤",
        note=f"{seen.p99:.2f} s instead of {alone.p99:.2f} s",
    )
    for what, peak, bar in (
        ("an edge process", edges.peak, 120),
        ("worker or job process", workers.peak, 300),
    ):
        yield Measurement(
            scenario=scenario, what=f"memory of {what}", values=(peak.rss,), unit="MB", bar=bar, sense="≤"
        )


def _partitions(system: harness.System, attacker: Mapping[str, Any]) -> Measurement:
    ((count,),) = [row.values() for row in system.query(_PARTITIONS.format(project=attacker["id"]))]
    return Measurement(
        scenario="attack: made-up releases",
        what="partitions of the project",
        values=(float(count),),
        unit="",
        bar=2 * 200,  # what it may have, and the release "(other)" of environments that are known
        sense="≤",
    )


def _processes(pids: list[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        process = psutil.Process(pid)
        found += [process, *process.children()]
    return found


def _distinct(target: _Target) -> Iterator[bytes]:
    return map(target.request, corpus.distinct(_REQUESTS))


def _releases(target: _Target) -> Iterator[bytes]:
    rng = random.Random(1)
    for sample in corpus.realistic(_REQUESTS):
        release, environment = f"{rng.getrandbits(40):x}", f"e{rng.randrange(50)}"
        yield target.request(sample._replace(environment=environment, release=release))


def _keys(target: _Target) -> Iterator[bytes]:
    rng = random.Random(1)
    for sample in corpus.realistic(_REQUESTS):
        yield target.request(sample, key=f"{rng.getrandbits(128):032x}")


def _arrays(target: _Target) -> Iterator[bytes]:
    item = {"type": "csp-violation", "age": 1, "url": "https://shop.example/", "user_agent": "x"}
    for number in range(_FEW):
        bodies = [
            {"effectiveDirective": "img-src", "blockedURL": f"https://h{number}.example/{n}"}
            for n in range(5_000)
        ]
        body = json.dumps([{**item, "body": one} for one in bodies]).encode()
        yield target.request(corpus.Sample("production", "1", "x", "application/reports+json", body))


def _deep(target: _Target) -> Iterator[bytes]:
    for opening in itertools.islice(itertools.cycle((b"[", b'{"a":')), _FEW):
        body = opening * (500_000 // len(opening))
        yield target.request(corpus.Sample("production", "1", "x", "application/json", body))


def _bombs(target: _Target) -> Iterator[bytes]:
    yield target.encoded(gzip.compress(bytes(1 << 30), 9))


def _one_address(target: _Target) -> Iterator[bytes]:
    for sample in corpus.realistic(_REQUESTS):
        yield _ADDRESS.sub(b"X-Forwarded-For: 12.0.0.1", target.request(sample), count=1)


def _headers(target: _Target) -> Iterator[bytes]:
    """Requests whose headers take 60 kB, in fields as long as are allowed."""
    (sample,) = corpus.realistic(1)
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 4_000) for number in range(15))
    yield target.request(sample).replace(b"Accept: */*\r\n", fields, 1)


def _chunks(target: _Target) -> Iterator[bytes]:
    """A body of 20 000 chunks of one byte each, in 120 kB."""
    (sample,) = corpus.realistic(1)
    head, _, _ = target.request(sample).partition(b"\r\n\r\n")
    body = b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n"
    yield _LENGTH.sub(b"Transfer-Encoding: chunked", head, count=1) + b"\r\n\r\n" + body


def _slow(target: _Target) -> Iterator[bytes]:
    """Requests that stop one byte before their end."""
    (sample,) = corpus.realistic(1)
    yield target.request(sample)[:-1]


_ATTACKS: Final = {
    "reports that are all different": _Attack(_distinct),
    "the same, new variants capped": _Attack(_distinct, settings=("new_variants_per_hour=1000",)),
    "made-up releases": _Attack(_releases),
    "made-up keys": _Attack(_keys),
    "arrays of 5 000 reports": _Attack(_arrays),
    "deep nesting": _Attack(_deep),
    "1 GiB in 1 MiB": _Attack(_bombs),
    "one address": _Attack(_one_address),
    "headers of 60 kB": _Attack(_headers),
    "chunks of one byte": _Attack(_chunks),
    "bodies that never end": _Attack(_slow, connections=_MANY_CONNECTIONS),
}
