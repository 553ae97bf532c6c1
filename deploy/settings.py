"""Every setting of Headrace: one environment variable each, ``HEADRACE_`` and the field's name in capitals.

A value that makes no sense refuses to start, with one sentence that names the variable.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, unquote, urlsplit

import pydantic
import pydantic_settings

from storage import errors
from storage.queue import isolation, streams
from storage.servers import clickhouse
from workers.failures import failpoints

PREFIX: Final = "HEADRACE_"
_CORES: Final = os.cpu_count() or 1
MEBIBYTE: Final = 1024 * 1024


class SettingsError(errors.HeadraceError):
    """A setting has a wrong value; the message names its variable."""


class ListenAddress(pydantic.BaseModel, frozen=True):
    """A host and a port to listen on or to connect to."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return ``host:port``, with an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> ListenAddress:
        """Read ``host:port``.

        Raises:
            ValueError: it is not that; the message completes the sentence ``<variable> must be …``.
        """
        parts = urlsplit(f"//{text}")
        port = _port(parts)
        if not parts.hostname or port is None or parts.path or parts.username is not None:
            raise ValueError("host:port, such as 127.0.0.1:8000 or [::1]:8000")
        return cls(host=parts.hostname, port=port)


def _redis_url(value: str) -> str:
    parts = urlsplit(value)
    with contextlib.suppress(ValueError):  # of a port that is none
        if parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0:
            return value
    raise ValueError("redis://[user:password@]host[:port][/database] or rediss://…")


def _clickhouse_url(value: str) -> str:
    clickhouse_address(value)
    return value


def _listen(value: str) -> str:
    ListenAddress.parse(value)
    return value


def base_url(value: str) -> str:
    """Read the URL under which browsers reach the edge.

    Raises:
        ValueError: it is none; the message completes the sentence ``<variable> must be …``.
    """
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("http://host[:port][/path] or https://host[:port][/path]")
    return value.rstrip("/")


def _failpoints(value: str) -> str:
    failpoints.parse(value)
    return value


def networks(value: str) -> tuple[str, ...]:
    """Read addresses and networks, separated by commas.

    Raises:
        ValueError: one is none; the message completes the sentence ``<variable> must be …``.
    """
    try:
        parts = [part.strip() for part in value.split(",") if part.strip()]
        return tuple(str(ipaddress.ip_network(part)) for part in parts)
    except ValueError:
        raise ValueError("addresses or networks separated by commas, such as 10.0.0.0/8,192.0.2.7") from None


def _networks(value: str) -> str:
    networks(value)
    return value


RedisUrl = Annotated[str, pydantic.AfterValidator(_redis_url)]
ClickHouseUrl = Annotated[str, pydantic.AfterValidator(_clickhouse_url)]
Listen = Annotated[str, pydantic.AfterValidator(_listen)]
PublicUrl = Annotated[str, pydantic.AfterValidator(base_url)]
Networks = Annotated[str, pydantic.AfterValidator(_networks)]
Failpoints = Annotated[str, pydantic.AfterValidator(_failpoints)]


