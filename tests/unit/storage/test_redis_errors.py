"""Failures of Redis become one error that says what it did not do."""

from __future__ import annotations

import pytest
import redis.exceptions

from storage import errors
from storage.servers import redis_errors


@pytest.mark.parametrize(
    "failure",
    [redis.exceptions.ConnectionError("reset"), redis.exceptions.BusyLoadingError("reset"), OSError("reset")],
)
def test_a_failure_of_redis_becomes_one_error(failure: Exception) -> None:
    with (
        pytest.raises(errors.RedisUnavailableError, match=r"^Redis did not take it: reset\.$") as raised,
        redis_errors.translated("did not take it"),
    ):
        raise failure
    assert raised.value.__cause__ is failure


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(KeyError), redis_errors.translated():
        raise KeyError


def test_a_block_without_failure_raises_nothing() -> None:
    with redis_errors.translated():
        pass
