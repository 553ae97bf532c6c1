"""Installs packages with pip: shows the progress, and says in a sentence why it failed."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Final

from deploy.checkout import environment, failures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROGRESS_S: Final = 5.0
"""Without a terminal, a line says this often how much has come."""
_LARGE: Final = re.compile(r"\s*(Downloading \S+ \([\d.]+ MB\)|Installing collected packages)")
_OPTIONS: Final = (
    "--no-deps",
    "--no-build-isolation",
    "--no-user",
    "--no-compile",
    "--disable-pip-version-check",
    "--no-python-version-warning",
    "--no-input",
)
"""The lists are complete, so nothing is resolved. The packages that build Headrace are installed before. Byte
code is 20 MB, and Python makes it at the first import."""

_ELSEWHERE: Final = frozenset(
    f"PIP_{name}"
    for name in (
        "BUILD_CONSTRAINT",
        "CONSTRAINT",
        "DRY_RUN",
        "EDITABLE",
        "PREFIX",
        "PYTHON",
        "REQUIRE_HASHES",
        "REQUIREMENT",
        "ROOT",
        "TARGET",
    )
)
"""Settings of pip that say what to install, and where: they are meant for other work. The others hold."""


def install(into: environment.Environment, arguments: Sequence[str | Path]) -> None:
    """Install the packages that pip's arguments name.

    Raises:
        environment.FailedError: pip failed.
    """
    # pip unpacks where there is room for the environment; /tmp may be small, or memory.
    temporary = (into.path / "tmp").absolute()
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    log = into.path / "pip.log"
    log.unlink(missing_ok=True)
    command = [into.python, "-I", "-m", "pip", "install", *_OPTIONS, "--log", log, *arguments]
    try:
        status = _run(command, temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if status:
        words = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        raise environment.FailedError(failures.explain(words, machine(), offline=_is_offline()))
    log.unlink(missing_ok=True)


def compile_all(into: environment.Environment) -> None:
    """Make all byte code now: in tests, a warning of the compiler at the first import would be an error."""
    found = list(into.path.glob("lib/python3*/site-packages"))
    command: list[str | Path] = [into.python, "-I", "-m", "compileall", "-q", "-j", "0", *found]
    subprocess.run(command, capture_output=True, check=False)  # some packages hold files for other Pythons


def machine() -> str:
    """Return the Python and the machine in words."""
    libc = "" if platform.libc_ver()[0] or sys.platform != "linux" else " without glibc"
    python = f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]}"
    return f"{python} on {platform.system()} {platform.machine()}{libc}"


def _is_offline() -> bool:
    return os.environ.get("PIP_NO_INDEX", "").lower() in {"1", "true", "yes", "on"}


def _run(command: Sequence[str | Path], temporary: Path) -> int:
    """Run pip; on a terminal it draws its own bars, elsewhere lines tell of large packages."""
    kept = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    surroundings = {**kept, "TMPDIR": str(temporary)}
    draws = sys.stdout.isatty()
    out, errors = (None, subprocess.PIPE) if draws else (subprocess.PIPE, subprocess.STDOUT)
    over = threading.Event()
    teller = threading.Thread(target=_tell_size, args=(temporary, over), daemon=True)
    with subprocess.Popen(command, env=surroundings, stdout=out, stderr=errors, text=True) as pip:
        if not draws:
            teller.start()
        try:
            _relay(pip, over)
        finally:
            over.set()
    return pip.returncode


def _relay(pip: subprocess.Popen[str], fetched: threading.Event) -> None:
    """Read the output of pip until it ends, print the lines for a person, and note when all is fetched."""
    told = False
    for line in pip.stdout or pip.stderr or ():
        if _LARGE.match(line):
            if "Installing" in line:
                fetched.set()
            say(line.strip().partition(":")[0])
        elif "Retrying" in line and not told:
            told = True
            say("The package index does not answer; trying again.")


def _tell_size(directory: Path, over: threading.Event) -> None:
    before = 0
    while not over.wait(PROGRESS_S):
        now = sum(map(_size, directory.glob("*/*.whl"))) // 1_000_000
        if now > before:
            say(f"{now} MB so far.")
        before = now


def _size(file: Path) -> int:
    """Return the bytes of a file that may be gone by now."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
