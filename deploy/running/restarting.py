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
    if current is None or not current.clickhouse_http_url:
        return False
    ended: list[int] = []

    def is_another() -> bool:
        if not ended:
            ended.extend(_end(directory))
            return False
        return _is_another(directory, *ended)

    if not child.wait_until(is_another, embedded_clickhouse.START_SECONDS):
        raise errors.HeadraceError(f"ClickHouse was not started again: see {directory / 'logs'}.")
    return True


def _end(directory: Path) -> list[int]:
    """End the process that runs now, and return it; nothing if it is gone.

    A process that was started in its place may have read the accounts too early.
    """
    current = runtime.running(directory)
    pid = current.pids.clickhouse if current else 0
    with contextlib.suppress(psutil.NoSuchProcess):
        if current and pid and psutil.Process(pid).create_time() == current.started.get(pid):
            psutil.Process(pid).terminate()
            return [pid]
    return []


def _is_another(directory: Path, ended: int) -> bool:
    current = runtime.running(directory)
    if current is None or current.pids.clickhouse in (0, ended):
        return False
    return backends.clickhouse_is_ready(addresses.clickhouse_address(current.clickhouse_url))
