"""Run a program that the Linux kernel kills when its parent dies.

The arguments are the parent's process id, the program and its arguments. This is a program of its own, of the
standard library only: else Python would run between fork and exec in a process that has threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):  # it died before the call above
        sys.exit(1)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - starting a program is what this is for
