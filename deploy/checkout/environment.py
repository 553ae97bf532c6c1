"""The virtual environment of a checkout: whether it can be used as it is, and how to make it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.checkout import failures

WHERE: Final = Path(".venv")
_ASK: Final = (
    "import json, os, sys;"
    "print(json.dumps([sys.implementation.cache_tag, os.path.realpath(sys._base_executable)]))"
)


_UNUSABLE: Final = "$:\n"


class FailedError(Exception):
    """The environment could not be made; the message tells a person the remedy."""


@dataclass(frozen=True)
class Environment:
    """A directory made by ``python3 -m venv``, with a record of the sets that were installed."""

    path: Path = WHERE

    @property
    def python(self) -> Path:
        """The interpreter of the environment."""
        return self.path / "bin" / "python"

    @property
    def _record(self) -> Path:
        return self.path / ".ready"

    def installed(self) -> dict[str, str]:
        """Return the sets that are complete, each with the digest of its list."""
        try:
            found = json.loads(self._record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def note(self, sets: dict[str, str]) -> None:
        """Record which sets are complete."""
        self._record.write_text(json.dumps(sets), encoding="utf-8")

    def has(self, distribution: str) -> bool:
        """Tell whether a package is installed, by the name that it is imported by."""
        return any(self.path.glob(f"lib/python3*/site-packages/{distribution}-*.dist-info"))

    def refusal(self) -> str:
        """Return why it cannot be used as it is; nothing when it can."""
        if not self.path.exists():
            return f"{self.path} is not there"
        answer = _ask(self.python)
        if answer is None or not self._is_whole():
            return f"{self.path} does not work any more"
        if not self._is_at_home():
            return f"{self.path} was made elsewhere, and this checkout was moved or copied"
        if answer != _ask(Path(sys.executable)):
            return f"{self.path} was made with another Python"
        return ""

    def make(self) -> None:
        """Make it anew, empty.

        Raises:
            FailedError: it cannot be made; nothing half-made is left.
        """
        if self.path.exists() and not (self.path / "pyvenv.cfg").exists() and any(self.path.iterdir()):
            raise FailedError(f"{self.path} is there, and no virtual environment: move it away first.")
        _require_plain(Path.cwd())
        _require_venv()
        words: str | None = None
        try:
            words = _venv(self.path)
        finally:
            if words != "":
                _empty(self.path)
        if words:
            raise FailedError(failures.cause(words) or f"{sys.executable} made no {self.path}: {venv_hint()}")

    def _is_whole(self) -> bool:
        return bool(list(self.path.glob("lib/python3*/site-packages/pip/__main__.py")))

    def _is_at_home(self) -> bool:
        """Tell whether the scripts in it start the interpreter in it."""
        script = self.path / "bin" / "pip"
        with script.open("rb") as opened:
            return os.fsencode(self.path.absolute() / "bin") in opened.read(4096)


def _ask(python: Path) -> list[str] | None:
    """Return an interpreter's kind and where it really is; nothing when it does not start."""
    try:
        done = subprocess.run([python, "-I", "-c", _ASK], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return json.loads(done.stdout) if done.returncode == 0 else None


def _venv(path: Path) -> str:
    """Let Python make it, and return its words if it failed; an activated environment is not built upon."""
    base = getattr(sys, "_base_executable", sys.executable)
    command = [base, "-I", "-m", "venv", "--clear", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}Error {done.returncode}" if done.returncode else ""


def _empty(path: Path) -> None:
    if path.is_symlink():
        for entry in path.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def _require_plain(place: Path) -> None:
    """Fail before anything is made where scripts with this path in them would not start."""
    if found := next((character for character in _UNUSABLE if character in str(place)), None):
        raise FailedError(
            f"{str(place)!r} has {found!r} in it, which no path of a checkout may have: move it."
        )


def _require_venv() -> None:
    """Fail before anything is made where Python lacks the modules for environments, as Debian's does."""
    if any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip")):
        raise FailedError(f"{sys.executable} cannot make virtual environments: {venv_hint()}")


def venv_hint() -> str:
    """Return a sentence about the packages that let Python make environments."""
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return (
        f"install its modules venv and ensurepip (Debian and Ubuntu: apt-get install python{minor}-venv), "
        "then `make setup`."
    )
