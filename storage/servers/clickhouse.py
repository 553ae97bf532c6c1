"""Talks to ClickHouse through clickhouse-driver, and sorts its errors by what can be done about them.

clickhouse-driver is one client per thread, and a connection on which an insert failed is not to be reused:
``Connection`` drops it, and the next call opens a new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import clickhouse_driver
import clickhouse_driver.errors
import msgspec

from storage import errors
from storage.servers import sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SQL: Final = sql.beside(__name__)

CONNECT_TIMEOUT_S: Final = 3.0
SEND_RECEIVE_TIMEOUT_S: Final = 30.0
"""An insert that takes longer is given up and tried again: its token makes that harmless."""

MUTATION_S: Final = 3600.0
"""Seconds for which a command waits for a mutation; ClickHouse goes on with it by itself afterwards."""

_TRANSIENT_CODES: Final = frozenset(
    {
        159,  # TIMEOUT_EXCEEDED
        173,  # CANNOT_ALLOCATE_MEMORY
        198,  # DNS_ERROR
        201,  # QUOTA_EXCEEDED
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        203,  # NO_FREE_CONNECTION
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        225,  # NO_ZOOKEEPER
        236,  # ABORTED (server shutting down)
        241,  # MEMORY_LIMIT_EXCEEDED
        242,  # TABLE_IS_READ_ONLY
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS
        279,  # ALL_CONNECTION_TRIES_FAILED
        285,  # TOO_FEW_LIVE_REPLICAS
        286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        319,  # UNKNOWN_STATUS_OF_INSERT
        394,  # QUERY_WAS_CANCELLED
        439,  # CANNOT_SCHEDULE_TASK
        999,  # KEEPER_EXCEPTION
    }
)

TOO_MANY_PARTITIONS: Final = "partitions for single INSERT block"
"""The text of an error that has the code of TOO_MANY_PARTS, but that time does not mend."""
_DISK_FULL: Final = ("No space left on device", "Disk quota exceeded")
"""Texts of a full disk, under the code of the write, unless ClickHouse noticed before (NOT_ENOUGH_SPACE)."""
_DATA_ERRORS: Final = (
    clickhouse_driver.errors.TypeMismatchError,
    clickhouse_driver.errors.TooLargeStringSize,
    clickhouse_driver.errors.UnknownTypeError,
    clickhouse_driver.errors.LogicalError,
)
"""Errors that the driver raises for data that does not fit, before anything reached the server."""


class Address(msgspec.Struct, frozen=True):
    """The address at which a ClickHouse server speaks the native protocol, and the user to log in as."""

    host: str
    port: int
    user: str = "default"
    password: str = ""
    database: str = "headrace"


class QueryError(errors.HeadraceError):
    """ClickHouse refused a statement; the message is the server's first sentence.

    Args:
        message: a sentence for a person.
        code: the code of the server's error; 0 when the driver refused the statement.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class Connection:
    """One connection, opened on first use and again after any error.

    Raises, from every method:
        ClickHouseUnavailableError: unreachable, overloaded, or shutting down.
        QueryError: the statement itself is wrong.
    """

    def __init__(
        self,
        address: Address,
        *,
        send_receive_timeout: float = SEND_RECEIVE_TIMEOUT_S,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        self._address = address
        self._client = clickhouse_driver.Client(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            database=address.database,
            connect_timeout=CONNECT_TIMEOUT_S,
            send_receive_timeout=send_receive_timeout,
            compression="lz4",
            # The server's default answer compression needs a package that has no wheels.
            settings={"network_compression_method": "LZ4", **(settings or {})},
        )

    def execute(
        self,
        sql: str,
        parameters: Mapping[str, object] | Sequence[Any] | None = None,
        *,
        with_column_types: bool = False,
        columnar: bool = False,
        settings: Mapping[str, object] | None = None,
    ) -> Any:  # noqa: ANN401 - rows of any shape
        """Run one statement; ``parameters`` are values of a query, or the data of an ``INSERT``."""
        try:
            return self._client.execute(
                sql, parameters, with_column_types=with_column_types, columnar=columnar, settings=settings
            )
        except clickhouse_driver.errors.ServerException as error:
            self.close()
            raise _sorted(error) from error
        except _DATA_ERRORS as error:
            self.close()
            raise QueryError(f"{first_line(error)}.") from error
        except (clickhouse_driver.errors.Error, OSError, EOFError) as error:
            self.close()
            where = f"{self._address.host}:{self._address.port}"
            raise errors.ClickHouseUnavailableError(
                f"ClickHouse at {where} did not answer: {first_line(error)}."
            ) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop the connection; the next call opens a new one."""
        self._client.disconnect()


def connect(address: Address, *, send_receive_timeout: float = SEND_RECEIVE_TIMEOUT_S) -> Connection:
    """Return a connection that is opened on first use."""
    return Connection(address, send_receive_timeout=send_receive_timeout)


def now_ms(server: Connection) -> int:
    """Return the time by the server's clock, in milliseconds since the epoch."""
    ((now,),) = server.execute(_SQL["now_ms"])
    return int(now)


def first_line(error: BaseException) -> str:
    """Return the first sentence of a server's message, without code, stack trace and final full stop."""
    text = error.message if isinstance(error, clickhouse_driver.errors.Error) else str(error)
    text = text.partition("Stack trace:")[0].strip().removeprefix("DB::Exception: ")
    return " ".join(text.split()).rstrip(". ") or type(error).__name__


def code_of(error: BaseException) -> int:
    """Return the code of the server's error that an error of this module was raised from; 0 is none."""
    cause = error.__cause__
    return int(cause.code) if isinstance(cause, clickhouse_driver.errors.ServerException) else 0


def _sorted(error: clickhouse_driver.errors.ServerException) -> errors.HeadraceError:
    text = str(error.message)
    transient = error.code in _TRANSIENT_CODES and TOO_MANY_PARTITIONS not in text
    if transient or any(sign in text for sign in _DISK_FULL):
        return errors.ClickHouseUnavailableError(f"ClickHouse cannot do it now: {first_line(error)}.")
    return QueryError(f"{first_line(error)}.", error.code)
