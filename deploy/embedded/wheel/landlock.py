"""Confine this process to some directories and some ports, with Landlock.

In the engine of the wheel, every user that may query may read files by their path. A file that the kernel
hides from the process cannot be read by any query. This needs only the standard library, and Linux 5.19;
ports need 6.7.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from typing import TYPE_CHECKING, Final

from deploy.embedded.wheel import libc

if TYPE_CHECKING:
    from collections.abc import Iterable

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
"""The numbers of the system calls; they are the same on all architectures."""
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_NET_PORT: Final = 2
_CAPABILITIES: Final = struct.pack("=Ii", 0x20080522, 0), bytes(24)
"""The arguments of capset(2): the version of the call, this thread, and no capability at all."""

_EXECUTE: Final = 1 << 0
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIRECTORY: Final = 1 << 3
_REMOVE_DIRECTORY: Final = 1 << 4
_REMOVE_FILE: Final = 1 << 5
_MAKE_DIRECTORY: Final = 1 << 7
_MAKE_REGULAR: Final = 1 << 8
_MAKE_SYMLINK: Final = 1 << 12
_UP_TO_MAKE_SYMLINK: Final = (1 << 13) - 1
_REFER: Final = 1 << 13
_TRUNCATE: Final = 1 << 14
_IOCTL: Final = 1 << 15

_BIND: Final = 1 << 0
_CONNECT: Final = 1 << 1

READ: Final = _READ_FILE | _READ_DIRECTORY
RUN: Final = READ | _EXECUTE
USE: Final = _READ_FILE | _WRITE_FILE
"""Read and write a device."""
LOG: Final = _WRITE_FILE | _MAKE_REGULAR | _REMOVE_FILE | _READ_DIRECTORY
"""Write log files and rotate them, and never read them."""
OWN: Final = USE | _TRUNCATE
"""Read a file, and write it again in its place."""
STORE: Final = (
    READ
    | _WRITE_FILE
    | _REMOVE_DIRECTORY
    | _REMOVE_FILE
    | _MAKE_DIRECTORY
    | _MAKE_REGULAR
    | _MAKE_SYMLINK
    | _REFER
)
"""Keep files: a new file may be written; to open one that exists and empty it is refused."""

LEAST_VERSION: Final = 2
"""Version 1 forbids every rename from one directory to another, and ClickHouse makes many of those."""
_PORTS_VERSION: Final = 4


def confine(allowed: Iterable[tuple[str, int]], ports: Iterable[int]) -> bool:
    """Confine this thread, and all that it starts, to these paths and the files below them.

    Call it before there are other threads. Open files stay open.

    Args:
        allowed: paths, each with the rights there; a path that does not exist is passed over.
        ports: the TCP ports that it may listen on; it may connect to none.

    Returns:
        Whether this kernel has Landlock.

    Raises:
        OSError: the kernel has it, and refused.
    """
    version = _version()
    if version < LEAST_VERSION:
        return False
    every = _rights(version)
    handled = (
        struct.pack("=QQ", every, _BIND | _CONNECT) if version >= _PORTS_VERSION else struct.pack("=Q", every)
    )
    ruleset = _call(_CREATE_RULESET, ctypes.create_string_buffer(handled, len(handled)), len(handled), 0)
    try:
        for path, rights in allowed:
            with contextlib.suppress(FileNotFoundError):
                _allow(ruleset, path, rights & every)
        for port in ports if version >= _PORTS_VERSION else ():
            _add(ruleset, _NET_PORT, struct.pack("=QQ", _BIND, port))
        _give_up_privileges()
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return True


def _version() -> int:
    if sys.platform != "linux":
        return 0
    try:
        return _call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:  # not built in, or not switched on
        return 0


def _rights(version: int) -> int:
    """Return all rights that this version can forbid; the kernel refuses a ruleset with others."""
    later = ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL))
    return _UP_TO_MAKE_SYMLINK | sum(right for since, right in later if version >= since)


def _allow(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - a path as the operating system takes it
            rights &= _EXECUTE | USE | _TRUNCATE | _IOCTL
        _add(ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, descriptor))
    finally:
        os.close(descriptor)


def _add(ruleset: int, kind: int, attribute: bytes) -> None:
    _call(_ADD_RULE, ruleset, kind, ctypes.create_string_buffer(attribute, len(attribute)), 0)


def _give_up_privileges() -> None:
    """Drop the capabilities that root has, and forbid to gain others.

    A confined process may not read the memory and the environment of other processes; with the capabilities
    of root it might.
    """
    libc.forbid_new_privileges()
    if libc.load().capset(*_CAPABILITIES):
        raise libc.error()


def _call(number: int, *arguments: object) -> int:
    passed = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result: int = libc.load().syscall(ctypes.c_long(number), *passed)
    if result < 0:
        raise libc.error()
    return result
