"""Runs the command line many times: each command in a process of its own, forked from one that has loaded it.

To load it takes nearly a second of processor time, and most commands take far less than that.
``python -m tests.helpers.commands DESCRIPTOR`` is the process that they are forked from.
"""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Final, NoReturn

from tests.helpers import paths, waiting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT: Final = paths.ROOT
_COLUMNS: Final = "200"
_MOST_BYTES: Final = 1 << 17
"""Bytes of the longest request: arguments and environment."""


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in the root of the repository.

    Args:
        arguments: what follows ``headrace``.
        environment: settings, in addition to the environment of this process.

    Raises:
        subprocess.TimeoutExpired: it did not end.
    """
    settings = {**os.environ, "COLUMNS": _COLUMNS, **environment}
    request = json.dumps([arguments, settings]).encode()
    assert len(request) < _MOST_BYTES, "it would be cut, and fail for that"
    ours, theirs = socket.socketpair()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as error, ours, theirs:
        given = [theirs.fileno(), output.fileno(), error.fileno()]
        socket.send_fds(_origin(), [request], given)
        theirs.close()
        code = _ended(ours, arguments)
        texts = [_read(file.fileno()) for file in (output, error)]
    return subprocess.CompletedProcess(list(arguments), code, *texts)


def _ended(told: socket.socket, arguments: Sequence[str]) -> int:
    """Wait for the exit code of a command."""
    told.settimeout(waiting.PATIENCE_S)
    with told.makefile() as lines:
        pid = int(lines.readline())
        try:
            return int(lines.readline())
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(list(arguments), waiting.PATIENCE_S) from None


def _read(descriptor: int) -> str:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode()


@functools.cache
def _origin() -> socket.socket:
    """Start the process that commands are forked from, until this one ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.helpers.commands", str(theirs.fileno())],
        env={**os.environ, "COLUMNS": _COLUMNS, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    atexit.register(_end, process, ours)
    return ours


def _end(process: subprocess.Popen[bytes], requests: socket.socket) -> None:
    requests.close()
    process.wait()


def main(descriptor: str) -> None:
    """Fork a process for each request, and return in that alone; end when nobody is left to ask."""
    gc.freeze()  # what is loaded stays shared by all
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=int(descriptor)) as requests:
        while True:
            request, descriptors, _, _ = socket.recv_fds(requests, _MOST_BYTES, 3)
            if not request:
                os._exit(0)
            if os.fork() == 0:
                break
            for each in descriptors:
                os.close(each)
    told, *outputs = descriptors
    _keep(told)
    for number, each in enumerate(outputs, start=1):
        os.dup2(each, number)
        os.close(each)
    os.close(told)
    arguments, environment = json.loads(request)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments


def _keep(told: int) -> None:
    """Fork once more, and tell how the process ended; return in that process alone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid:
        os.write(told, f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)


def _leave(code: object) -> NoReturn:
    """End this process as the interpreter does, but for taking apart all that was loaded."""
    threading._shutdown()  # type: ignore[attr-defined] # waits for threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    import deploy.__main__
    from deploy import cli
    from deploy.printing import output

    main(sys.argv[1])
    output.console.width = int(os.environ["COLUMNS"])  # it was made under another environment
    sys.argv[0] = str(deploy.__main__.__file__)
    try:
        cli.main()
    except SystemExit as ended:
        _leave(ended.code)
    _leave(None)
