"""The lock on a data directory: one ``headrace up`` at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

from storage import errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAIT_S: Final = 0.5
"""How long to wait for the lock: a command that checks whether it is held takes it for a moment."""


class InUseError(errors.HeadraceError):
    """Another ``headrace up`` runs on this data directory."""


@contextlib.contextmanager
def hold(directory: Path) -> Iterator[None]:
    """Hold the lock on the data directory; the kernel lets go of it when this process dies.

    The lock is on the directory itself, because a copy could share a file in it by a hard link. A missing
    directory is created for its owner alone: it holds the bodies that browsers sent.

    Raises:
        InUseError: another process holds it.
        HeadraceError: the directory cannot be made or opened.
    """
    try:
        directory.mkdir(0o700, parents=True, exist_ok=True)
        descriptor = _opened(directory)
    except OSError as error:
        raise errors.HeadraceError(f"{directory} cannot be used for data: {error.strerror}.") from error
    try:
        if not _lock(descriptor):
            raise InUseError(f"Another headrace up is running on {directory}.")
        yield
    finally:
        os.close(descriptor)


def is_held(directory: Path) -> bool:
    """Tell whether a process holds the lock."""
    descriptor = _opened(directory)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _opened(directory: Path) -> int:
    return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _lock(descriptor: int) -> bool:
    deadline = time.monotonic() + WAIT_S
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(WAIT_S / 50)
