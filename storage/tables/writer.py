"""Bulk inserts: one columnar block per table and batch, each under a token that makes a repetition harmless.

Guarantee: two inserts of the same block under the same token store it once, as long as fewer than
``non_replicated_deduplication_window`` (100 000) blocks reached the table in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from storage import errors
from storage.servers import clickhouse, sql

if TYPE_CHECKING:
    from collections.abc import Mapping

_SQL: Final = sql.beside(__name__)

STORED_IN: Final = {"reports": "reports_live", "archived": "reports_archive"}
"""The table that rows are inserted into, where they are called otherwise: the view ``reports`` reads both."""

MAX_ROWS: Final = 1_000_000
"""clickhouse-driver cuts an insert into blocks of about a million rows; a token holds for one block."""

_SETTINGS: Final = {
    "async_insert": 0,  # the server's default buffers inserts and forgets their tokens
    "insert_deduplicate": 1,
    "max_partitions_per_insert_block": 0,  # bounded per project by max_partitions, not per block
}

_ALWAYS: Final = frozenset({"projects", "removals", "departures"})
"""Tables whose few rows make room: they tell of deleted projects, removed reports and dropped rows."""
ANY_ROOM: Final = {"min_free_disk_bytes_to_perform_insert": 0}
"""Settings of an insert that may take the room which other inserts leave free."""

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
"""Errors that an operator has to mend: other data would be refused just so, and this data is taken after."""
_THE_MACHINE: Final = frozenset(
    {
        32,  # ATTEMPT_TO_READ_AFTER_EOF
        33,  # CANNOT_READ_ALL_DATA
        23,  # CANNOT_READ_FROM_ISTREAM
        24,  # CANNOT_WRITE_TO_OSTREAM
        40,  # CHECKSUM_DOESNT_MATCH
        71,  # CANNOT_WRITE_AFTER_END_OF_BUFFER
        74,  # CANNOT_READ_FROM_FILE_DESCRIPTOR
        75,  # CANNOT_WRITE_TO_FILE_DESCRIPTOR
        76,  # CANNOT_OPEN_FILE
        77,  # CANNOT_CLOSE_FILE
        83,  # DIRECTORY_DOESNT_EXIST
        86,  # RECEIVED_ERROR_FROM_REMOTE_IO_SERVER
        87,  # CANNOT_SEEK_THROUGH_FILE
        88,  # CANNOT_TRUNCATE_FILE
        91,  # SIZES_OF_MARKS_FILES_ARE_INCONSISTENT
        95,  # CANNOT_READ_FROM_SOCKET
        96,  # CANNOT_WRITE_TO_SOCKET
        99,  # UNKNOWN_PACKET_FROM_CLIENT
        100,  # UNKNOWN_PACKET_FROM_SERVER
        101,  # UNEXPECTED_PACKET_FROM_CLIENT
        102,  # UNEXPECTED_PACKET_FROM_SERVER
        107,  # FILE_DOESNT_EXIST
        115,  # UNKNOWN_SETTING
        160,  # TOO_SLOW
        172,  # CANNOT_CREATE_DIRECTORY
        204,  # CANNOT_FSYNC
        214,  # CANNOT_STATVFS
        218,  # TABLE_IS_DROPPED
        226,  # NO_FILE_IN_DATA_PART
        227,  # UNEXPECTED_FILE_IN_DATA_PART
        228,  # BAD_SIZE_OF_FILE_IN_DATA_PART
        230,  # NOT_FOUND_EXPECTED_DATA_PART
        232,  # NO_SUCH_DATA_PART
        239,  # CANNOT_MUNMAP
        240,  # CANNOT_MREMAP
        244,  # UNEXPECTED_ZOOKEEPER_ERROR
        246,  # CORRUPTED_DATA
        251,  # NO_SUCH_REPLICA
        254,  # NO_ACTIVE_REPLICAS
        255,  # TOO_MANY_RETRIES_TO_FETCH_PARTS
        265,  # NO_AVAILABLE_REPLICA
        272,  # CANNOT_IO_SUBMIT
        273,  # CANNOT_IO_GETEVENTS
        274,  # AIO_READ_ERROR
        275,  # AIO_WRITE_ERROR
        294,  # CANNOT_WRITE_TO_FILE
        297,  # SHARD_HAS_NO_CONNECTIONS
        298,  # CANNOT_PIPE
        299,  # CANNOT_FORK
        300,  # CANNOT_DLSYM
        301,  # CANNOT_CREATE_CHILD_PROCESS
        303,  # CANNOT_SELECT
        341,  # UNFINISHED
        363,  # CANNOT_CREATE_IO_BUFFER
        369,  # ALL_REPLICAS_ARE_STALE
        372,  # SESSION_NOT_FOUND
        373,  # SESSION_IS_LOCKED
        384,  # PART_IS_TEMPORARILY_LOCKED
        400,  # CANNOT_STAT
        402,  # CANNOT_IOSETUP
        410,  # EXTERNAL_SERVER_IS_NOT_RESPONDING
        411,  # PTHREAD_ERROR
        415,  # ALL_REPLICAS_LOST
        416,  # REPLICA_STATUS_CHANGED
        425,  # SYSTEM_ERROR
        432,  # UNKNOWN_CODEC
        445,  # CANNOT_MPROTECT
        452,  # SETTING_CONSTRAINT_VIOLATION
        458,  # CANNOT_UNLINK
        463,  # CANNOT_FCNTL
        471,  # INVALID_SETTING_VALUE
        472,  # READONLY_SETTING
        473,  # DEADLOCK_AVOIDED
        478,  # UNKNOWN_POLICY
        479,  # UNKNOWN_DISK
        481,  # PATH_ACCESS_DENIED
        495,  # ACCESS_STORAGE_READONLY
        499,  # S3_ERROR
        500,  # AZURE_BLOB_STORAGE_ERROR
        519,  # NO_REMOTE_SHARD_AVAILABLE
        521,  # ATOMIC_RENAME_FAIL
        529,  # NOT_A_LEADER
        531,  # CANNOT_FSTAT
        548,  # UNKNOWN_VOLUME
        566,  # CANNOT_RMDIR
        568,  # RAFT_ERROR
        571,  # DATABASE_REPLICATION_FAILED
        573,  # EPOLL_ERROR
        586,  # CANNOT_CREATE_FILE
        590,  # CANNOT_SYSCONF
        592,  # DATA_ENCRYPTION_ERROR
        625,  # IO_SETUP_ERROR
        635,  # CANNOT_POLL
        641,  # CANNOT_APPEND_TO_FILE
        649,  # INVALID_TRANSACTION
        659,  # UNKNOWN_STATUS_OF_TRANSACTION
        660,  # HDFS_ERROR
        661,  # CANNOT_SEND_SIGNAL
        662,  # FS_METADATA_ERROR
        667,  # NOT_INITIALIZED
        668,  # INVALID_STATE
        677,  # THREAD_WAS_CANCELED
        678,  # IO_URING_INIT_FAILED
        679,  # IO_URING_SUBMIT_ERROR
        692,  # TOO_MANY_MUTATIONS
        693,  # AWS_ERROR
        695,  # ASYNC_LOAD_FAILED
        696,  # ASYNC_LOAD_CANCELED
        700,  # USER_SESSION_LIMIT_EXCEEDED
        707,  # GCP_ERROR
        720,  # USER_EXPIRED
        722,  # ASYNC_LOAD_WAIT_FAILED
        724,  # TOO_MANY_TABLES
        725,  # TOO_MANY_DATABASES
        733,  # TABLE_IS_BEING_RESTARTED
        734,  # CANNOT_WRITE_AFTER_BUFFER_CANCELED
        735,  # QUERY_WAS_CANCELLED_BY_CLIENT
        738,  # PART_IS_LOCKED
        740,  # POTENTIALLY_BROKEN_DATA_PART
        745,  # SERVER_OVERLOADED
        749,  # TCP_CONNECTION_LIMIT_REACHED
        762,  # HTTP_CONNECTION_LIMIT_REACHED
        763,  # SESSION_REFUSED
        764,  # DEDUPLICATION_IS_NOT_POSSIBLE
        774,  # TABLE_IS_PERMANENTLY_READ_ONLY
        776,  # RESOURCE_LIMIT_EXCEEDED
        777,  # MEMORY_RESERVATION_KILLED
        778,  # MEMORY_RESERVATION_FAILED
        900,  # DISTRIBUTED_CACHE_ERROR
        901,  # CANNOT_USE_DISTRIBUTED_CACHE
        902,  # PROTOCOL_VERSION_MISMATCH
        903,  # DISTRIBUTED_CACHE_REGISTRY_SHUTDOWN
        905,  # DISTRIBUTED_CACHE_SERVER_IN_BACKOFF
        1000,  # POCO_EXCEPTION
        1001,  # STD_EXCEPTION
        1008,  # TEMPORARY_DATA_NOT_IN_CACHE
        1015,  # FILE_CHANGED_DURING_READ
        1016,  # TABLE_SIZE_LIMIT_EXCEEDED
        1017,  # ASYNC_INSERT_FLUSH_TIMEOUT
        1019,  # QUERY_SLOT_ACQUISITION_TIMEOUT
        1020,  # MEMORY_RESERVATION_ACQUISITION_TIMEOUT
    }
)
"""Errors that files, disks, processes, connections or limits of the server cause, whatever the data is."""
_A_VIEW: Final = "while pushing to view"
"""ClickHouse says so when a materialized view on the table fails: under the code of its error, and after the
rows were stored. Only the same token keeps them from being stored again."""


def probe(server: clickhouse.Connection, table: str, columns: Mapping[str, list[Any]]) -> None:
    """Insert a block into an empty temporary twin of a table, which is then dropped.

    Raises:
        ClickHouseUnavailableError: try again later.
        InsertRefusedError: the table itself would refuse this data too.
    """
    twin = f"probe_{table}"
    try:
        server.execute(_SQL["create_twin"].format(twin=twin, table=table))
    except clickhouse.QueryError as error:
        raise errors.ClickHouseUnavailableError(f"ClickHouse does not let us try rows: {error}") from error
    try:
        insert(server, twin, columns, "")
        server.execute(_SQL["drop_twin"].format(twin=twin))
    except BaseException:
        server.close()  # the twin goes with it: a server that failed is asked nothing more
        raise


def insert(server: clickhouse.Connection, table: str, columns: Mapping[str, list[Any]], token: str) -> int:
    """Insert a block and return its rows; an empty one costs nothing.

    Args:
        server: a connection of this thread.
        table: a table of Headrace's own, never a name from user input.
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
            _SQL["insert"].format(table=table, columns=names),
            list(columns.values()),
            columnar=True,
            settings=settings,
        )
    except clickhouse.QueryError as error:
        if error.code in _NOT_THE_DATA | _THE_MACHINE or _A_VIEW in str(error):
            raise errors.ClickHouseUnavailableError(f"ClickHouse does not let us insert: {error}") from error
        raise errors.InsertRefusedError(f"ClickHouse refused rows for {table}: {error}") from error
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise errors.InsertRefusedError(f"Rows for {table} do not fit its columns: {error}.") from error
    return rows
