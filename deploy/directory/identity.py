"""The identity of a data directory on this machine: a copy is another directory, wherever it lies."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path


class DirectoryIdentity(msgspec.Struct, frozen=True):
    """The facts that tell a data directory from every other one, until the machine is booted again.

    Attributes:
        device: the device of the directory.
        inode: the inode of the directory.
        boot: the id of this boot of the machine; empty where the system has none.
        networks: the namespace in which addresses on loopback lead to this system.
        processes: the namespace in which process ids are those of this system.
    """

    device: int
    inode: int
    boot: str
    networks: int
    processes: int


def of(directory: Path) -> DirectoryIdentity:
    """Return the identity of a directory."""
    found = directory.stat()
    boot = _first_line("/proc/sys/kernel/random/boot_id")
    return DirectoryIdentity(found.st_dev, found.st_ino, boot, _namespace("net"), _namespace("pid"))


def _namespace(kind: str) -> int:
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/self/ns/{kind}").st_ino  # noqa: PTH116 - not a path of ours
    return 0


def _first_line(path: str) -> str:
    with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:  # noqa: PTH123 - not a path of ours
        return file.readline().strip()
    return ""
