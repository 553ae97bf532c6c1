"""``headrace replay``: put captured payloads into the queue, as if browsers had sent them now."""

from __future__ import annotations

import collections
import contextlib
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli import options
from deploy.printing import output
from deploy.replay import captures, reingest, resumption
from deploy.servers import backends
from storage import errors
from storage.projects import model
from storage.quarantine import resubmission

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis
    import rich.progress

    from deploy.running import located
    from storage.queue import envelope


def replay(  # noqa: PLR0913 - one parameter for each option
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Bodies, or JSON lines of captures.")],
    *,
    project: Annotated[
        str, typer.Option(help="Name or id of the project; wins over the one in a line.")
    ] = "",
    environment: Annotated[str, typer.Option(help="Environment; wins over the one in a line.")] = "",
    release: Annotated[str, typer.Option(help="Release; wins over the one in a line.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a replay was interrupted.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Begin anew after one was interrupted.")] = False,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Put captured payloads into the queue.

    A file is one body, or holds a JSON object a line: {"body": …} or {"body_b64": …}, with project,
    environment, release, user_agent and content_type where they are known. Each step notes the position of
    the replay: after an interruption, say --resume with the same files and options, and each payload is
    stored once.
    """
    reingest.require_labels(environment, release)
    system = options.locate(data)
    forced = captures.Capture(b"", project=project, environment=environment, release=release)
    with (
        contextlib.closing(backends.connect_redis(system.redis_url)) as client,
        output.progress("replaying") as bar,
    ):
        run = _Run(system, client, bar, forced)
        run.store(files, resumption.Resumption(client, files, forced, resume=resume, again=again))
    if as_json:
        output.json({"stored": len(run.receipts), "receipts": run.receipts, "refused": run.refused})
    else:
        output.copyable(_summary(run))
    if run.refused:
        raise typer.Exit(1)


class _Run:
    """One replay, with the ``receipts`` of stored payloads, and the ``refused`` captures with the reasons."""

    def __init__(
        self,
        system: located.Located,
        client: redis.Redis,
        bar: rich.progress.Progress,
        forced: captures.Capture,
    ) -> None:
        self._max_body = system.max_body
        self._client = client
        self._read_registry()
        self._bar = bar
        self._task = bar.add_task("replaying", total=0)
        self._sink = reingest.Sink(client, system.shards, system.high_water, bar.refresh)
        self._forced = forced
        self._numbers: collections.deque[int] = collections.deque()
        self.receipts: list[str] = []
        self.refused: list[dict[str, str]] = []

    def store(self, files: list[Path], came: resumption.Resumption) -> None:
        """Store the payloads of these files, and note the captures that are refused.

        Raises:
            RedisUnavailableError: Redis did not confirm a step; the sentence says how much is stored.
            ProjectError: a project takes no reports any more.
            NotedError: another command replays the same files now.
        """
        sizes = [path.stat().st_size for path in files if path.is_file()]
        self._bar.update(self._task, total=sum(sizes))
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
        self._snapshot = reingest.published(self._client)
        self._projects = {
            name: project for project in self._snapshot.projects for name in (str(project.id), project.name)
        }

    def _require_active(self, chunk: list[envelope.Payload]) -> None:
        if gone := {payload.project_id for payload in chunk} - self._snapshot.active:
            stored = f"The first {len(self.receipts)} payloads are stored."
            raise model.ProjectError(f"Project {min(gone)} takes no reports any more. {stored}")

    def _payloads(self, files: list[Path], position: int) -> Iterator[envelope.Payload]:
        """Yield the payloads after a position, and note the number of the capture of each."""
        number = 0
        for path in files:
            try:
                for step in captures.read(path, self._max_body):
                    number += step.capture is not None
                    self._bar.advance(self._task, step.size)
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
        given = {name: value for name, value in self._forced._asdict().items() if value}
        capture = step.capture._replace(**given)
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
        output.complain(f"{where} was not stored: {reason}")


def _summary(run: _Run) -> str:
    stored = f"{len(run.receipts):,} stored, {len(run.refused):,} refused."
    return f"{stored} Receipt: {run.receipts[0]}" if len(run.receipts) == 1 else stored
