"""A ClickHouse server out of the ``chdb-core`` wheel; run as a program, it serves until SIGTERM.

Apart from the wheel it imports only the standard library. The working directory must hold the ``config.xml``
that names ports, data and users. The engine serves for as long as its query runs, and its query reads from a
pipe that ends with SIGTERM. The process also ends, at once, when the disk is nearly full: see ``free_space``.

Its arguments are the directory of the data, the one of the log, the one that it may only read, and two ports.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import resource
import signal
import sys
import sysconfig
import threading
import time
import types
from typing import Any, Final

from deploy.embedded import free_space, password_hashes
from deploy.embedded.wheel import landlock, seccomp
from storage.servers import sql

NO_SPACE: Final = 28
"""The exit code, after ``errno.ENOSPC``."""
_STOP_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT})
_SQL: Final = sql.beside("deploy.embedded.wheel.chdb_server")  # __name__ is __main__ in the program

_SYSTEM: Final = (
    ("/usr", landlock.RUN),
    ("/lib", landlock.RUN),
    ("/lib64", landlock.RUN),
    ("/etc/localtime", landlock.READ),
    ("/etc/timezone", landlock.READ),
    ("/etc/ld.so.cache", landlock.READ),
    ("/proc/cpuinfo", landlock.READ),
    ("/proc/meminfo", landlock.READ),
    ("/proc/self/statm", landlock.READ),
    ("/proc/self/task", landlock.READ),
    ("/sys/devices/system", landlock.READ),
    ("/sys/fs/cgroup", landlock.READ),
    ("/dev/null", landlock.USE),
    ("/dev/urandom", landlock.READ),
    ("/dev/zero", landlock.READ),
)
"""Paths that any program may need. ``/proc`` shows no other process, and nothing secret of this one: the
environment that it was started in holds no password."""
_PYTHON: Final = ("stdlib", "platstdlib", "purelib", "platlib")


def engine() -> Any:  # noqa: ANN401 - a module without type information
    """Import the engine without the package around it, which would load pandas and pyarrow.

    Raises:
        ImportError: chdb-core is not installed.
    """
    spec = importlib.util.find_spec("chdb")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("chdb-core is not installed")
    package = types.ModuleType("chdb")
    package.__path__ = list(spec.submodule_search_locations)
    package.__spec__ = spec
    sys.modules["chdb"] = package
    return importlib.import_module("chdb._chdb")


def confine(data: str, log: str, given: str, *ports: str) -> None:
    """Keep this process from everything but the system, Python, its configuration, its data and its log.

    Args:
        data: the directory of the data.
        log: the directory of the log.
        given: the directory that it may only read.
        ports: the ports that it may listen on, as decimal numbers.

    Raises:
        SystemExit: there are threads already.
    """
    if sys.platform == "linux" and len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - only names
        sys.exit("The engine has started threads, and those could not be confined.")
    paths = {sysconfig.get_path(name) for name in _PYTHON}
    paths.update(filter(None, [sysconfig.get_config_var("LIBDIR"), _wheel()]))
    allowed = [
        *_SYSTEM,
        *((path, landlock.RUN) for path in paths),
        *((name, landlock.READ) for name in ("config.xml", "users.xml", given)),
        (data, landlock.STORE),
        (_status(data), landlock.OWN),
        (log, landlock.LOG),
    ]
    if sys.platform == "linux":
        # It stays open, so that the kernel keeps the very entry that the rule is about.
        os.open("/proc/self/task", os.O_PATH | os.O_CLOEXEC)
    if not seccomp.forbid():
        sys.stderr.write("Nothing on this machine keeps queries from making empty files among the data.\n")
    if not landlock.confine(allowed, map(int, ports)):
        sys.stderr.write("This kernel has no Landlock: every query can read the files of this user.\n")


def lift_file_limit() -> None:
    """Let files be of any size: the engine does not notice when the limit cuts a write short.

    Raises:
        SystemExit: this process may not lift the limit.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if hard != resource.RLIM_INFINITY:
        sys.exit("The size of files is limited (ulimit -f), and the engine would lose what exceeds it.")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def set_password_variables() -> None:
    """Put the hashes of the passwords into the environment, where ``users.xml`` refers to them."""
    with open("passwords.json", encoding="utf-8") as file:  # noqa: PTH123 - as the operating system takes it
        os.environ.update(password_hashes.variables(json.load(file)))
    os.environ.update(password_hashes.of_accounts("."))


def _status(data: str) -> str:
    """Make the file ``status`` with which an engine locks its data; it alone is written in its place."""
    path = os.path.join(data, "status")  # noqa: PTH118 - a path as the operating system takes it
    os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o640))
    return path


def _wheel() -> str | None:
    """Return the directory where the wheel and its libraries are installed."""
    spec = importlib.util.find_spec("chdb")
    return os.path.dirname(os.path.dirname(spec.origin)) if spec and spec.origin else None  # noqa: PTH120


def serve(chdb: Any, data: str) -> int:  # noqa: ANN401 - see ``engine``
    """Serve the data in this directory until a signal says stop; return 1 if the engine ended before that.

    When the disk is nearly full the process ends at once with ``NO_SPACE``, even during a query.
    """
    chdb.set_signal_handlers_enabled(False)
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    pipe = _replace_stdin()
    ended = threading.Event()

    def run() -> None:
        try:
            # The format is also the default of the HTTP interface; this is a ClickHouse server's own.
            chdb.query(_SQL["serve"], "TabSeparated", path=data)
        finally:
            ended.set()
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    # Not sigtimedwait: in a process that was frozen past its timeout it reports a signal that never came.
    while not signal.sigpending() & _STOP_SIGNALS:
        _require_space(data)
        time.sleep(free_space.POLL_S)
    failed = ended.is_set()
    os.close(pipe)
    while thread.is_alive():  # its last writes need space, too
        _require_space(data)
        thread.join(free_space.POLL_S)
    return int(failed)


def _require_space(data: str) -> None:
    """End this process, with all its threads, before a write is cut short."""
    if free_space.free(data) < free_space.to_run(data):
        try:
            os.write(sys.stderr.fileno(), b"The disk is nearly full: the engine ends before it is.\n")
        finally:  # the log may be on the full disk
            os._exit(NO_SPACE)


def _replace_stdin() -> int:
    """Make stdin a pipe and return the end that keeps it open."""
    reading, writing = os.pipe()
    os.dup2(reading, sys.stdin.fileno())
    os.close(reading)
    return writing


if __name__ == "__main__":
    lift_file_limit()
    # Loading reads files that no query may read. The engine starts threads only when it serves.
    loaded = engine()
    set_password_variables()
    confine(*sys.argv[1:])
    sys.exit(serve(loaded, sys.argv[1]))
