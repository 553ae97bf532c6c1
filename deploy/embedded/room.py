"""Room on the disk that the embedded ClickHouse writes to.

The engine in the wheel takes a write that found no room for done: its parts are then in place with files cut
short, and their rows lost. So it must never meet a full disk. It refuses inserts and merges that would leave
less than ``kept`` bytes, as any ClickHouse can be told to; and when others take the room, it stops at half of
that, to be started again when there is room.

As a program: wait for room, then become another program. Arguments: the data directory, the program, its
arguments. It needs nothing but the standard library.
"""

import os
import sys
import time

MEBIBYTE = 1024 * 1024
KEPT = 256 * MEBIBYTE
"""No more than half of the disk is asked for, however small it is."""
POLL_S = 0.02
"""Between two looks at the disk of a running engine: to fill the rest in that time takes more than 6 GB/s."""
_LOOK_AGAIN_S = 0.5


def free(directory: str) -> int:
    """Return the bytes that may still be written on the disk of this directory."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def kept(directory: str) -> int:
    """Return the bytes that ClickHouse leaves free on the disk of this directory."""
    disk = os.statvfs(directory)
    return min(KEPT, disk.f_blocks * disk.f_frsize // 2)


def least(directory: str) -> int:
    """Return the free bytes with which a running engine stops."""
    return kept(directory) // 2


def lacking(directory: str) -> str:
    """Say, in a sentence, that there is too little room to start; empty means that there is enough."""
    available, wanted = free(directory), kept(directory)
    if available >= wanted:
        return ""
    return (
        f"Only {available // MEBIBYTE} MiB are free on the disk of {directory}, and ClickHouse "
        f"needs {wanted // MEBIBYTE} MiB: make room there."
    )


def main(data: str, *program: str) -> None:
    """Wait until there is room, and become the program."""
    reason = lacking(data)
    if reason:
        sys.stderr.write(f"{reason}\n")
        sys.stderr.flush()
    while lacking(data):
        time.sleep(_LOOK_AGAIN_S)
    os.execvp(program[0], program)  # noqa: S606 - starting a program is what this is for


if __name__ == "__main__":
    main(*sys.argv[1:])
