"""Free space on the disk of the embedded ClickHouse, which must never meet a full disk.

The engine in the wheel does not check whether a write found space: it commits parts whose files are cut
short, and their rows are lost. These limits, from much free space to little, keep it from that:

* an insert that would leave less than ``left_by_inserts`` bytes is refused, by a setting of ClickHouse;
* a server starts with ``to_start`` bytes, so that rows can be dropped to free more;
* a merge or a mutation that would leave less than ``left_by_merges`` bytes is refused;
* temporary files of queries may take ``for_temporary_files`` bytes beyond that;
* a running engine stops below ``to_run`` bytes, and is started again once ``to_start`` are free.

Run as a program, this module waits for free space and becomes another program. Its arguments are the data
directory, that program and its arguments. It needs only the standard library.
"""

import contextlib
import os
import sys
import time

MEBIBYTE = 1024 * 1024
MOST = 256 * MEBIBYTE
"""Inserts leave this much, or half of a disk that is smaller than twice this."""
POLL_S = 0.02
"""How often a running engine checks its disk: to fill the rest in that time takes more than 6 GB/s."""
_WAIT_S = 0.5


def free(directory: str) -> int:
    """Return the bytes that may still be written on the disk of this directory."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def left_by_inserts(directory: str) -> int:
    """Return the bytes that inserts leave free on the disk of this directory."""
    disk = os.statvfs(directory)
    return min(MOST, disk.f_blocks * disk.f_frsize // 2)


def to_start(directory: str) -> int:
    """Return the free bytes that a server needs to start."""
    return left_by_inserts(directory) * 3 // 4


def left_by_merges(directory: str) -> int:
    """Return the bytes that merges and mutations leave free."""
    return left_by_inserts(directory) * 5 // 8


def for_temporary_files(directory: str) -> int:
    """Return the bytes that temporary files of queries may take: ClickHouse checks no free space for them."""
    return left_by_inserts(directory) // 16


def to_run(directory: str) -> int:
    """Return the free bytes below which a running engine stops."""
    return left_by_inserts(directory) // 2


def lacking(directory: str) -> str:
    """Say, in a sentence, that too little space is free to start; empty when there is enough."""
    available, wanted = free(directory), to_start(directory)
    if available >= wanted:
        return ""
    return (
        f"Only {available // MEBIBYTE} MiB are free on the disk of {directory}, and ClickHouse "
        f"needs {wanted // MEBIBYTE} MiB: make room there."
    )


def main(data: str, *program: str) -> None:
    """Wait until enough space is free, and become the program."""
    reason = lacking(data)
    if reason:
        with contextlib.suppress(OSError):  # the log may be on the full disk
            sys.stderr.write(f"{reason}\n")
            sys.stderr.flush()
    while lacking(data):
        time.sleep(_WAIT_S)
    os.execvp(program[0], program)  # noqa: S606 - starting a program is what this is for


if __name__ == "__main__":
    main(*sys.argv[1:])
