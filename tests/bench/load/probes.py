"""Single reports whose way is timed, from the moment they are posted to the moment SQL shows them."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import random
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from deploy.network import addresses
from storage.queue import envelope
from storage.servers import clickhouse
from tests.bench.load import corpus, stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.helpers import harness

ENVIRONMENT: Final = "freshness"
_numbers: Final = itertools.count()
"""Each report is of a page of its own, in one run of the benchmarks."""
_LOOK: Final = 0.02
"""Seconds between two looks: the resolution of the times."""
_PATIENCE: Final = 15.0
_VISIBLE: Final = "SELECT DISTINCT document FROM reports WHERE environment = %(environment)s"


class Probes:
    """Posts a report every now and then and looks for those that are under way.

    The reports go to the shards that carry the load of the corpus: there they wait as long as any other.

    Args:
        system: where to.
        pause: mean seconds between two reports.
        project: whose reports they are; the first project by default.
        crowd: the project whose shards they go to; the same by default.

    Attributes:
        seconds: how long each report that became visible took.
        refused: the statuses of those that the edge did not take.
    """

    def __init__(
        self,
        system: harness.System,
        pause: float,
        project: Mapping[str, Any] | None = None,
        crowd: Mapping[str, Any] | None = None,
    ) -> None:
        self._system = system
        self._pause = pause
        self._project = project or system.project
        self._crowd = crowd or self._project
        self._rng = random.Random(1)
        self._under_way: dict[str, float] = {}
        self.seconds: list[float] = []
        self.refused: list[int] = []

    def run(self, more: Callable[[int], bool]) -> None:
        """Post while ``more(number of reports)`` holds, then wait for the last ones.

        Raises:
            RuntimeError: one did not appear in time.
        """
        analyst = addresses.clickhouse_address(self._system.runtime.analyst_url)
        edge, first = urlsplit(self._system.edge_url), next(_numbers) + 1
        with (
            contextlib.closing(clickhouse.connect(analyst)) as server,
            contextlib.closing(http.client.HTTPConnection(edge.hostname or "", edge.port)) as connection,
        ):
            for path, number in zip(itertools.cycle(self._paths()), _numbers, strict=False):
                if not more(number - first):
                    break
                self._post(connection, path, f"https://probe.example/{number}")
                # An even rate would keep meeting the dispatcher at the same moment of its cycle.
                self._look_until(server, time.monotonic() + self._rng.uniform(0.5, 1.5) * self._pause)
            while self._under_way:
                self._look_until(server, time.monotonic() + _LOOK)

    def _paths(self) -> Iterator[str]:
        """Return one endpoint for each shard that the corpus fills, under a release of its own."""
        project, shards = self._project, self._system.runtime.shards
        for place in corpus.PLACES:
            wanted = envelope.shard_of(self._crowd["id"], *place, shards)
            releases = (f"probe-{number}" for number in itertools.count())
            release = next(
                name
                for name in releases
                if envelope.shard_of(project["id"], ENVIRONMENT, name, shards) == wanted
            )
            yield stack.endpoint_path(project["id"], project["key"], ENVIRONMENT, release)

    def _post(self, connection: http.client.HTTPConnection, path: str, document: str) -> None:
        report = {
            "document-uri": document,
            "effective-directive": "img-src",
            "blocked-uri": "https://a.example/b",
        }
        self._under_way[document] = time.monotonic()
        connection.request("POST", path, msgspec.json.encode({"csp-report": report}))
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.OK:
            del self._under_way[document]
            self.refused.append(answer.status)

    def _look_until(self, server: clickhouse.Connection, end: float) -> None:
        while time.monotonic() < end:
            self._look(server)
            time.sleep(_LOOK)

    def _look(self, server: clickhouse.Connection) -> None:
        if not self._under_way:
            return
        visible = {document for (document,) in server.execute(_VISIBLE, {"environment": ENVIRONMENT})}
        now = time.monotonic()
        for document in self._under_way.keys() & visible:
            self.seconds.append(now - self._under_way.pop(document))
        late = [document for document, posted in self._under_way.items() if now - posted > _PATIENCE]
        if late:
            raise RuntimeError(f"{late} did not appear within {_PATIENCE} s.")
