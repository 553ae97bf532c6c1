"""README's terminals show what its commands print: each command is run, in README's order, on one system."""

from __future__ import annotations

import itertools
import os
import re
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.helpers import harness, paths, terminals, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

SHOWN = list(terminals.shown((paths.ROOT / "README.md").read_text("utf-8")))
RUN, *COMMANDS = SHOWN
ENDPOINT = "http://127.0.0.1:8000/api/1/security/?sentry_key=…"
RECEIPT = re.compile(r"\d+-\d{13}-\d+-\d+")
TIME = re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")
CHANGING = {"status"}
"""Commands that print other figures each time."""
PROGRAM = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(paths.ROOT)!r})
from deploy.cli import main
main()
"""


def comparable(lines: list[str], command: str) -> list[str]:
    """Return the same lines, without what differs from one run to the next."""
    masked = [TIME.sub("<time>", RECEIPT.sub("<receipt>", line)) for line in lines]
    if any(f"headrace {name}" in command for name in CHANGING):
        masked = [re.sub(r"[ ─]+", " ", re.sub(r"[\d.,]+", "0", line)) for line in masked]
        masked = [re.sub("(Redis|Valkey) 0", "<server>", line) for line in masked]
        return [line for line, _ in itertools.groupby(masked)]  # one line for each processor
    return masked


def matches(expected: list[str], printed: list[str], command: str) -> bool:
    """Tell whether a terminal shows this: ``…`` stands for anything in its line, and alone for any lines."""
    patterns = [
        r"(?:.*\n)*" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in comparable(expected, command)
    ]
    text = "".join(f"{line}\n" for line in comparable(printed, command))
    return re.fullmatch("".join(patterns), text) is not None


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.System]:
    """A system that was started as ``make run`` starts it, in a directory that looks like the checkout."""
    checkout = tmp_path_factory.mktemp("checkout")
    program = checkout / ".venv/bin/headrace"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (checkout / "tests").symlink_to(paths.ROOT / "tests")
    with (checkout / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [".venv/bin/headrace", "up", "--listen", "127.0.0.1:0"],
            cwd=checkout,
            env={**os.environ, "COLUMNS": str(terminals.COLUMNS)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    running = harness.System(checkout / ".headrace", process)
    try:
        waiting.until(lambda: "play?user" in running.output(), "it runs", log=checkout / "up.log")
        waiting.until(lambda: " marks " in running.headrace("status").stdout, "maintenance left a mark")
        yield running
    finally:
        process.terminate()
        process.wait(waiting.PATIENCE_S)


def test_each_terminal_shows_what_its_command_prints(system: harness.System) -> None:
    endpoint, receipts = system.project["endpoint"], dict[str, str]()
    wrong = []
    for shown in COMMANDS:
        if shown.command.startswith("make "):
            continue  # it runs in the checkout itself, and other tests look at it
        command = shown.command.replace(ENDPOINT, endpoint)
        for receipt, given in receipts.items():
            command = command.replace(receipt, given)
        printed = terminals.run(command, system.directory.parent)
        system.wait_drained()
        theirs, ours = (RECEIPT.findall("\n".join(lines)) for lines in (shown.output, printed))
        receipts.update(zip(theirs, ours, strict=False))
        if not matches(shown.output, printed, shown.command):
            wrong.append("\n".join([f"$ {shown.command}", *printed]))
    assert not wrong, "README shows something else than\n" + "\n".join(wrong)


def test_the_first_command_prints_what_readme_shows(system: harness.System) -> None:
    told = system.output().replace(system.edge_url, "http://127.0.0.1:8000")
    here = ("Data and logs", f"│ {system.directory}")  # a long path has a line of its own
    printed = [line for line in terminals.trimmed(told.splitlines()) if not any(map(line.__contains__, here))]
    expected = [line for line in RUN.output if "Data and logs" not in line]
    assert RUN.command == "make run"
    assert matches(expected, printed, RUN.command), told
