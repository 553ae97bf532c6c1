"""Room on the disk that the embedded ClickHouse writes to.

The engine in the wheel takes a write that found no room for done: its parts are then in place with files cut
short, and their rows lost. So it must never meet a full disk. From much room to little:

* it refuses inserts that would leave less than ``kept`` bytes, as any ClickHouse can be told to;
* with ``enough`` bytes it starts, so that what is stored can be dropped to make room;
* it refuses merges and mutations that would leave less than ``untouched`` bytes;
* queries may write ``spilled`` bytes to temporary files beyond that;
* it stops when others leave less than ``least`` bytes, to be started again when there are enough.

As a program: wait for room, then become another program. Arguments: the data directory, the program, its
arguments. It needs nothing but the standard library.
"""

import contextlib
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
    """Return the bytes that inserts leave free on the disk of this directory."""
    disk = os.statvfs(directory)
    return min(KEPT, disk.f_blocks * disk.f_frsize // 2)


def enough(directory: str) -> int:
    """Return the free bytes with which an engine starts."""
    return kept(directory) * 3 // 4


def untouched(directory: str) -> int:
    """Return the bytes that merges and mutations leave free."""
    return kept(directory) * 5 // 8


def spilled(directory: str) -> int:
    """Return the bytes that temporary files of queries may take, which look at no free room themselves."""
    return kept(directory) // 16


def least(directory: str) -> int:
    """Return the free bytes with which a running engine stops."""
    return kept(directory) // 2


def lacking(directory: str) -> str:
    """Say, in a sentence, that there is too little room to start; empty means that there is enough."""
    available, wanted = free(directory), enough(directory)
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
        with contextlib.suppress(OSError):  # the log may be on the full disk
            sys.stderr.write(f"{reason}\n")
            sys.stderr.flush()
    while lacking(data):
        time.sleep(_LOOK_AGAIN_S)
    os.execvp(program[0], program)  # noqa: S606 - starting a program is what this is for


if __name__ == "__main__":
    main(*sys.argv[1:])
