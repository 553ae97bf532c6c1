"""Ports on this machine: which are free, which are taken, and when one begins to answer."""

from __future__ import annotations

import contextlib
import socket

from deploy.network import addresses
from storage import errors


class PortTakenError(errors.HeadraceError):
    """Another process listens on a port that is needed."""


def free_port() -> int:
    """Return a port on loopback that nothing listens on right now."""
    with socket.socket() as probe:
        probe.bind((addresses.LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(endpoint: addresses.ListenAddress, purpose: str) -> None:
    """Check that ``purpose`` can listen here.

    Raises:
        PortTakenError: it cannot: the port is taken, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: a port that only has connections in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((endpoint.host, endpoint.port))
            probe.listen(1)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise PortTakenError(f"{purpose} cannot listen on {endpoint}: {reason}.") from error


def answers(host: str, port: int) -> bool:
    """Tell whether something accepts connections here."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1.0):
        return True
    return False
