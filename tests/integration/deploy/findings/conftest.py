"""A shop with findings: on several days, of two environments and three releases, real ones and noise."""

from __future__ import annotations

import datetime as dt
import io
import json
import secrets
import signal
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest
import rich.console

from deploy import cli
from deploy.printing import output
from storage.projects import registry
from storage.queue import reach
from storage.servers import clickhouse
from storage.tables import migrate
from tests.helpers import servers, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.helpers import harness

    Asked = Callable[..., Any]

DAY: Final = dt.timedelta(days=1)
PLACES: Final = (("production", "1.0"), ("production", "2.0"), ("staging", "2.0"), ("", ""))
FINDINGS: Final[dict[int, dict[str, Any]]] = {
    0xA1B2C3D4E5F60718: {
        "kind": "csp",
        "title": "Blocked image from tracker.example",
        "directive": "img-src",
        "blocked": "https://tracker.example/a.gif",
        "blocked_host": "tracker.example",
    },
    0xA1B2C3D4FFFFFFFF: {
        "kind": "csp",
        "title": "Blocked script from cdn.tracker.example",
        "directive": "script-src-elem",
        "blocked": "https://cdn.tracker.example/b.js",
        "blocked_host": "cdn.tracker.example",
        "disposition": "report",
    },
    0x0000000000000ABC: {
        "kind": "nel",
        "title": "Connection refused: api.shop.example",
        "directive": "tcp.refused",
        "hostname": "api.shop.example",
    },
    1234567890123456789: {
        "kind": "csp",
        "title": '=HYPERLINK("http://evil.example")\x1b[2J\u202eReversed',
        "directive": "script-src",
        "blocked": "eval",
        "noise": "extension",
        "noise_rule": "some-extension",
    },
    0xFFFF000000000000: {
        "kind": "csp",
        "title": "Blocked font from 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字.example",
        "directive": "font-src",
        "impossible": 1,
    },
}


def rows() -> list[dict[str, Any]]:
    """Return the rows: each finding on each of four days, and in each place."""
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    found: list[dict[str, Any]] = []
    for number, (fingerprint, columns) in enumerate(FINDINGS.items(), 1):
        for days in (0, 1, 2, 5):
            for place, (environment, release) in enumerate(PLACES):
                at = now - days * DAY - dt.timedelta(seconds=10 - place)
                found.append(
                    {
                        **dict.fromkeys(("blocked", "blocked_host", "hostname", "noise", "noise_rule"), ""),
                        "impossible": 0,
                        "disposition": "enforce",
                        **columns,
                        "project_id": 1,
                        "environment": environment,
                        "release": release,
                        "window_start": at,
                        "first_seen": at,
                        "last_seen": at,
                        "seen": number * 10 + days,
                        "weight": number * 10 + days,
                        "reach": reach.sketch_of(number) | reach.sketch_of(days),
                        "fingerprint": fingerprint,
                        "identity": len(found),
                        "document": f"https://{('m.' * (place % 2))}shop.example/{place}",
                        "document_host": f"{'m.' * (place % 2)}shop.example",
                        "browser": ("Chrome", "Firefox")[place % 2],
                        "policy": (1 << 64) - 1 - number,
                        "raw": '{"csp-report":{}}',
                    }
                )
    return found


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """Let commands heed SIGINT: what a shell starts in the background ignores it, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def shop(
    redis_server: harness.RedisServer, clickhouse_server: harness.ClickHouseServer
) -> Iterator[servers.Servers]:
    """Give servers with the rows of the shop, which the tests of a module leave as they are."""
    address = msgspec.structs.replace(clickhouse_server.address, database=f"test_{secrets.token_hex(4)}")
    migrate.apply(address)
    server, client = clickhouse.connect(address), redis_server.client()
    registry.Registry(server).create("shop")
    stored.insert(server, rows())
    yield servers.Servers(redis_server.url, address, client, server)
    server.execute(f"DROP DATABASE `{address.database}`")
    server.close()
    client.close()


@pytest.fixture
def asked(
    shop: servers.Servers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Asked:
    """Give what runs a command on the shop in this process, and returns what it prints as JSON."""
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)

    def ask(*arguments: str) -> Any:
        cli.app([*arguments, "--json"], standalone_mode=False)
        return json.loads(capsys.readouterr().out)

    return ask


@pytest.fixture
def drawn(shop: servers.Servers, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str], list[str]]:
    """Give what runs a command in this process on a terminal of some columns, and returns the lines there."""
    for name, value in shop.environment.items():
        monkeypatch.setenv(name, value)

    def draw(columns: int, command: str) -> list[str]:
        shown = io.StringIO()
        console = rich.console.Console(file=shown, force_terminal=True, width=columns, color_system=None)
        monkeypatch.setattr(output, "console", console)
        cli.app(command.split(), standalone_mode=False)
        return shown.getvalue().splitlines()

    return draw
