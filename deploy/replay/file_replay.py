"""One replay of files of captures: stores their payloads, and notes the captures that are refused."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

from deploy.projects import published
from deploy.replay import captures, reingest
from storage import errors
from storage.projects import model
from storage.quarantine import resubmission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import redis

    from deploy.replay import resumption
    from storage.queue import envelope


class FileReplay:
    """One replay.

    Args:
        client: the queue's Redis.
        sink: stores the payloads.
        forced: facts of a request that win over those in a file.
        max_body: the longest body that the edge would take, in bytes.
        advance: called with the bytes of each step through a file.
        refuse: called with the place of each capture that is not stored, and the reason.

    Attributes:
        receipts: the receipts of the payloads that were stored.
        refused: the captures that were not stored: ``where``, and the ``reason``.
    """

    def __init__(  # noqa: PLR0913 - the parts of a replay, and two callbacks
        self,
        client: redis.Redis,
        sink: reingest.Sink,
        forced: captures.Capture,
        max_body: int,
        *,
        advance: Callable[[int], object],
        refuse: Callable[[str, str], object],
    ) -> None:
        self._client = client
        self._sink = sink
        self._forced = {name: value for name, value in forced._asdict().items() if value}
        self._max_body = max_body
        self._advance = advance
        self._tell_refusal = refuse
        self._numbers: collections.deque[int] = collections.deque()
        self._read_registry()
        self.receipts: list[str] = []
        self.refused: list[dict[str, str]] = []

    def store(self, files: Sequence[Path], came: resumption.Resumption) -> None:
        """Store the payloads of these files, from the position that an earlier replay reached.

        Raises:
            RedisUnavailableError: Redis did not confirm a step; the sentence says how much is stored.
            ProjectError: a project takes no reports any more.
            NotedError: another command replays the same files now.
        """
        try:
            for chunk in reingest.chunks(self._payloads(files, came.position)):
                self._store(chunk, came)
        except errors.RedisUnavailableError as error:
            stored = len(self.receipts)
            raise errors.RedisUnavailableError(f"{error} The first {stored} payloads are stored.") from error
        came.finish()

    def _store(self, chunk: list[envelope.Payload], came: resumption.Resumption) -> None:
        *_, position = (self._numbers.popleft() for _ in chunk)
        while True:
            try:
                self.receipts += self._sink.store(chunk, came.source(self._snapshot.version, position))
            except resubmission.StaleRegistryError:
                self._read_registry()
                self._require_active(chunk)
                continue
            came.position = position
            return

    def _read_registry(self) -> None:
        self._snapshot = published.read(self._client)
        self._projects = published.by_id_or_name(self._snapshot)

    def _require_active(self, chunk: list[envelope.Payload]) -> None:
        if gone := {payload.project_id for payload in chunk} - self._snapshot.active:
            stored = f"The first {len(self.receipts)} payloads are stored."
            raise model.ProjectError(f"Project {min(gone)} takes no reports any more. {stored}")

    def _payloads(self, files: Sequence[Path], position: int) -> Iterator[envelope.Payload]:
        """Yield the payloads after a position, and note the number of the capture of each."""
        number = 0
        for path in files:
            try:
                for step in captures.read(path, self._max_body):
                    number += step.capture is not None
                    self._advance(step.size)
                    if number > position or step.capture is None:
                        for payload in self._payload(step):
                            self._numbers.append(number)
                            yield payload
            except OSError as error:
                self._refuse(str(path), f"it cannot be read ({error.strerror})")

    def _payload(self, step: captures.Read) -> Iterator[envelope.Payload]:
        if step.capture is None:
            self._refuse(step.where, step.error)
            return
        capture = step.capture._replace(**self._forced)
        project = self._projects.get(capture.project)
        if project and project.status == "active":
            yield reingest.payload(project, capture)
        elif project:
            self._refuse(step.where, f"project {project.name!r} is {project.status}: it takes no reports")
        elif capture.project:
            self._refuse(step.where, f"there is no project {capture.project!r}")
        else:
            self._refuse(step.where, "it names no project, and neither does --project")

    def _refuse(self, where: str, reason: str) -> None:
        self.refused.append({"where": where, "reason": reason})
        self._tell_refusal(where, reason)
