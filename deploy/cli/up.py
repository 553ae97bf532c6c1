"""``headrace up``: the whole system on this machine, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlencode, urlsplit

import rich.live
import rich.panel
import rich.text
import typer

from deploy import settings
from deploy.cli import options
from deploy.directory import leftovers, lock, sharing
from deploy.network import addresses
from deploy.printing import output, printable
from deploy.processes import signals
from deploy.projects import headers
from deploy.running import embedded_ports, readiness, status_line
from deploy.running import system as systems

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from storage.projects import model


POLL_S: Final = 0.1
"""How often processes are polled; a dead one is started again this much later."""
LOG_LINE_S: Final = 10.0
"""Without a terminal, the status line is printed this often."""

_SAMPLE: Final = (
    '{"csp-report":{"document-uri":"https://shop.example/cart","violated-directive":"img-src https:",'
    '"effective-directive":"img-src","blocked-uri":"http://tracker.example/pixel.gif",'
    '"original-policy":"img-src https:","disposition":"enforce"}}'
)
_QUERY: Final = "SELECT last_seen, title, document, seen FROM violations ORDER BY last_seen DESC LIMIT 10"


Port = Annotated[int | None, typer.Option(min=1, max=65535, show_default="any free port")]


def up(  # noqa: PLR0913 - one parameter for each option
    *,
    data: options.Data = options.DEFAULT_DATA,
    listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Address of the edge.")] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Number of worker processes.")] = None,
    redis_port: Port = None,
    clickhouse_port: Port = None,
    clickhouse_http_port: Port = None,
) -> None:
    """Run everything on this machine: Redis, ClickHouse, edge, workers, maintenance."""
    values = settings.load(listen=listen, workers=workers)
    ports = embedded_ports.EmbeddedPorts(redis_port, clickhouse_port, clickhouse_http_port)
    ports.require_distinct(addresses.ListenAddress.parse(values.listen).port)
    stop = signals.stop_event(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    with lock.hold(data):
        for pid in leftovers.stop(data):
            _say(f"Stopped process {pid}, left over from an earlier run.")
        sharing.claim(data)
        system = systems.System(data, values, ports, _say, stop)
        try:
            _say(f"Starting on {data}.")
            project = system.start()
            _introduce(system, project, data)
            _watch(system, stop)
        except readiness.StoppedError:
            pass
        finally:
            _say("Stopping.")
            system.stop()
    _say("Stopped.")


def _watch(system: systems.System, stop: threading.Event) -> None:
    watched = system.runtime
    watch = status_line.StatusLine(watched.redis_url, system.address, watched.shards)
    watch.start()
    try:
        with _live() as show:
            while not stop.wait(POLL_S):
                system.poll()
                show(watch.line)
    finally:
        watch.stop()


@contextlib.contextmanager
def _live() -> Iterator[Callable[[str], None]]:
    """Give a function that shows the status line: in place on a terminal, every ten seconds elsewhere."""
    if not output.console.is_terminal:
        yield _Periodic()
        return
    with rich.live.Live(console=output.console, refresh_per_second=4, transient=True) as live:
        yield lambda line: live.update(rich.text.Text(line, style="cyan", no_wrap=True, overflow="ellipsis"))


class _Periodic:
    """Prints the status line when it is due and has changed."""

    def __init__(self) -> None:
        self._due = time.monotonic() + LOG_LINE_S
        self._last = ""

    def __call__(self, line: str) -> None:
        if time.monotonic() >= self._due and line != self._last:
            self._due = time.monotonic() + LOG_LINE_S
            self._last = line
            _say(line)


def _introduce(system: systems.System, project: model.Project, data: Path) -> None:
    """Print the commands with which a newcomer sees a first report arrive."""
    running = system.runtime
    where = f"Project         {printable.line(project.name)}\nData and logs   {data.resolve()}"
    text = rich.text.Text(where, overflow="fold")
    output.console.print(rich.panel.Panel(text, title="Headrace is running", border_style="green"))
    where_to = options.naming(data)
    if project.status == "active":
        _offer(headers.endpoint(running.public_url, project))
    else:
        enable = f"{_command()} project enable{where_to} {shlex.quote(project.name)}"
        _step("Every project is disabled, and its reports are refused. Enable one", enable)
    _step("See what arrived", f'{_command()} query{where_to} "{_QUERY}"')
    if running.clickhouse_http_url:
        _step("Or in a browser", _play_url(running.clickhouse_http_url))


def _offer(endpoint: str) -> None:
    """Print an endpoint, and two ways to send reports to it."""
    _step("Endpoint", endpoint)
    policy = f"Content-Security-Policy: {headers.policy(endpoint)}"
    _step("Make a page report to it with this response header", policy)
    kind = "Content-Type: application/csp-report"
    _step("Or send a sample report", f"curl -i '{endpoint}' -H '{kind}' -d '{_SAMPLE}'")


def _play_url(http_url: str) -> str:
    """Return the URL of the page of ClickHouse for trying queries, logged in as the same user."""
    parts = urlsplit(http_url)
    query = urlencode({"user": parts.username or "", "password": parts.password or ""})
    return f"{parts.scheme}://{parts.hostname}:{parts.port}/play?{query}"


def _step(title: str, text: str) -> None:
    output.console.print(title, style="bold")
    output.copyable(f"  {text}\n")


def _command() -> str:
    """Return the command that calls this program again from the working directory."""
    called = Path(sys.argv[0])
    found = shutil.which("headrace")
    if called.name != "headrace" or (found and Path(found).resolve() == called.resolve()):
        return "headrace"
    return shlex.quote(os.path.relpath(called))


def _say(sentence: str) -> None:
    line = rich.text.Text(f"{time.strftime('%H:%M:%S')} {sentence}")
    with contextlib.suppress(OSError):  # a terminal that went away must not keep us from stopping
        output.console.print(line, soft_wrap=True)
