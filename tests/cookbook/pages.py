"""The pages of the cookbook: runs the queries that they show, and writes what these answer below them."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

from tests.helpers import commands, paths, terminals

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGES: Final = tuple(
    paths.DOCS / "query" / f"cookbook-{reader}.md" for reader in ("security", "front-end", "operator")
)
"""One page for each kind of reader."""
INDEX: Final = paths.DOCS / "query" / "cookbook.md"
"""The page that lists the questions of all pages."""
_QUESTION: Final = re.compile(r"^## (.+)$", re.MULTILINE)
_TERMINAL: Final = re.compile(r"(?<=^```console\n)(\$ .*?)(?=^```$)", re.MULTILINE | re.DOTALL)
_CONTENTS: Final = re.compile(r"^\* \[[^]]+\]\(([\w.-]*)#.*\)\n(?:\* \[[^]]+\]\(\1#.*\)\n)*", re.MULTILINE)
_TTY: Final = {"COLUMNS": str(terminals.COLUMNS), "FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"}


def questions(markdown: str) -> list[str]:
    """Return the questions of a page, from top to bottom."""
    return _QUESTION.findall(markdown)


def listed(markdown: str, pages: Mapping[str, str]) -> str:
    """Return a page whose lists of links to questions name all questions of their page.

    Args:
        markdown: the page.
        pages: the pages with questions by name; '' is the page itself.
    """

    def lines(block: re.Match[str]) -> str:
        return "".join(
            f"* [{question}]({block[1]}#{_anchor(question)})\n" for question in questions(pages[block[1]])
        )

    return _CONTENTS.sub(lines, markdown)


def _anchor(heading: str) -> str:
    """Return the name by which a link leads to a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def answer(command: str, environment: Mapping[str, str]) -> list[str]:
    """Run a command that a page shows, and return the lines that a terminal shows of it.

    Args:
        command: as the page has it, with the shell's quotation marks.
        environment: the settings under which it runs.
    """
    name, *arguments = shlex.split(command)
    assert name == "headrace", command
    done = commands.run(arguments, {**environment, **_TTY})
    return terminals.screen(done.stdout + done.stderr)


def answered(markdown: str, environment: Mapping[str, str]) -> str:
    """Return a page on which each command has the answer that it gets now."""

    def fill(block: re.Match[str]) -> str:
        (shown,) = terminals.shown(f"```console\n{block[1]}```\n")
        return "\n".join([f"$ {shown.command}", *answer(shown.command, environment)]) + "\n"

    return _TERMINAL.sub(fill, markdown)
