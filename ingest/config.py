"""The settings of an edge process, as the command that starts it passes them on."""

from __future__ import annotations

import msgspec

from storage.queue import streams


class EdgeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one edge process; every limit is per process.

    Attributes:
        redis_url: the Redis that holds the queue and serves the registry.
        shards: streams the queue is spread over; the same for every process of an installation.
        max_body_bytes: longest request body, before and after inflating. A full Reporting API upload of
            Chrome (100 reports of 10 KiB) just fits.
        max_in_flight_bytes: bodies in memory at a time, arriving or waiting for Redis. With their copies on
            the way to Redis they keep a process below 120 MB. At 20 000/s of 1 KiB they last for 0.6 s.
        memory_high_water: share of Redis' ``maxmemory`` above which the edge answers 503. The rest is room
            for the drainers' own writes and for an AOF rewrite.
        redis_timeout: seconds that Redis has for one answer, connecting included.
        refresh_interval: seconds between two polls of Redis: the registry's version, memory and so on.
        body_timeout: seconds in which a body must have arrived whole.
        trusted_proxies: networks of the proxies whose ``X-Forwarded-For`` counts.
        address_rate: requests a second that one address may send; 0 sets no limit.
    """

    redis_url: str
    shards: int = streams.DEFAULT_SHARDS
    max_body_bytes: int = 1 << 20
    max_in_flight_bytes: int = 12 << 20
    memory_high_water: float = 0.85
    redis_timeout: float = 0.25
    refresh_interval: float = 0.2
    body_timeout: float = 20.0
    trusted_proxies: tuple[str, ...] = ()
    address_rate: float = 0.0
