"""Terminals as the documentation shows them, and the terminal that makes them: 80 columns, without colour."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import termios
from typing import TYPE_CHECKING, Any, Final, Self

from tests.helpers import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
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


def run(command: str, directory: Path, columns: int = COLUMNS) -> list[str]:
    """Run a command in a shell on a terminal, and return the lines that stand there when it has ended."""
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
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


class Session:
    """A command that goes on, on a terminal of its own, as a context manager; it is killed at the end.

    Args:
        arguments: the command.
        environment: its environment, to which the kind of terminal is added.
        columns: cells of a line.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], columns: int = COLUMNS
    ) -> None:
        self._printed = bytearray()
        self._ours, self._theirs = pty.openpty()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.modes = termios.tcgetattr(self._theirs)
        os.set_blocking(self._ours, False)
        wanted = {name: value for name, value in environment.items() if name not in {"COLUMNS", "LINES"}}
        self.process = subprocess.Popen(
            arguments,
            env={**wanted, "TERM": "xterm"},
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            start_new_session=True,
            preexec_fn=self._take_terminal,  # noqa: PLW1509 - the child has one thread, and Ctrl-C needs a terminal
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)

    @property
    def printed(self) -> str:
        """All that it has printed so far."""
        with contextlib.suppress(BlockingIOError):
            while part := _read_now(self._ours):
                self._printed += part
        return self._printed.decode("utf-8", "replace")

    @property
    def text(self) -> str:
        """All that it has printed so far, without the sequences that move the cursor or colour the text."""
        return _CONTROL.sub("", self.printed)

    def shows(self, text: str) -> None:
        """Wait until it has printed a text."""
        waiting.until(lambda: text in self.text, f"the terminal shows {text!r}, after {self.text[-2_000:]!r}")

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._ours, keys)

    def ends(self) -> int:
        """Wait for its end, and return its exit code."""
        waiting.until(lambda: (self.printed, self.process.poll())[1] is not None, "the command ends")
        return self.process.wait()

    @property
    def modes_now(self) -> list[Any]:
        """The modes that the terminal has now; ``modes`` are those that it had at first."""
        return termios.tcgetattr(self._theirs)

    def _take_terminal(self) -> None:
        fcntl.ioctl(self._theirs, termios.TIOCSCTTY, 0)


def _read_now(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:
        raise
    except OSError:
        return b""


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
