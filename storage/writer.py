"""Bulk inserts: one columnar block per table and batch, each under a token that makes a repetition harmless.

Guarantee: two inserts of the same block under the same token store it once, as long as fewer than
``non_replicated_deduplication_window`` (100 000) blocks reached the table in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from storage import clickhouse, errors

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ROWS: Final = 1_000_000
"""clickhouse-driver cuts an insert into blocks of about a million rows; a token holds for one block."""

_SETTINGS: Final = {
    "async_insert": 0,  # the server's default buffers inserts and forgets their tokens
    "insert_deduplicate": 1,
    "max_partitions_per_insert_block": 0,  # bounded per project by max_partitions, not per block
}

_ALWAYS: Final = frozenset({"projects", "removals", "departures"})
"""Tables whose few rows make room: of deleted projects, of what is removed and dropped."""
ANY_ROOM: Final = {"min_free_disk_bytes_to_perform_insert": 0}
"""Of an insert that may take the room which others leave free."""

_NOT_THE_DATA: Final = frozenset(
    {
        60,  # UNKNOWN_TABLE
        81,  # UNKNOWN_DATABASE
        164,  # READONLY
        192,  # UNKNOWN_USER
        193,  # WRONG_PASSWORD
        194,  # REQUIRED_PASSWORD
        195,  # IP_ADDRESS_NOT_ALLOWED
        497,  # ACCESS_DENIED
        516,  # AUTHENTICATION_FAILED
    }
)
"""What an operator has to mend: other data would be refused just so, and this data is taken afterwards."""


def probe(server: clickhouse.Connection, table: str, columns: Mapping[str, list[Any]]) -> None:
    """Insert a block into an empty temporary twin of a table, which is then dropped.

    Raises:
        ClickHouseUnavailableError: try again later.
        InsertRefusedError: the table itself would refuse this data too.
    """
    twin = f"probe_{table}"
    try:
        server.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {twin} AS {table}")
    except clickhouse.QueryError as error:
        raise errors.ClickHouseUnavailableError(f"ClickHouse does not let us try rows: {error}") from error
    try:
        insert(server, twin, columns, "")
    finally:
        server.execute(f"DROP TEMPORARY TABLE IF EXISTS {twin}")


def insert(server: clickhouse.Connection, table: str, columns: Mapping[str, list[Any]], token: str) -> int:
    """Insert a block and return its rows; an empty one costs nothing.

    Args:
        server: a connection of this thread.
        table: one of ours, never from user input.
        columns: column name to values, all of the same length, at most ``MAX_ROWS``. The driver may change
            the lists in place.
        token: the deduplication token: the same for the same data, never reused for other data.

    Raises:
        ClickHouseUnavailableError: try the same insert again later.
        InsertRefusedError: this data will never be taken.
    """
    rows = len(next(iter(columns.values())))
    if not rows:
        return 0
    if rows > MAX_ROWS:
        raise errors.InsertRefusedError(f"{rows} rows for {table} are more than the {MAX_ROWS} of one block.")
    names = ", ".join(f"`{name}`" for name in columns)
    settings = {**_SETTINGS, "insert_deduplication_token": token, **(ANY_ROOM if table in _ALWAYS else {})}
    try:
        server.execute(
            f"INSERT INTO {table} ({names}) VALUES",
            list(columns.values()),
            columnar=True,
            settings=settings,
        )
    except clickhouse.QueryError as error:
        if error.code in _NOT_THE_DATA:
            raise errors.ClickHouseUnavailableError(f"ClickHouse does not let us insert: {error}") from error
        raise errors.InsertRefusedError(f"ClickHouse refused rows for {table}: {error}") from error
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise errors.InsertRefusedError(f"Rows for {table} do not fit its columns: {error}.") from error
    return rows
