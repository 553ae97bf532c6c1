"""The claim on a database: one process migrates it at a time, and ClickHouse alone tells which.

A claim is a table with a number, ``migrating_7``. Only one ``CREATE TABLE`` of a name succeeds, and the claim
with the highest number counts. Its holder adds a beat every ``BEAT_S`` seconds. A claim without a new beat in
``STALE_S`` seconds of the server, and in ``LOOKS`` looks, is taken over under the next number: no clock of a
client has a say, and neither a waiting process that was frozen nor a server that was away makes a claim old.

Warning: a holder that was frozen itself may send one more statement after its claim was taken over. No
statement of a migration does harm then: each may run twice, and what is counted again is put in place as a
whole.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
import time
from typing import TYPE_CHECKING, Final

from storage import errors
from storage.schema import progress
from storage.servers import clickhouse, sql

if TYPE_CHECKING:
    from collections.abc import Iterator

_SQL: Final = sql.beside(__name__)

BEAT_S: Final = 1.0
LOOK_S: Final = 1.0
"""Seconds between two looks at the claim of another process."""
STALE_S: Final = 15.0
"""A holder is dead that says nothing for so long: a pause of a virtual machine is shorter."""
LOOKS: Final = 10
"""So many answers of the server without a new beat are needed besides."""

_TABLE_EXISTS: Final = 57
_UNKNOWN_TABLE: Final = 60
_ODD: Final = re.compile(r"[^\w.-]")


class TakenOverError(errors.HeadraceError):
    """Another process migrates the database now."""


class Claim:
    """The claim of this process, until another one takes it over."""

    def __init__(self, server: clickhouse.Connection, number: int) -> None:
        self._server = server
        self._number = number

    def require(self) -> None:
        """Check that the claim still counts.

        Raises:
            TakenOverError: it does not.
        """
        ((there,),) = self._server.execute(_SQL["exists"].format(number=self._number))
        if not there:
            raise TakenOverError(
                "Another headrace migrate took this one for dead and goes on with it: this one ends here."
            )


class Watch:
    """Looks at a claim that another process holds."""

    def __init__(self) -> None:
        self._seen = (-1, -1)
        self._since = 0
        self._looks = 0

    def is_stale(self, number: int, beats: int, uptime: int) -> bool:
        """Say whether a claim had no new beat for long, after another look at it."""
        if (number, beats) != self._seen or uptime < self._since:
            self._seen, self._since, self._looks = (number, beats), uptime, 0
        self._looks += 1
        return self._looks > LOOKS and uptime - self._since >= STALE_S


@contextlib.contextmanager
def held(address: clickhouse.Address, report: progress.Report) -> Iterator[Claim]:
    """Claim a database until the end of the block, after any other process that has claimed it.

    Raises:
        ClickHouseUnavailableError: ClickHouse is not reachable.
    """
    with contextlib.closing(clickhouse.connect(address)) as server:
        number = _acquire(server, report)
        done = threading.Event()
        beating = threading.Thread(target=_beat, args=(address, number, done), name="claim", daemon=True)
        beating.start()
        try:
            yield Claim(server, number)
        finally:
            done.set()
            beating.join()
            with contextlib.suppress(errors.HeadraceError):  # else it grows stale
                server.execute(_SQL["drop"].format(number=number))


def clear(server: clickhouse.Connection) -> None:
    """Drop what a holder left that ended after its work, for there is none left."""
    for left, _ in _claims(server):
        server.execute(_SQL["drop"].format(number=left))


def _acquire(server: clickhouse.Connection, report: progress.Report) -> int:
    watch = Watch()
    while True:
        others = _claims(server)
        if others and not _is_stale(server, watch, others[0][0]):
            report(progress.Progress(f"Another headrace migrate is at work ({others[0][1]}): waiting for it"))
            time.sleep(LOOK_S)
            continue
        number = others[0][0] + 1 if others else 1
        if _create(server, number):
            for left, _ in others:
                server.execute(_SQL["drop"].format(number=left))
            return number


def _is_stale(server: clickhouse.Connection, watch: Watch, number: int) -> bool:
    try:
        ((beats, uptime),) = server.execute(_SQL["beats"].format(number=number))
    except clickhouse.QueryError as error:
        if error.code != _UNKNOWN_TABLE:
            raise
        return False  # it was given up just now
    return watch.is_stale(number, beats, uptime)


def _create(server: clickhouse.Connection, number: int) -> bool:
    holder = _ODD.sub("?", socket.gethostname()) + f", process {os.getpid()}"
    try:
        server.execute(_SQL["claim"].format(number=number, holder=holder))
    except clickhouse.QueryError as error:
        if error.code != _TABLE_EXISTS:
            raise
        return False
    return True


def _beat(address: clickhouse.Address, number: int, done: threading.Event) -> None:
    """Say that the holder lives until it is done, or its claim was taken over."""
    with contextlib.closing(clickhouse.connect(address)) as server:
        while not done.wait(BEAT_S):
            try:
                server.execute(_SQL["beat"].format(number=number))
            except clickhouse.QueryError:
                return
            except errors.ClickHouseUnavailableError:
                continue


def _claims(server: clickhouse.Connection) -> list[tuple[int, str]]:
    """Return the numbers and the holders of all claims, the one that counts first."""
    found: list[tuple[int, str]] = server.execute(_SQL["claims"])
    return found
