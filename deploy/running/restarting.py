"""Starts the embedded ClickHouse of a running system again: only then does it learn of other accounts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil

from deploy.directory import runtime
from deploy.embedded import clickhouse as embedded_clickhouse
from deploy.network import addresses
from deploy.processes import child
from deploy.servers import backends
from storage import errors

if TYPE_CHECKING:
    from pathlib import Path


def clickhouse(directory: Path) -> bool:
    """End ClickHouse, and wait until its system has started it again; return whether one was running.

    Reports wait in the queue meanwhile, and queries that are under way fail.

    Raises:
        HeadraceError: it was not started again in time.
    """
    current = runtime.running(directory)
    if current is None or not current.pids.clickhouse:
        return False
    ended = current.pids.clickhouse
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(ended)
        if process.create_time() == current.started.get(ended):
            process.terminate()
    if not child.wait_until(lambda: _is_another(directory, ended), embedded_clickhouse.START_SECONDS):
        raise errors.HeadraceError(f"ClickHouse was not started again: see {directory / 'logs'}.")
    return True


def _is_another(directory: Path, ended: int) -> bool:
    current = runtime.running(directory)
    if current is None or current.pids.clickhouse in (0, ended):
        return False
    return backends.clickhouse_is_ready(addresses.clickhouse_address(current.clickhouse_url))
