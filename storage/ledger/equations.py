"""The ledger: six equations that hold exactly, per project, once the queue is drained.

They hold in spite of any process that was killed on the way:

* payloads acknowledged by the edge = payloads committed by the drainers
* reports found in them = the sum of ``outcomes.quantity``, without what the edge refused
* the sum of ``reports.seen``, removed rows included = the sum of ``outcomes.quantity`` of accepted reports
* so is the sum of ``finding_days.seen``, removed rows included
* findings tell of reports under the labels that these have
* rows put into quarantine = rows that are there, were replayed, dropped, expired, or were beyond the bound
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import redis

from storage.ledger import stored_reports
from storage.quarantine import departures, resubmission
from storage.queue import isolation, streams
from storage.servers import redis_errors, sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import redis.exceptions

    from storage.servers import clickhouse

_SQL: Final = sql.beside(__name__)

_COUNTED = ("acknowledged", "committed", "found", "quarantined", "beyond", "replayed")
"""The names of the counts in Redis, by stream and project."""


class _StreamBooks(NamedTuple):
    """The counts of one stream, by name and project, and how many entries it holds."""

    counts: dict[str, dict[int, int]]
    entries: int


class Difference(NamedTuple):
    """A difference: the two sides of an equation are not equal.

    Attributes:
        equation: ``payloads``, ``outcomes``, ``reports``, ``findings``, ``labels`` or ``quarantine``: the
            equations in their order.
        amount: left side less right side: positive if reports are missing, negative if there are too many.
        where: a sentence for a person: which difference, and where it is.
    """

    equation: str
    amount: int
    where: str


class Line(msgspec.Struct, frozen=True):
    """The ledger of one project. All are exact counts.

    Attributes:
        project_id: the project; 0 for what belongs to none.
        acknowledged: payloads that the edge confirmed.
        committed: payloads that the drainers are done with.
        found: reports in the committed payloads.
        outcomes: reports in the table ``outcomes``.
        accepted: the reports with an outcome that were accepted.
        seen: reports in the table ``reports``, and those that were removed from it.
        findings: reports that the table ``finding_days`` tells of, and those that were removed from it.
        mislabelled: reports that it tells of under another label than they have.
        uneven: months in which it does not tell what ``reports`` tells, as ``toYYYYMM()`` tells them.
        recounted: months in which it is to be counted again; their reports stand for it.
        waiting: payloads that are neither committed nor lost, by stream.
        stranded: by stream, payloads that were acknowledged, are not committed, and are not in its stream;
            negative when more were committed than acknowledged.
        settled: differences that have a known reason, by equation.
        quarantined: rows that were put into quarantine; like the counts that follow, without rows of releases
            that did not count them.
        held: rows that are in the table ``quarantine``.
        replayed: rows that were stored again.
        dropped: rows that an operator dropped.
        expired: rows that were kept for as long as they are.
        beyond: rows that were never there, because the project may keep no more.
    """

    project_id: int
    acknowledged: int
    committed: int
    found: int
    outcomes: int
    accepted: int
    seen: int
    findings: int
    mislabelled: int = 0
    uneven: tuple[int, ...] = ()
    recounted: tuple[int, ...] = ()
    waiting: dict[int, int] = {}
    stranded: dict[int, int] = {}
    settled: dict[str, int] = {}
    quarantined: int = 0
    held: int = 0
    replayed: int = 0
    dropped: int = 0
    expired: int = 0
    beyond: int = 0

    @property
    def labelled(self) -> int:
        """Reports that findings tell of under the labels that they have, and those that were removed."""
        return self.seen - self.mislabelled

    @property
    def placed(self) -> int:
        """Rows that were put into quarantine and that are accounted for."""
        return self.held + self.replayed + self.dropped + self.expired + self.beyond

    @property
    def backlog(self) -> int:
        """Payloads that wait in Redis, or are in a batch that is not committed."""
        return self.acknowledged - self.committed

    @property
    def balanced(self) -> bool:
        """Whether all equations hold."""
        return not self.differences

    @property
    def differences(self) -> list[Difference]:
        """The equations that do not hold, each with its difference."""
        found = []
        if self.waiting or self.stranded:
            found.append(Difference("payloads", self.backlog, self._unfinished()))
        lost = self.settled.get("reports", 0)  # findings tell of what is there
        for equation, amount, told in (
            ("outcomes", self._unsettled("outcomes", self.found - self.outcomes), "table outcomes"),
            ("reports", self._unsettled("reports", self.accepted - self.seen), "table reports"),
            ("findings", self.accepted - self.findings - lost, "table finding_days"),
            ("labels", self.mislabelled, "table finding_days, under the right label"),
            ("quarantine", self._unsettled("quarantine", self.quarantined - self.placed), "table quarantine"),
        ):
            if amount:
                found.append(Difference(equation, amount, _misplaced(told, amount)))
        return found

    def _unsettled(self, equation: str, amount: int) -> int:
        return amount - self.settled.get(equation, 0)

    def _unfinished(self) -> str:
        parts = [f"{count:,} waiting in stream {stream}" for stream, count in self.waiting.items()]
        parts += [
            f"{count:,} gone from stream {stream}"
            if count > 0
            else f"{-count:,} committed in stream {stream} that nobody sent"
            for stream, count in self.stranded.items()
        ]
        return ", ".join(parts)


def counters(client: redis.Redis, shards: int) -> dict[str, dict[int, int]]:
    """Return the counts of all streams: ``acknowledged``, ``committed``, ``found`` and more, by project.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    return _totals(_read(client, isolation.present(client, shards)).values())


