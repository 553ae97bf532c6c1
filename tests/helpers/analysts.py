"""The analyst of a running ClickHouse, asking over HTTP and over the native protocol."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from deploy.analysts import allow_list
from deploy.embedded import configuration
from storage import errors
from storage.servers import clickhouse

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Mapping

    import httpx

    from tests.helpers import harness

ALLOWED = allow_list.read(configuration.ANALYST_LIMITS)
"""The allow-list of the embedded server on this machine."""


@dataclasses.dataclass(frozen=True)
class Analyst:
    """An analyst of a server, on a connection to each of its ports.

    Attributes:
        server: the server.
        client: what asks over HTTP.
        name: an account that sees one project; empty for the analyst who sees all.
        password: the password of the account.
    """

    server: harness.ClickHouseServer
    client: httpx.Client
    name: str = ""
    password: str = ""

    @property
    def address(self) -> clickhouse.Address:
        """The address of the native protocol."""
        every = self.server.analyst
        return msgspec.structs.replace(every, user=self.name, password=self.password) if self.name else every

    @property
    def url(self) -> str:
        """The HTTP interface."""
        every = self.server.server.http_url
        login = f"//{self.name}:{self.password}@"
        return re.sub("//.*@", login, every) if self.name else every

    def http(self, sql: str, **parameters: str) -> httpx.Response:
        """Ask over HTTP."""
        return self.client.post(self.url, params=parameters, content=sql.encode())

    def native(self, sql: str, settings: Mapping[str, object] | None = None) -> Any:
        """Ask over the native protocol, on a connection of its own."""
        with contextlib.closing(clickhouse.connect(self.address)) as connection:
            return connection.execute(sql, settings=settings)

    def column(self, sql: str) -> set[str]:
        """Return the first column."""
        return {row[0] for row in self.native(sql)}

    def refuse(self, sql: str, **settings: str) -> list[str]:
        """Check that neither port does it, with settings beside the query, and return what they say."""
        answer = self.http(sql, **settings)
        assert answer.status_code >= 400, (sql, answer.text)
        with pytest.raises(errors.HeadraceError) as refused:
            self.native(sql, settings)
        return [answer.text, str(refused.value)]


def some_file(person: Analyst) -> pathlib.Path:
    """Return a file that holds rows."""
    found = (person.server.server.directory / "data" / "store").glob("*/*/*_*_*/data.bin")
    return next(iter(sorted(found)))


def state(*directories: pathlib.Path) -> dict[str, str]:
    """Return the digests of all files in directories; what merges remove meanwhile is left out."""
    found = {}
    for path in itertools.chain.from_iterable(directory.rglob("*") for directory in directories):
        with contextlib.suppress(OSError):
            if path.is_file():
                found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
