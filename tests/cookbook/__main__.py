"""Writes the answers on the pages of the cookbook anew, or serves their data set to ask more of it.

``python -m tests.cookbook write`` runs each query of the pages, writes its answer below it,
and lists all questions.
``python -m tests.cookbook serve`` prints the settings under which ``headrace query`` asks the data set, until
it is interrupted or terminated.
"""

from __future__ import annotations

import contextlib
import pathlib
import signal
import sys
import tempfile
from typing import TYPE_CHECKING

import structlog

from tests.cookbook import pages, serving

if TYPE_CHECKING:
    from collections.abc import Mapping


def main(arguments: list[str]) -> int:
    """Do what the first argument says, and return the exit code."""
    tasks = {"write": write, "serve": serve}
    if len(arguments) != 1 or arguments[0] not in tasks:
        sys.stderr.write("usage: python -m tests.cookbook write|serve\n")
        return 2
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with (
        tempfile.TemporaryDirectory(prefix="cookbook-") as directory,
        serving.shop(pathlib.Path(directory)) as environment,
    ):
        tasks[arguments[0]](environment)
    return 0


def write(environment: Mapping[str, str]) -> None:
    """Write the answers on all pages anew, and the lists of questions."""
    for page in pages.PAGES:
        told = page.read_text("utf-8")
        page.write_text(pages.answered(pages.listed(told, {"": told}), environment), "utf-8")
    known = {page.name: page.read_text("utf-8") for page in pages.PAGES}
    pages.INDEX.write_text(pages.listed(pages.INDEX.read_text("utf-8"), known), "utf-8")


def serve(environment: Mapping[str, str]) -> None:
    """Print the settings, and wait for the end."""
    for name, value in environment.items():
        sys.stdout.write(f"export {name}='{value}'\n")
    sys.stdout.flush()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
