"""SQL statements from the ``.sql`` file beside a module: read once, when the module is imported.

A file holds statements, each under a line ``-- name: <name>``. Lines that begin with ``--`` are comments, and
do not reach the server. Values are parameters, ``%(name)s``, which the driver puts in; a percent sign is
``%%`` in a statement with parameters.

A ``{name}`` in a statement stands for an earlier statement of the same file, or for a constant that the
module gives. A ``{{name}}`` is left to the module as ``{name}``: for a table, a column or a condition that is
Headrace's own, or the operator's database. Text that a user or a report brings is never put in for either: it
reaches ClickHouse as a parameter, or as the value of a column.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME: Final = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_COMMENT: Final = re.compile(r"^--.*\n?", re.MULTILINE)


def beside(module: str, **constants: object) -> Mapping[str, str]:
    """Return the statements beside a module by name.

    Args:
        module: its full name, ``__name__``.
        constants: the constants for the ``{name}`` in its statements.

    Raises:
        KeyError: a statement names a part that is neither an earlier statement nor a constant.
    """
    package, _, name = module.rpartition(".")
    text = resources.files(package).joinpath(f"{name}.sql").read_text("utf-8")
    _, *parts = _NAME.split(text)
    found: dict[str, str] = {}
    for title, statement in zip(parts[::2], parts[1::2], strict=True):
        found[title] = _COMMENT.sub("", statement).strip().format_map({**constants, **found})
    return found
