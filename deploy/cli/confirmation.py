"""The confirmation of commands that cannot be undone."""

from __future__ import annotations

from storage import errors


class NotConfirmedError(errors.HeadraceError):
    """A command that cannot be undone was not confirmed; nothing was changed."""
