"""Removes the deduplication tokens of lost parts from the data, then becomes the ClickHouse server.

ClickHouse notes the token of a block before it renames the part with the rows into place. A server that is
killed between the two knows the token and has no rows: it would drop the repeated insert as a duplicate. A
replicated table does both in one step in Keeper, and needs none of this.

The arguments are the data directory, the program and its arguments. This is a program of its own, of the
standard library only: so a restarted server is mended too, and only that server waits for it.
"""

import bisect
import contextlib
import itertools
import os
import re
import sys
from collections import defaultdict
from pathlib import Path

ADDED = "1"
DROPPED = "2"
"""The operations in a log: a token was added for its part, or dropped."""
_PART = re.compile(r"(?P<partition>.+?)_(?P<first>\d+)_(?P<last>\d+)_\d+(_\d+)?")
"""A part holds the blocks from ``first`` to ``last``: one block after an insert, more after a merge."""

_UNFINISHED = ("tmp_", "delete_tmp_")
_FIELDS = 3
"""The fields of a line of the log: the operation, the part and the token."""


def forget_lost(logs: Path) -> int:
    """Drop the tokens of lost parts from one table's log and return how many there were.

    Args:
        logs: the table's ``deduplication_logs`` directory, which lies among its parts.
    """
    files = sorted(logs.glob("deduplication_log_*.txt"), key=_number)
    for file in files[-1:]:
        _cut_torn_line(file)
    parts = _parts(logs.parent)
    lost = [(part, token) for token, part in _known(files).items() if not _holds(parts, part)]
    if lost:
        with files[-1].open("a", encoding="utf-8") as log:
            log.writelines(f"{DROPPED}\t{part}\t{token}\n" for part, token in lost)
    return len(lost)


def _known(files: list[Path]) -> dict[str, str]:
    """Return the parts of the tokens that a log knows, by token."""
    known: dict[str, str] = {}
    for file in files:
        lines = (line.split("\t") for line in file.read_text("utf-8", "replace").splitlines())
        for operation, part, token in (fields for fields in lines if len(fields) == _FIELDS):
            if operation == ADDED:
                known[token] = part
            else:
                known.pop(token, None)
    return known


def _cut_torn_line(file: Path) -> None:
    """Cut off a last line that is incomplete: the next line would be appended to it."""
    text = file.read_bytes()
    whole = text.rfind(b"\n") + 1
    if whole < len(text):
        os.truncate(file, whole)


class _Blocks:
    """The blocks that the parts of one partition hold."""

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        spans.sort()
        self._firsts = [first for first, _ in spans]
        self._lasts = list(itertools.accumulate((last for _, last in spans), max))

    def hold(self, first: int, last: int) -> bool:
        """Tell whether one part holds all blocks of a range."""
        position = bisect.bisect_right(self._firsts, first)
        return position > 0 and self._lasts[position - 1] >= last


def _parts(table: Path) -> dict[str, _Blocks]:
    """Return the blocks in a table's parts by partition."""
    spans = defaultdict(list)
    for entry in os.scandir(table):
        match = _PART.fullmatch(entry.name)
        if match and not entry.name.startswith(_UNFINISHED):
            spans[match["partition"]].append((int(match["first"]), int(match["last"])))
    return {partition: _Blocks(found) for partition, found in spans.items()}


def _holds(parts: dict[str, _Blocks], part: str) -> bool:
    match = _PART.fullmatch(part)
    if match is None:
        return True
    blocks = parts.get(match["partition"])
    return blocks is not None and blocks.hold(int(match["first"]), int(match["last"]))


def _number(file: Path) -> int:
    return int(file.stem.rpartition("_")[2])


def main(data: str, *program: str) -> None:
    """Mend every table, and become the server."""
    for logs in Path(data).glob("store/*/*/deduplication_logs"):
        lost = forget_lost(logs)
        if lost:
            with contextlib.suppress(OSError):  # the log may be on a full disk
                sys.stderr.write(
                    f"{logs.parent.name}: {lost} tokens of parts that do not exist were forgotten.\n"
                )
                sys.stderr.flush()
    os.execvp(program[0], program)  # noqa: S606 - starting a program is what this is for


if __name__ == "__main__":
    main(*sys.argv[1:])
