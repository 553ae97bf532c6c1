"""The server's errors are sorted by what can be done about them."""

from __future__ import annotations

import clickhouse_driver.errors
import pytest

from storage import errors
from storage.servers import clickhouse

NO_SPACE = "Cannot write to file descriptor, errno: 28, strerror: No space left on device"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (243, "Cannot reserve 1.00 MiB, not enough space"),
        (75, NO_SPACE),
        (1001, f"std::exception. Code: 1001, type: std::filesystem::filesystem_error, {NO_SPACE}"),
        (75, "Cannot write to file, errno: 122, strerror: Disk quota exceeded"),
        (252, "Too many parts (3000) in table"),
        (241, "Memory limit exceeded"),
        (201, "Quota for user has been exceeded"),
    ],
)
def test_what_time_mends_is_waited_for(code: int, message: str) -> None:
    found = clickhouse._sorted(clickhouse_driver.errors.ServerException(message, code))
    assert isinstance(found, errors.ClickHouseUnavailableError)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (252, "Too many partitions for single INSERT block (more than 100)"),
        (75, "Cannot write to file descriptor, errno: 5, strerror: Input/output error"),
        (469, "Constraint `no_venom` is violated"),
        (60, "Table headrace.reports does not exist"),
    ],
)
def test_other_refusals_keep_their_code(code: int, message: str) -> None:
    found = clickhouse._sorted(clickhouse_driver.errors.ServerException(message, code))
    assert isinstance(found, clickhouse.QueryError)
    assert found.code == code
