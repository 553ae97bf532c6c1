"""Sentences for an analyst whose query exceeded a limit, or asked for what it may not read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from storage import errors
from storage.servers import clickhouse

if TYPE_CHECKING:
    from collections.abc import Iterator

_NARROWER: Final = "Ask for less time, one project or one release; the views of findings read least."
_SENTENCES: Final = {
    158: f"The query would read more rows than it may ({{said}}). {_NARROWER}",
    307: f"The query would read more bytes than it may ({{said}}). {_NARROWER}",
    159: f"The query took longer than it may ({{said}}). {_NARROWER}",
    160: f"The query would take longer than it may ({{said}}). {_NARROWER}",
    241: "The query needs more memory than it may take, or than is left ({said}). "
    "Ask for less time, or group by fewer columns.",
    396: "The answer is larger than it may be ({said}). Add a LIMIT, or group the rows.",
    202: "Too many queries run at once ({said}). Try again when some of them have ended.",
    164: "An analyst may not change that ({said}).",
    452: "An analyst may lower this limit and not lift it ({said}).",
    497: "An analyst may not read or do that ({said}).",
}
"""By the code of ClickHouse's error, with what ClickHouse says."""


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Put the errors of limits and of rights into sentences for an analyst, within this context.

    Raises:
        HeadraceError: a limit was exceeded, or a right is missing.
    """
    try:
        yield
    except (clickhouse.QueryError, errors.ClickHouseUnavailableError) as error:
        code = clickhouse.code_of(error)
        if code not in _SENTENCES or error.__cause__ is None:
            raise
        said = clickhouse.first_line(error.__cause__)
        raise clickhouse.QueryError(_SENTENCES[code].format(said=said), code) from error
