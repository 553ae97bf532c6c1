"""Connections of a command to Redis and ClickHouse: a server that does not answer soon is one sentence."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import msgspec
import redis
import redis.backoff
import redis.exceptions
import redis.retry

from deploy.network import addresses, ports
from deploy.servers import redis_engines
from storage import errors
from storage.servers import clickhouse, redis_errors, sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REDIS_TIMEOUT_S: Final = 2.0
_SQL: Final = sql.beside(__name__)


def connect_redis(url: str) -> redis.Redis:
    """Return a client that does not repeat commands and does not wait for long."""
    client: redis.Redis = redis.Redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0),
    )
    return client


def redis_is_ready(url: str) -> bool:
    """Tell whether Redis answers and has finished loading its data."""
    try:
        require_redis(url)
    except errors.RedisUnavailableError:
        return False
    return True


def require_redis(url: str) -> None:
    """Check that Redis answers.

    Raises:
        RedisUnavailableError: it does not.
    """
    failure = f"at {addresses.without_password(url)} did not answer"
    with contextlib.closing(connect_redis(url)) as client, redis_errors.translated(failure):
        client.ping()


def require_suitable_redis(url: str) -> tuple[redis_engines.Engine, list[str]]:
    """Check that Redis answers and can hold the queue; return its engine, and a sentence about each risk.

    Raises:
        RedisUnavailableError: it does not answer.
        UnsuitableError: it cannot hold the queue.
    """
    require_redis(url)
    with contextlib.closing(connect_redis(url)) as client:
        return redis_engines.require_suitable(client, addresses.without_password(url))


def clickhouse_is_ready(address: clickhouse.Address) -> bool:
    """Tell whether ClickHouse answers to this user."""
    if not ports.answers(address.host, address.port):  # the driver logs each refused connection at length
        return False
    try:
        require_clickhouse(address)
    except errors.HeadraceError:
        return False
    return True


def require_clickhouse(address: clickhouse.Address) -> None:
    """Check that ClickHouse answers to this user; the database need not exist yet.

    Raises:
        ClickHouseUnavailableError: it does not answer.
        QueryError: it does not let this user in.
    """
    with connected(msgspec.structs.replace(address, database="default")) as server:
        server.execute(_SQL["ping"])


@contextlib.contextmanager
def connected(
    address: clickhouse.Address,
    settings: Mapping[str, object] | None = None,
    *,
    send_receive_timeout: float = clickhouse.SEND_RECEIVE_TIMEOUT_S,
) -> Iterator[clickhouse.Connection]:
    """Give a connection that is closed at the end."""
    server = clickhouse.Connection(address, settings=settings, send_receive_timeout=send_receive_timeout)
    try:
        yield server
    finally:
        server.close()