class Settings(pydantic_settings.BaseSettings):
    """What an operator may set; the description of each field says why its default is what it is."""

    model_config = pydantic_settings.SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    redis_url: RedisUrl | None = pydantic.Field(
        None,
        description=(
            "Redis 7.0 or newer, or Valkey, with AOF and noeviction, redis://host:port/database. Unset, `up` "
            "runs its own and other commands find that one through the data directory."
        ),
    )
    clickhouse_url: ClickHouseUrl | None = pydantic.Field(
        None,
        description=(
            "ClickHouse's native protocol, clickhouse://user:password@host:port/database, for a user who "
            "may write. Unset, `up` runs its own and other commands find that one through the data "
            "directory."
        ),
    )
    analyst_url: ClickHouseUrl | None = pydantic.Field(
        None,
        description=(
            "The same server for a user who may only read: `headrace query` logs in as this one. Unset, "
            "it uses the writing user and asks the server for a read-only session."
        ),
    )
    public_url: PublicUrl | None = pydantic.Field(
        None,
        description=(
            "Where browsers reach the edge, https://reports.example.com: the base of every endpoint that "
            "Headrace prints. Unset, the address the edge listens on."
        ),
    )
    listen: Listen = pydantic.Field(
        "127.0.0.1:8000",
        description=(
            "host:port of the edge. Loopback by default: TLS and the public address belong to a proxy in "
            "front."
        ),
    )
    trusted_proxies: Networks = pydantic.Field(
        "",
        description=(
            "Addresses or networks, separated by commas, of the proxies in front of the edge: "
            "`10.0.0.0/8,192.0.2.7`. The sender's address is then taken from their X-Forwarded-For. Unset, "
            "it is the one that connects."
        ),
    )
    address_rate: float = pydantic.Field(
        100.0,
        ge=0,
        description=(
            "Requests a second that one address (IPv4, or an IPv6 /64) may send to an edge process, with "
            "ten seconds' worth at once; what exceeds it is answered 429. 0 sets no limit. Only "
            "addresses count that are known to be a sender's: behind a trusted proxy, or public ones that "
            "connect themselves."
        ),
    )
    edge_processes: int = pydantic.Field(
        min(2, _CORES),
        ge=1,
        le=64,
        description=(
            "Edge processes on this machine. One takes about 14 000 reports/s; two also keep answering "
            "while one restarts. More than that take cores from the workers on a small machine."
        ),
    )
    workers: int = pydantic.Field(
        max(1, _CORES // 4),
        ge=1,
        le=64,
        description=(
            "Worker processes that `up` starts. One drains over 40 000 reports/s, more than two edge "
            "processes take, so one for every four cores."
        ),
    )
    shards: int = pydantic.Field(
        streams.DEFAULT_SHARDS,
        ge=1,
        le=isolation.MOST_SHARDS,
        description=(
            "Redis streams the payloads are spread over, and so the most workers that can drain at once. "
            "Every process must be told the same number. What an earlier number left is drained too."
        ),
    )
    max_body: int = pydantic.Field(
        MEBIBYTE,
        ge=1024,
        le=64 * MEBIBYTE,
        description=(
            "Bytes of a request body, as sent and again once inflated. Browsers batch a page's reports "
            "into tens of kB; 1 MiB leaves room for hundreds of them and bounds what one sender can make "
            "a process hold."
        ),
    )
    high_water: float = pydantic.Field(
        0.8,
        gt=0,
        lt=1,
        description=(
            "Share of Redis' maxmemory at which the edge answers 503. The rest is for what must still be "
            "written to drain the queue: RQ jobs, leases, ledgers, and the copy-on-write pages of an AOF "
            "rewrite."
        ),
    )
    redis_maxmemory: int = pydantic.Field(
        1024 * MEBIBYTE,
        ge=16 * MEBIBYTE,
        description=(
            "Bytes the embedded Redis may hold. 1 GiB keeps about a million reports of 1 kB: ten minutes "
            "of a stopped ClickHouse at 1 500 reports/s."
        ),
    )
    redis_appendfsync: Literal["always", "everysec"] = pydantic.Field(
        "always",
        description=(
            "When the embedded Redis forces its log to disk. `always` keeps the promise that an answered "
            "report survives a power cut, and group commit spreads the cost; `everysec` may lose the last "
            "second."
        ),
    )
    log_level: Literal["debug", "info", "warning", "error"] = pydantic.Field(
        "info",
        description=(
            "The least severe log line written. At `info` a line tells of a state change, never of a report."
        ),
    )
    log_format: Literal["json", "console"] = pydantic.Field(
        "json",
        description=("`json` is one object a line, for a log store; `console` is for a person."),
    )
    failpoints: Failpoints = pydantic.Field(
        "",
        description=(
            "For tests only: where a work horse dies, fails or hangs, and how probably, such as "
            "`before_commit=kill@0.1`. Empty in production."
        ),
    )


def load(**overrides: object) -> Settings:
    """Read the environment; an override that is not None (a command line option) wins.

    Raises:
        SettingsError: a value is wrong.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except pydantic.ValidationError as error:
        raise SettingsError(_sentence(error)) from None


def environment(values: Settings, **overrides: str) -> dict[str, str]:
    """Return the environment in which another process reads these same settings."""
    given = {**values.model_dump(exclude_none=True), **overrides}
    return {PREFIX + name.upper(): str(value) for name, value in given.items()}


def clickhouse_address(url: str) -> clickhouse.Address:
    """Read ``clickhouse://user:password@host:port/database``.

    Raises:
        ValueError: it is not that; the message completes the sentence ``<variable> must be …``.
    """
    parts = urlsplit(url)
    port = _port(parts)
    if parts.scheme != "clickhouse" or not parts.hostname or port is None:
        raise ValueError("clickhouse://user:password@host:port/database")
    return clickhouse.Address(
        host=parts.hostname,
        port=port,
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=parts.path.strip("/") or "headrace",
    )


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        return None


def _sentence(error: pydantic.ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    variable = PREFIX + str(first["loc"][0]).upper()
    wanted = (
        first["msg"].removeprefix("Value error, ").removeprefix("Input should be ").partition(", unable")[0]
    )
    given = re.sub(r"//[^/]*@", "//…@", str(first["input"]))  # a URL may hold a password
    return f"{variable} must be {wanted}, not {given!r}."
