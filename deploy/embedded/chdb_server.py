"""A ClickHouse server out of the ``chdb-core`` wheel; run as a script, it serves until SIGTERM.

It needs nothing but the standard library and the wheel. The working directory must hold the ``config.xml``
that names ports, data and users. The engine serves for as long as its query runs, and its query reads from a
pipe that ends with SIGTERM.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import sys
import threading
import types
from typing import Any, Final

_STOP_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT})
_SERVE: Final = (
    "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; SELECT * FROM file('/dev/stdin', 'LineAsString')"
)


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
    sys.modules["chdb"] = package
    return importlib.import_module("chdb._chdb")


def serve(data: str) -> int:
    """Serve the data in this directory until a signal says stop; return 1 if the engine ended before that."""
    chdb = engine()
    chdb.set_signal_handlers_enabled(False)
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    pipe = _replace_stdin()
    ended = threading.Event()

    def run() -> None:
        try:
            # The format is also the default of the HTTP interface; this is a ClickHouse server's own.
            chdb.query(_SERVE, "TabSeparated", path=data)
        finally:
            ended.set()
            os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    signal.sigwait(_STOP_SIGNALS)
    failed = ended.is_set()
    os.close(pipe)
    thread.join()
    return int(failed)


def _replace_stdin() -> int:
    """Make stdin a pipe and return the end that keeps it open."""
    reading, writing = os.pipe()
    os.dup2(reading, sys.stdin.fileno())
    os.close(reading)
    return writing


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1]))
