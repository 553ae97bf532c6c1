"""Forbid this process to open a file for reading and writing that it may have to create, with seccomp.

The table function ``sqlite`` of the engine opens the file that it is given, and creates a missing one, before
the engine checks the rights of the user. The engine itself opens no file that way: it writes new files, and
reads existing ones. This needs only the standard library, and Linux.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from typing import Final

from deploy.embedded.wheel import libc

_SET_SECCOMP: Final = 22
_FILTER: Final = 2

_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4
_ARGUMENTS_AT: Final = 16
"""Offsets into ``struct seccomp_data``, see seccomp(2). On all these machines the low half comes first."""
_LOAD: Final = 0x20
_AND: Final = 0x54
_EQUAL: Final = 0x15
_RETURN: Final = 0x06
"""Instructions of classic BPF."""
_ALLOW: Final = 0x7FFF0000
_FAIL: Final = 0x00050000

_CALLS: Final = {
    "x86_64": (0xC000003E, ((2, 1), (257, 2))),
    "aarch64": (0xC00000B7, ((56, 2),)),
}
"""By machine: its number in the kernel, and the system calls that open files (number, position of flags)."""


def forbid() -> bool:
    """Answer such an attempt of this thread, and of all that it starts, with ``EACCES``.

    Call it before there are other threads.

    Returns:
        Whether the kernel took the filter; False on other systems and machines, where nothing is forbidden.
    """
    known = _CALLS.get(os.uname().machine) if sys.platform == "linux" else None
    if known is None:
        return False
    steps = _program(*known)
    code = ctypes.create_string_buffer(b"".join(steps), 8 * len(steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    libc.forbid_new_privileges()
    return bool(libc.load().prctl(_SET_SECCOMP, _FILTER, program, 0, 0) == 0)


def _program(architecture: int, calls: tuple[tuple[int, int], ...]) -> list[bytes]:
    """Return the filter; a jump names the number of instructions that it skips."""
    both, kind = os.O_RDWR | os.O_CREAT, os.O_ACCMODE | os.O_CREAT
    steps = [_step(_LOAD, _ARCHITECTURE_AT), _step(_EQUAL, architecture, 1, 0), _step(_RETURN, _ALLOW)]
    for number, argument in calls:
        steps += [
            _step(_LOAD, _NUMBER_AT),
            _step(_EQUAL, number, 0, 4),
            _step(_LOAD, _ARGUMENTS_AT + 8 * argument),
            _step(_AND, kind),
            _step(_EQUAL, both, 0, 1),
            _step(_RETURN, _FAIL | errno.EACCES),
        ]
    return [*steps, _step(_RETURN, _ALLOW)]


def _step(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_so, if_not, value)
