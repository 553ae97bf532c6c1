"""The C library of this process, for calls of Linux that Python does not offer."""

from __future__ import annotations

import ctypes
import os
from typing import Final

_SET_NO_NEW_PRIVS: Final = 38
"""``PR_SET_NO_NEW_PRIVS``, see prctl(2)."""


def load() -> ctypes.CDLL:
    """Return the library; ``error`` tells why a call failed."""
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    return library


def error() -> OSError:
    """Return the error of the last call."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


def forbid_new_privileges() -> None:
    """Forbid this thread to gain privileges from set-user-id programs: Landlock and seccomp require it.

    Raises:
        OSError: the kernel refused.
    """
    if load().prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise error()
