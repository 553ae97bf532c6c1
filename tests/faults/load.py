"""A client that counts: it keeps sending over several connections and remembers every answer it got.

Its answers are one side of the comparison; the ledger of the system is the other.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from tests.helpers import waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

UNCLEAR: Final = "unclear"
"""The connection ended, or time was up, before the answer: stored or not, nobody told."""
UNCONFIRMED: Final = "unconfirmed"
"""The edge asked Redis to store it, and got no answer in time: it said 503, and the same holds."""
UNSENT: Final = "unsent"
"""There was no connection to send it on."""
_TIMEOUT_S: Final = 10.0
_PAUSE_S: Final = 0.05
"""Before the next attempt of a client that could not connect."""
_LABELS: Final = [(environment, release) for environment in ("prod", "test") for release in ("1", "2", "3")]


def bodies(padding: int = 0) -> Iterator[bytes]:
    """Give reports that take different ways: single ones, arrays sent twice, and what cannot be understood.

    Args:
        padding: bytes that each report carries for nothing.
    """
    for number in itertools.count():
        violation = {
            "document-uri": f"https://shop.example/page/{number % 7}",
            "effective-directive": "img-src",
            "blocked-uri": f"https://tracker{number % 50}.example/pixel.gif",
            "original-policy": "img-src 'self'",
            "padding": "x" * padding,
        }
        if number % 20 == 0:
            yield b"[1]"
        elif number % 10 == 0:
            item = {"type": "csp-violation", "age": number, "url": "https://shop.example/", "body": violation}
            yield from [json.dumps([item] * 3).encode()] * 2  # as a browser does that saw no answer
        else:
            yield json.dumps({"csp-report": violation}).encode()


class Load:
    """Sends from ``start`` to ``stop``, as a context manager.

    Args:
        project: what ``headrace project show`` says.
        rate: reports a second.
        connections: keep-alive connections; each is opened anew when it breaks.
        padding: bytes that each report carries for nothing.
    """

    def __init__(
        self, project: Mapping[str, Any], rate: float = 300, connections: int = 6, padding: int = 0
    ) -> None:
        self._padding = padding
        self._endpoint = urlsplit(project["endpoint"])
        self._interval = connections / rate
        self._counts = [Counter[str]() for _ in range(connections)]
        self._newest = [0.0] * connections
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(n,)) for n in range(connections)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more, and wait for the answers that are outstanding."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def counts(self) -> Counter[str]:
        """Requests by what became of them: a status, ``unclear``, ``unconfirmed`` or ``unsent``."""
        return sum((Counter(dict(counts)) for counts in self._counts), Counter())

    def wait_for(self, more: int, *answers: str) -> None:
        """Wait until so many more requests were answered like this, whichever of them; stored by default."""
        wanted = answers or ("200",)
        goal = self._count(wanted) + more
        waiting.until(lambda: self._count(wanted) >= goal, f"{more} more get {' or '.join(wanted)}")

    def _count(self, answers: Iterable[str]) -> int:
        counts = self.counts
        return sum(counts[answer] for answer in answers)

    @property
    def acknowledged(self) -> int:
        """Payloads that the edge said were stored."""
        return self.counts["200"]

    @property
    def unclear(self) -> int:
        """Payloads that may be stored: no answer, or Redis was too slow to say so."""
        return self.counts[UNCLEAR] + self.counts[UNCONFIRMED]

    @property
    def newest(self) -> float:
        """When the youngest acknowledged request was sent, by ``time.monotonic()``."""
        return max(self._newest)

    def _send(self, number: int) -> None:
        connection = http.client.HTTPConnection(
            self._endpoint.hostname or "", self._endpoint.port, timeout=_TIMEOUT_S
        )
        environment, release = _LABELS[number % len(_LABELS)]
        labels = f"&sentry_environment={environment}&sentry_release={release}"
        target = f"{self._endpoint.path}?{self._endpoint.query}{labels}"
        counts, due = self._counts[number], time.monotonic()
        for body in bodies(self._padding):
            due = max(
                due + self._interval, time.monotonic() - 1.0
            )  # what a pause kept back is not sent at once
            if self._stop.wait(due - time.monotonic()):
                break
            sent = time.monotonic()
            answer = _post(connection, target, body)
            counts[answer] += 1
            if answer == "200":
                self._newest[number] = sent
        connection.close()


def _post(connection: http.client.HTTPConnection, target: str, body: bytes) -> str:
    """Send one request and return its status, or why there is none."""
    try:
        if connection.sock is None:
            connection.connect()
    except OSError:
        connection.close()
        time.sleep(_PAUSE_S)
        return UNSENT
    try:
        media_type = "application/reports+json" if body.startswith(b"[{") else "application/csp-report"
        connection.request("POST", target, body, {"Content-Type": media_type})
        answer = connection.getresponse()
        detail = answer.read()
    except (OSError, http.client.HTTPException):
        with contextlib.suppress(OSError):
            connection.close()
        return UNCLEAR
    return UNCONFIRMED if b"did not confirm" in detail else str(answer.status)
