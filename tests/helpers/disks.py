"""Small file systems of their own, for what happens when a disk is full."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from deploy.embedded import free_space
from deploy.settings import MEBIBYTE

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def mounted(place: Path, size: int) -> Iterator[Path]:
    """Make this directory a file system of so many bytes; skip the test where that is not allowed."""
    place.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system takes the rights of root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(filler: io.FileIO, leave: int) -> None:
    """Write to this file, about as fast as a disk can, until so many bytes are free."""
    with contextlib.suppress(OSError):
        while (spare := free_space.free(str(filler.name)) - leave) > 0:
            filler.write(b"\0" * min(spare, MEBIBYTE))
            time.sleep(0.001)