def waiting(client: redis.Redis, numbers: Sequence[int]) -> dict[int, dict[int, tuple[int, int]]]:
    """Return, by stream and project, how many payloads were ever acknowledged, and how many of them wait.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    return {
        number: {
            project: (
                sent,
                max(0, sent - stream.counts["committed"].get(project, 0)) if stream.entries else 0,
            )
            for project, sent in stream.counts["acknowledged"].items()
        }
        for number, stream in _read(client, numbers).items()
    }


def backlog(client: redis.Redis, shards: int) -> int:
    """Return how many acknowledged payloads are not committed yet."""
    totals = counters(client, shards)
    return sum(totals["acknowledged"].values()) - sum(totals["committed"].values())


def verify(server: clickhouse.Connection, client: redis.Redis, shards: int) -> list[Line]:
    """Return the ledger of every project that ever sent a report, by id.

    Raises:
        RecoverableError: Redis or ClickHouse did not answer.
    """
    read = _read(client, isolation.present(client, shards))
    totals = _totals(read.values())
    outcomes = {project: (total, accepted) for project, total, accepted in server.execute(_SQL["outcomes"])}
    stored, removed = _stored(server)
    held, left = _quarantine(server, client)
    settled: dict[int, dict[str, int]] = defaultdict(dict)
    for project, equation, amount in server.execute(_SQL["settled"]):
        settled[project][equation] = amount
    counted = {project for counts in totals.values() for project in counts}
    projects = {*counted, *outcomes, *stored, *removed, *settled, *held, *(project for project, _ in left)}
    return [
        Line(
            project_id=project,
            acknowledged=totals["acknowledged"].get(project, 0),
            committed=totals["committed"].get(project, 0),
            found=totals["found"].get(project, 0),
            outcomes=outcomes.get(project, (0, 0))[0],
            accepted=outcomes.get(project, (0, 0))[1],
            **_of_reports(stored.get(project, stored_reports.StoredReports()), removed.get(project, 0)),
            waiting={stream: count for stream, count, lost in _open(read, project) if not lost},
            stranded={stream: count for stream, count, lost in _open(read, project) if lost},
            settled=settled.get(project, {}),
            quarantined=totals["quarantined"].get(project, 0),
            held=held.get(project, 0),
            replayed=totals["replayed"].get(project, 0),
            dropped=left.get((project, departures.DROPPED), 0),
            expired=left.get((project, departures.EXPIRED), 0),
            beyond=totals["beyond"].get(project, 0),
        )
        for project in sorted(projects)
    ]


def _stored(
    server: clickhouse.Connection,
) -> tuple[Mapping[int, stored_reports.StoredReports], Mapping[int, int]]:
    """Return what is stored of reports and how many were removed, by project, between two removals."""
    removed: dict[int, int] = dict(server.execute(_SQL["removed"]))
    while True:
        stored = stored_reports.read(server, _SQL["seen"], _SQL["found"])
        before, removed = removed, dict(server.execute(_SQL["removed"]))
        if removed == before:
            return stored, removed


def _of_reports(stored: stored_reports.StoredReports, removed: int) -> dict[str, Any]:
    """Return what a line tells of stored reports, and of reports that were removed."""
    return {
        "seen": stored.seen + removed,
        "findings": stored.found + removed,
        "mislabelled": stored.mislabelled,
        "uneven": stored.uneven,
        "recounted": stored.recounted,
    }


def _quarantine(
    server: clickhouse.Connection, client: redis.Redis
) -> tuple[dict[int, int], dict[tuple[int, str], int]]:
    """Return how many rows are held, by project, and how many left, by project and cause."""
    replayed = [(name.receipt, name.item) for name in resubmission.noted(client)]
    held = dict(server.execute(_SQL["quarantined"], {"replayed": replayed or [("", 0)]}))
    left = {(project, cause): rows for project, cause, rows in server.execute(_SQL["left"]) if rows}
    return held, left


def _read(client: redis.Redis, numbers: Sequence[int]) -> dict[int, _StreamBooks]:
    """Read these streams at one moment."""
    with redis_errors.translated("did not give the ledger"), client.pipeline(transaction=True) as pipeline:
        for stream in numbers:
            pipeline.hgetall(streams.keys(stream).ledger)
            pipeline.xlen(streams.keys(stream).stream)
        answers: list[Any] = pipeline.execute()
    pairs = zip(answers[::2], answers[1::2], strict=True)
    return {number: _books(*pair) for number, pair in zip(numbers, pairs, strict=True)}


def _books(fields: dict[bytes, bytes], entries: int) -> _StreamBooks:
    counts: dict[str, dict[int, int]] = {name: {} for name in _COUNTED}
    for field, amount in fields.items():
        name, _, project = field.decode().partition(":")
        if name in counts:  # a later release may count more
            counts[name][int(project)] = int(amount)
    return _StreamBooks(counts, entries)


def _totals(books: Iterable[_StreamBooks]) -> dict[str, dict[int, int]]:
    totals: dict[str, dict[int, int]] = {name: defaultdict(int) for name in _COUNTED}
    for stream in books:
        for name, counts in stream.counts.items():
            for project, amount in counts.items():
                totals[name][project] += amount
    return totals


def _open(books: Mapping[int, _StreamBooks], project: int) -> Iterator[tuple[int, int, bool]]:
    """Yield each stream whose payloads are not all committed: how many are not, and whether they are gone."""
    for number, stream in books.items():
        count = stream.counts["acknowledged"].get(project, 0) - stream.counts["committed"].get(project, 0)
        if count:
            yield number, count, count < 0 or not stream.entries


def _misplaced(where: str, missing: int) -> str:
    if missing > 0:
        return f"{missing:,} missing in the {where}"
    return f"{-missing:,} too many in the {where}"
