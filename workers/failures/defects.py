"""Descriptions of unforeseen errors, without the message, which may quote a sender's text."""

from __future__ import annotations

import traceback
from typing import Final

from storage import errors
from workers import scrub
from workers.scrub import names

_MAX: Final = 1024
"""The longest description, in characters."""


def describe(error: BaseException) -> str:
    """Return the kind of an error and its place in the code: ``KeyError in workers/scrub/names.py, line 7``.

    The first line of the message of a ``HeadraceError`` is kept, but scrubbed: it may quote ClickHouse, which
    may quote a report.
    """
    if isinstance(error, errors.HeadraceError):
        said = f"{type(error).__name__}: {error}".partition("\n")[0]
        return scrub.text(names.What.TEXT, said, scrub.DEFAULT)[:_MAX]
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {'/'.join(frames[-1].filename.split('/')[-3:])}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
