"""The address of a request's sender, and the limit on the requests of one address.

An address counts only where it is known to be the sender's: a trusted proxy names it, or it is public and
connects by itself. Any other address may be that of a proxy that the settings do not name, with all senders
behind it.
"""

from __future__ import annotations

import functools
import ipaddress
import secrets
import socket
import time
from typing import TYPE_CHECKING, Any, Final

from ingest.checks import traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_CACHED_PEERS: Final = 4096
_MOST_FORWARDED: Final = 512
"""Bytes at the end of ``X-Forwarded-For`` that are read: trusted proxies write last, and briefly."""
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""The last four bytes of an address in this network are one of version 4 (RFC 6052)."""
_NOT_GLOBAL: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "240.0.0.0/4"),
        *("::/127", "::ffff:0:0/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23"),
        *("2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10"),
    )
)
"""Networks with no machine of the public Internet (IANA's registries of special-purpose addresses).

Python has a table of its own, which each version changes.
"""
_GLOBAL_AMONG_THEM: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("192.0.0.9/32", "192.0.0.10/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128"),
        *("2001:3::/32", "2001:4:112::/48", "2001:20::/28", "2001:30::/28"),
    )
)
_SITE_BITS: Final = 64
"""The leading bits of an IPv6 address that tell senders apart: one has all addresses below (RFC 6177)."""
_FORWARDED: Final = b"x-forwarded-for"
MOST: Final = 50_000
"""Addresses whose requests a process counts; about 7 MB."""
BURST_S: Final = 10.0
"""Seconds of its rate that an address may send at once: a page reports all its violations together."""
ROTATE_S: Final = 86_400.0
"""How long one salt is used to hash addresses; afterwards no hash can be traced to its address."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Addresses:
    """Finds the sender's address of a request.

    Args:
        trusted: networks (``10.0.0.0/8``) of the proxies whose ``X-Forwarded-For`` counts.
    """

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted: tuple[_Network, ...] = tuple(map(ipaddress.ip_network, trusted))
        self._trusted_numbers = tuple(
            (int(network.network_address), int(network.netmask))
            for network in self._trusted
            if network.version == 4  # noqa: PLR2004 - the version of the protocol
        )
        self._peer = functools.lru_cache(_CACHED_PEERS)(self._read_peer)

    def find(self, scope: dict[str, Any], headers: Mapping[bytes, bytes]) -> tuple[str, bool]:
        """Return the address and whether it is known to be the sender's.

        Args:
            scope: the ASGI scope of the request.
            headers: the headers of the request by name, in lower case; of repeated headers the last one.
        """
        client = scope.get("client")
        site, known, trusted = self._peer(client[0] if client else "")
        if not trusted:
            return site, known
        forwarded = headers.get(_FORWARDED, b"")
        if len(headers) < len(
            scope["headers"]
        ):  # some proxies add a line where others add to one (RFC 9110, 5.2)
            forwarded = b",".join(value for name, value in scope["headers"] if name == _FORWARDED)
        return self._forwarded(site, forwarded[-_MOST_FORWARDED:])

    def is_direct(self, scope: dict[str, Any], headers: Iterable[bytes]) -> bool:
        """Say whether the peer seems to be the sender: the settings name no proxy, and none left a trace.

        This is good enough where a mistake costs little.

        Args:
            scope: the ASGI scope of the request.
            headers: names of the request's headers, in lower case.
        """
        return not self._trusted and not traces.any_in(scope, headers)

    def is_traceless(self, scope: dict[str, Any], headers: Iterable[bytes]) -> bool:
        """Say whether nothing tells of a proxy that the settings do not name, not even of a public CDN.

        Args:
            scope: the ASGI scope of the request.
            headers: names of the request's headers, in lower case.
        """
        client = scope.get("client")
        _, _, trusted = self._peer(client[0] if client else "")
        return trusted or not traces.any_in(scope, headers)

    def _forwarded(self, site: str, forwarded: bytes) -> tuple[str, bool]:
        """Return the nearest address that is not trusted, else the farthest that is."""
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            found = self._read_address(hop.strip())
            if found is None:
                break
            site, trusted = found
            if not trusted:
                return site, True
        return site, False

    def _read_peer(self, peer: str) -> tuple[str, bool, bool]:
        """Return a peer's address, whether it is surely a sender's, and whether it is a trusted proxy's."""
        address, found = _parsed(peer), self._read_address(peer)
        if address is None or found is None:
            return peer, False, False
        site, trusted = found
        return site, _is_global(address), trusted

    def _read_address(self, text: str) -> tuple[str, bool] | None:
        """Return an address in the form that is counted, and whether it is trusted; None if the text is none.

        Nearly every request brings a new address, and nearly all are IPv4: no object is made of those.
        """
        try:
            number = int.from_bytes(socket.inet_pton(socket.AF_INET, text))
        except (OSError, ValueError):
            host, _, port = text.partition(":")
            if port.isdecimal() and "." in host:  # as gateways of Azure write it
                return self._read_address(host)
            address = _parsed(text)
            if address is None:
                return None
            return _site(address), any(address in network for network in self._trusted)
        for network, mask in self._trusted_numbers:
            if number & mask == network:
                return text, True
        return text, False


class Rates:
    """Tells which addresses send more than they may, by a token bucket for each.

    Args:
        rate: requests a second of one address; 0 sets no limit.
        clock: seconds, monotonic.

    Attributes:
        limited: whether there is a limit at all.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.limited = rate > 0
        self._gap = 1 / rate if rate else 0.0
        self._burst = BURST_S
        self._clock = clock
        self._full_at: dict[int, float] = {}
        self._salt, self._rotate_at = b"", clock()

    def exceeds(self, address: str) -> bool:
        """Say whether a request is one too many, and count it if it is not.

        A bucket is stored as the moment at which it will be full again (GCRA, ITU-T I.371).
        """
        now = self._clock()
        if now >= self._rotate_at:
            self._rotate()
        key = hash((self._salt, address))  # SipHash, under a key of this process
        full_at = max(self._full_at.get(key, now), now)
        if full_at - now > self._burst:
            return True
        if len(self._full_at) >= MOST:
            self._make_room(now)
        self._full_at[key] = full_at + self._gap
        return False

    def _make_room(self, now: float) -> None:
        """Drop silent addresses, or else all of them: too little is refused then, never too much."""
        kept = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
        self._full_at = kept if len(kept) < MOST // 2 else {}

    def _rotate(self) -> None:
        self._salt = secrets.token_bytes(16)
        self._full_at = {}
        self._rotate_at = self._clock() + ROTATE_S


def _parsed(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text.removeprefix("[").partition("]")[0])
    except ValueError:
        return None
    if address.version == 6 and address in _NAT64:  # noqa: PLR2004 - the version of the protocol
        return ipaddress.IPv4Address(address.packed[-4:])
    return getattr(address, "ipv4_mapped", None) or address


def _is_global(address: _Address) -> bool:
    if any(address in network for network in _GLOBAL_AMONG_THEM):
        return True
    return not any(address in network for network in _NOT_GLOBAL)


def _site(address: _Address) -> str:
    if address.version == 4:  # noqa: PLR2004 - the version of the protocol
        return str(address)
    return str(ipaddress.ip_network((address, _SITE_BITS), strict=False).network_address)
