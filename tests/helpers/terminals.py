"""Terminals as the documentation shows them, and the terminal that makes them: 80 columns, without colour."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import termios
from typing import TYPE_CHECKING, Final

from tests.helpers import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS: Final = 80
_BLOCK: Final = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclasses.dataclass(frozen=True)
class Shown:
    """A command that a page shows, and the lines that the page shows below it."""

    command: str
    output: list[str]


def shown(markdown: str) -> Iterator[Shown]:
    """Give the commands of all ``console`` blocks of a page, from top to bottom."""
    for block in _BLOCK.findall(markdown):
        parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
        assert not parts[0], f"a console block begins with a command, not with {parts[0]!r}"
        yield from (_split(part) for part in parts[1:])


def run(command: str, directory: Path) -> list[str]:
    """Run a command in a shell on a terminal, and return the lines that stand there when it has ended."""
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
        environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        process = subprocess.Popen(
            ["sh", "-c", command],
            cwd=directory,
            env={**environment, "TERM": "xterm", "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        printed = b"".join(iter(lambda: _read(ours), b""))
        process.wait(waiting.PATIENCE_S)
    finally:
        os.close(ours)
    return screen(printed.decode())


def _split(part: str) -> Shown:
    """Tell a command, which may go on over several lines, from its output."""
    lines = part.splitlines()
    for end in range(1, len(lines) + 1):
        command = "\n".join(lines[:end])
        if not command.endswith("\\") and _is_whole(command):
            return Shown(command, trimmed(lines[end:]))
    raise AssertionError(f"a quotation never ends: {part}")


def _is_whole(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


def _read(descriptor: int) -> bytes:
    """Read what a terminal prints; nothing when its last writer has gone, which Linux reports as an error."""
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:
        return b""


def screen(printed: str) -> list[str]:
    """Return the lines that a terminal shows: of a line that was drawn again, the last drawing."""
    lines = _CONTROL.sub("", printed).split("\n")
    return trimmed([line.rstrip("\r").rpartition("\r")[2] for line in lines])


def trimmed(lines: list[str]) -> list[str]:
    """Leave out the empty lines at both ends."""
    text = "\n".join(line.rstrip() for line in lines).strip("\n")
    return text.split("\n") if text else []
