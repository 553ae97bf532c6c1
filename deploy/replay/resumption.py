"""The position of a replay of files, noted in Redis with each append: an interrupted replay can go on."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from storage import errors
from storage.quarantine import resubmission

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import redis

    from deploy.replay import captures

KEPT_S: Final = 7 * 86_400
"""How long an interrupted replay can be resumed."""


class InterruptedError(errors.HeadraceError):  # noqa: A001 - the word of the options and of the documentation
    """The command leaves open whether a replay is to go on, or to begin anew."""


class Resumption:
    """The position that a replay of some files, under some options, has reached.

    Args:
        client: the queue's Redis.
        files: the files to replay; their content tells one replay from others.
        forced: the options that win over what the files say.
        resume: whether to go on where an earlier replay was interrupted.
        again: whether to begin anew after one was interrupted.

    Attributes:
        position: the number of captures that were stored or refused.

    Raises:
        InterruptedError: an earlier replay was interrupted, and neither option was given.
        RedisUnavailableError: Redis did not answer.
    """

    def __init__(
        self,
        client: redis.Redis,
        files: Iterable[Path],
        forced: captures.Capture,
        *,
        resume: bool = False,
        again: bool = False,
    ) -> None:
        self._client = client
        self.key: Final = f"headrace:replay:{_digest(files, forced)}"
        if again:
            resubmission.finished(client, self.key)
        noted = resubmission.position(client, self.key)
        if noted and not resume:
            raise InterruptedError(
                f"An earlier replay of this was interrupted after {int(noted):,} captures: "
                "say --resume to go on from there, or --again to begin anew."
            )
        self.position = int(noted or 0)

    def source(self, version: int, position: int) -> resubmission.Source:
        """Return the note to store with payloads, the last of which comes from the capture of this number."""
        before = str(self.position) if self.position else ""
        note = resubmission.Note(resubmission.POSITION, before, str(position))
        return resubmission.Source(version, self.key, [note], keep_s=KEPT_S)

    def finish(self) -> None:
        """Forget the position: the replay is complete."""
        resubmission.finished(self._client, self.key)


def _digest(files: Iterable[Path], forced: captures.Capture) -> str:
    """Return a hash of the options and of the files; a file that cannot be read is left out."""
    total = hashlib.blake2b(repr(forced).encode(errors="surrogatepass"), digest_size=16)
    for path in files:
        try:
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "blake2b").digest())
        except OSError:
            continue
    return total.hexdigest()
