"""The ports of the embedded servers: those that an operator asked for, or any free ones."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from deploy.network import addresses, ports


class EmbeddedPorts(NamedTuple):
    """Ports for the embedded servers; None is any free one."""

    redis: int | None = None
    clickhouse: int | None = None
    clickhouse_http: int | None = None

    def require_distinct(self, edge: int) -> None:
        """Check that no two are the same, nor the edge's.

        Raises:
            PortTakenError: two are the same.
        """
        wanted = {
            "the edge": edge or None,
            "Redis": self.redis,
            "ClickHouse": self.clickhouse,
            "ClickHouse's HTTP interface": self.clickhouse_http,
        }
        for (one, port), (other, same) in itertools.combinations(wanted.items(), 2):
            if port is not None and port == same:
                raise ports.PortTakenError(f"Port {port} cannot be both for {one} and for {other}.")


def claim(port: int | None, purpose: str) -> int:
    """Return this port, or a free one for None.

    Raises:
        PortTakenError: another process listens on it; the sentence begins with the purpose.
    """
    if port is None:
        return ports.free_port()
    ports.require_free(addresses.ListenAddress(host=addresses.LOOPBACK, port=port), purpose)
    return port
