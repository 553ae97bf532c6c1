"""Run a program that the Linux kernel kills when its parent dies.

Arguments: the parent's process id, the program, its arguments.
A program of its own, and of the standard library only, because the alternative is to run Python between fork
and exec in a process that has threads.
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
