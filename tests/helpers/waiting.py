"""Waiting for a state: what tests do instead of sleeping, and how long they wait before they give up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from deploy.processes import child as children

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_S: Final = 120.0
"""After so long, what is waited for is taken for never happening. No test measures by it: it is many times
what anything takes on a machine that does five other things."""


def until(
    condition: Callable[[], object],
    what: str,
    *,
    child: children.Child | None = None,
    log: Path | None = None,
) -> None:
    """Wait until a condition is true.

    Args:
        condition: asked every now and then.
        what: it, in words, for whoever reads that it never was.
        child: a process without which it never will be.
        log: what tells why.

    Raises:
        AssertionError: it is false still when patience ends, or when the process has ended.
    """
    if not children.wait_until(lambda: bool(condition()), PATIENCE_S, child=child):
        told = log.read_text("utf-8", "replace") if log else ""
        raise AssertionError(f"It never came about that {what}. {told}".strip())
