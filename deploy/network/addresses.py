"""Addresses as they are written in settings and on command lines, and their parsers.

Every parser raises ValueError with a message that completes the sentence ``<variable> must be …``.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import pydantic

from storage.servers import clickhouse

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from urllib.parse import SplitResult


LOOPBACK: Final = "127.0.0.1"


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
            ValueError: the text is not of that form.
        """
        form = "host:port, such as 127.0.0.1:8000 or [::1]:8000"
        parts, port = _parsed(f"//{text}", {""}, form)
        if port is None or parts.path or parts.username is not None:
            raise ValueError(form)
        return cls(host=parts.hostname or "", port=port)

    def reachable(self) -> ListenAddress:
        """Return the address to connect to on this machine; a server may listen on all interfaces at once."""
        loopback = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - compared with, not listened on
        return self.model_copy(update={"host": loopback.get(self.host, self.host)})


def clickhouse_address(url: str) -> clickhouse.Address:
    """Read ``clickhouse://user:password@host:port/database``.

    Raises:
        ValueError: the text is not of that form.
    """
    form = "clickhouse://user:password@host:port/database"
    parts, port = _parsed(url, {"clickhouse"}, form)
    if port is None:
        raise ValueError(form)
    return clickhouse.Address(
        host=parts.hostname or "",
        port=port,
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=parts.path.strip("/") or "headrace",
    )


def redis_url(url: str) -> str:
    """Check the URL of a Redis server, and return it as it is.

    Raises:
        ValueError: the text is none.
    """
    form = "redis://[user:password@]host[:port][/database] or rediss://…"
    _, port = _parsed(url, {"redis", "rediss"}, form)
    if port == 0:
        raise ValueError(form)
    return url


def base_url(url: str) -> str:
    """Read the URL under which browsers reach the edge; return it without a slash at its end.

    Raises:
        ValueError: the text is none.
    """
    form = "http://host[:port][/path] or https://host[:port][/path]"
    parts, _ = _parsed(url, {"http", "https"}, form)
    if parts.query or parts.fragment:
        raise ValueError(form)
    return url.rstrip("/")


def networks(text: str) -> tuple[str, ...]:
    """Read addresses and networks, separated by commas.

    Raises:
        ValueError: one of them is neither.
    """
    try:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return tuple(str(ipaddress.ip_network(part)) for part in parts)
    except ValueError:
        raise ValueError("addresses or networks separated by commas, such as 10.0.0.0/8,192.0.2.7") from None


def without_password(url: str) -> str:
    """Return where a URL of a server leads, ``host:port``, without the user and the password in it."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path


def _parsed(url: str, schemes: AbstractSet[str], form: str) -> tuple[SplitResult, int | None]:
    """Return the parts of a URL with a host, and its port; None where it names no port.

    Raises:
        ValueError: it is no URL of these schemes; the message is the form.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # the port is no number, or the brackets hold no address
        raise ValueError(form) from None
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(form)
    return parts, port
