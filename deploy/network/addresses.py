"""How addresses are written in settings and on command lines: what each parser takes, and what it returns.

Every parser raises ValueError with a message that completes the sentence ``<variable> must be …``.
"""

from __future__ import annotations

import contextlib
import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import pydantic

from storage.servers import clickhouse

if TYPE_CHECKING:
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
        parts = urlsplit(f"//{text}")
        port = _port(parts)
        if not parts.hostname or port is None or parts.path or parts.username is not None:
            raise ValueError("host:port, such as 127.0.0.1:8000 or [::1]:8000")
        return cls(host=parts.hostname, port=port)

    def reachable(self) -> ListenAddress:
        """Return the address to connect to on this machine; a server may listen on all interfaces at once."""
        loopback = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - compared with, not listened on
        return self.model_copy(update={"host": loopback.get(self.host, self.host)})


def clickhouse_address(url: str) -> clickhouse.Address:
    """Read ``clickhouse://user:password@host:port/database``.

    Raises:
        ValueError: the text is not of that form.
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


def redis_url(url: str) -> str:
    """Check the URL of a Redis server, and return it as it is.

    Raises:
        ValueError: the text is none.
    """
    parts = urlsplit(url)
    with contextlib.suppress(ValueError):  # the port is no number
        if parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0:
            return url
    raise ValueError("redis://[user:password@]host[:port][/database] or rediss://…")


def base_url(url: str) -> str:
    """Read the URL under which browsers reach the edge; return it without a slash at its end.

    Raises:
        ValueError: the text is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("http://host[:port][/path] or https://host[:port][/path]")
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


def _port(parts: SplitResult) -> int | None:
    """Return the port of a URL; None where it names none, or one that is no number."""
    try:
        return parts.port
    except ValueError:
        return None
