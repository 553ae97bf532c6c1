"""A reader of ClickHouse for commands that go on: it may go away and come back, also at another address."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from deploy.cli import options
from deploy.running import located
from storage import errors
from storage.servers import clickhouse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


class Reader:
    """A connection of somebody who may only read.

    Args:
        data: the data directory of the system.

    Raises:
        NotFoundError: no system runs.
        SettingsError: a setting is wrong.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self.failure = ""
        """Why ClickHouse did not answer the last question; empty if it did."""
        self.server = self._connect()

    def ask(self, question: Callable[[clickhouse.Connection], T]) -> T | None:
        """Return the answer to a question, or None while ClickHouse is away."""
        try:
            if self.failure:
                self.close()
                self.server = self._connect()
            answer = question(self.server)
        except (errors.ClickHouseUnavailableError, located.NotFoundError) as error:
            self.failure = str(error).rstrip(". ")
            return None
        self.failure = ""
        return answer

    def close(self) -> None:
        """Close the connection."""
        self.server.close()

    def _connect(self) -> clickhouse.Connection:
        reader = options.locate(self._data).reader
        return clickhouse.Connection(reader.address, settings=reader.settings)
