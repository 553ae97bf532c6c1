"""Every setting of Headrace: one environment variable each, ``HEADRACE_`` and the field's name in capitals.

A process with a wrong value refuses to start, with one sentence that names the variable.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Annotated, Final, Literal

import pydantic
import pydantic_settings

from deploy.network import addresses
from storage import errors
from storage.projects import partitions
from storage.queue import isolation, streams
from workers.failures import failpoints

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX: Final = "HEADRACE_"
_CORES: Final = os.cpu_count() or 1
MEBIBYTE: Final = 1024 * 1024


class SettingsError(errors.HeadraceError):
    """A setting has a wrong value; the message names its variable."""


def _checked(parse: Callable[[str], object]) -> pydantic.AfterValidator:
    """Make a validator of a parser: the setting stays the text that a person wrote."""

    def check(text: str) -> str:
        parse(text)
        return text

    return pydantic.AfterValidator(check)


RedisUrl = Annotated[str, _checked(addresses.redis_url)]
ClickHouseUrl = Annotated[str, _checked(addresses.clickhouse_address)]
Listen = Annotated[str, _checked(addresses.ListenAddress.parse)]
PublicUrl = Annotated[str, pydantic.AfterValidator(addresses.base_url)]
Networks = Annotated[str, _checked(addresses.networks)]
Failpoints = Annotated[str, _checked(failpoints.parse)]


class Settings(pydantic_settings.BaseSettings):
    """The settings of an operator; the description of each field gives the reason for its default."""

    model_config = pydantic_settings.SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    redis_url: RedisUrl | None = pydantic.Field(
        None,
        description=(
            "Redis 7.0 or newer, or Valkey, with AOF and noeviction: redis://host:port/database. Unset,"
            " `up` runs its own Redis, and other commands find it through the data directory."
        ),
    )
    clickhouse_url: ClickHouseUrl | None = pydantic.Field(
        None,
        description=(
            "ClickHouse's native protocol, for a user who may write: "
            "clickhouse://user:password@host:port/database. Unset, `up` runs its own ClickHouse, and "
            "other commands find it through the data directory."
        ),
    )
    analyst_url: ClickHouseUrl | None = pydantic.Field(
        None,
        description=(
            "The same server for a user who may only read: `headrace query` logs in as this one. Unset,"
            " it logs in as the writing user and asks the server for a read-only session."
        ),
    )
    public_url: PublicUrl | None = pydantic.Field(
        None,
        description=(
            "The URL at which browsers reach the edge, such as https://reports.example.com: the base of"
            " every endpoint that Headrace prints. Unset, it is the address that the edge listens on."
        ),
    )
    listen: Listen = pydantic.Field(
        "127.0.0.1:8000",
        description=(
            "The address of the edge, host:port. Loopback by default: TLS and the public address belong"
            " to a proxy in front."
        ),
    )
    trusted_proxies: Networks = pydantic.Field(
        "",
        description=(
            "Addresses or networks, separated by commas, of the proxies in front of the edge: "
            "`10.0.0.0/8,192.0.2.7`. The sender's address is then taken from their `X-Forwarded-For`, "
            "of one line or of several, each address with a port or without. Unset, it is the address "
            "that connects, if nothing in the request tells of a proxy."
        ),
    )
    address_rate: float = pydantic.Field(
        100.0,
        ge=0,
        description=(
            "Requests a second that one address (IPv4, or an IPv6 /64) may send to an edge process, "
            "with ten seconds' worth at once; a request beyond that is answered 429. 0 sets no limit. "
            "Only addresses count that are known to be a sender's: behind a trusted proxy, or public "
            "ones that connect themselves."
        ),
    )
    edge_processes: int = pydantic.Field(
        min(2, _CORES),
        ge=1,
        le=64,
        description=(
            "Edge processes on this machine. One takes about 14 000 reports/s; two keep answering while"
            " one of them restarts. More would take cores from the workers on a small machine."
        ),
    )
    workers: int = pydantic.Field(
        max(1, _CORES // 4),
        ge=1,
        le=64,
        description=(
            "Worker processes that `up` starts. One drains over 40 000 reports/s, more than two edge "
            "processes take, so there is one for every four cores."
        ),
    )
    shards: int = pydantic.Field(
        streams.DEFAULT_SHARDS,
        ge=1,
        le=isolation.MOST_SHARDS,
        description=(
            "The number of Redis streams that payloads are spread over, and so of the workers that can "
            "drain at once. Every process must have the same number. Payloads that an earlier number "
            "left in other streams are drained too."
        ),
    )
    max_partitions: int = pydantic.Field(
        partitions.BUDGET,
        ge=1,
        le=50_000,
        description=(
            "The most live partitions of all projects together; each project has a limit of its own. "
            "ClickHouse refuses inserts into a table of 100 000 parts, and a live partition has up to "
            "ten. Every worker and maintenance must have the same number."
        ),
    )
    archive_after: float = pydantic.Field(
        partitions.QUIET_DAYS,
        ge=0.1,
        le=3650,
        description=(
            "Days without a report after which a release moves into the archive. By then nearly all "
            "browsers have left its pages. Releases move sooner where partitions get scarce, but never "
            "within an hour of their last report."
        ),
    )
    max_body: int = pydantic.Field(
        MEBIBYTE,
        ge=1024,
        le=64 * MEBIBYTE,
        description=(
            "Bytes of a request body, as sent and again once inflated. Browsers batch the reports of a "
            "page into tens of kB; 1 MiB leaves room for hundreds of reports, and bounds the memory "
            "that one sender can take."
        ),
    )
    high_water: float = pydantic.Field(
        0.8,
        gt=0,
        lt=1,
        description=(
            "The share of Redis' maxmemory at which the edge answers 503. The rest is needed to drain "
            "the queue: RQ jobs, leases, ledgers, and the copy-on-write pages of an AOF rewrite."
        ),
    )
    redis_maxmemory: int = pydantic.Field(
        1024 * MEBIBYTE,
        ge=16 * MEBIBYTE,
        description=(
            "Bytes that the embedded Redis may hold. 1 GiB keeps about a million reports of 1 kB: ten "
            "minutes of a stopped ClickHouse at 1 500 reports/s."
        ),
    )
    redis_appendfsync: Literal["always", "everysec"] = pydantic.Field(
        "always",
        description=(
            "When the embedded Redis forces its log to disk. `always` keeps the promise that an "
            "answered report survives a power cut, and group commit spreads the cost; `everysec` may "
            "lose the last second."
        ),
    )
    log_level: Literal["debug", "info", "warning", "error"] = pydantic.Field(
        "info",
        description=(
            "The least severe log line that is written. At `info` a line tells of a state change, never"
            " of a report."
        ),
    )
    log_format: Literal["json", "console"] = pydantic.Field(
        "json",
        description=("`json` is one object on each line, for a log store; `console` is for a person."),
    )
    failpoints: Failpoints = pydantic.Field(
        "",
        description=(
            "For tests only: where a job process dies, fails or hangs, and how probably, such as "
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


def _sentence(error: pydantic.ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    variable = PREFIX + str(first["loc"][0]).upper()
    wanted = (
        first["msg"].removeprefix("Value error, ").removeprefix("Input should be ").partition(", unable")[0]
    )
    given = re.sub(r"//[^/]*@", "//…@", str(first["input"]))  # a URL may hold a password
    return f"{variable} must be {wanted}, not {given!r}."
