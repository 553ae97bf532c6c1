"""``python -m tests.browser.record``: write anew what real browsers send, into tests/data/browsers.jsonl.

Every browser visits every page that provokes it. Each line is one request: the browser and its version, the
page's name, content type, user agent, and the body as it came. Nothing is changed: the names in it are those
of the test site, on loopback and on ports that do not depend on the machine.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deploy.processes import child
from ingest import cors
from tests.browser import browsers, provocations, rows, site, tls
from tests.helpers import payloads, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA: Final = Path(__file__).parents[1] / "data" / "browsers.jsonl"
SITE_PORT: Final = 8443
REPORTS_PORT: Final = 9443
QUIET: Final = 3.0
"""Seconds: what is expected has come, and nothing else came for so long."""

Line = dict[str, Any]


def seen_reports(*lines: Line) -> set[rows.SeenReport]:
    """Return what analysts would see of recorded requests."""
    batch = [payloads.payload(line["body"].encode(), user_agent=line["user_agent"]) for line in lines]
    reports = payloads.rows(payloads.process(*batch).reports)
    return {rows.SeenReport(*(row[name] for name in rows.SeenReport._fields)) for row in reports}


class _Recorder(http.server.ThreadingHTTPServer):
    """Answers like an edge and keeps what is sent to it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lines: list[Line] = []
        self.latest = time.monotonic()

    def seen_reports(self) -> set[rows.SeenReport]:
        return seen_reports(*self.lines)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Recorder

    def do_OPTIONS(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.lines.append(
            {
                "content_type": self.headers["Content-Type"],
                "user_agent": self.headers["User-Agent"],
                "body": body.decode(),
            }
        )
        self.server.latest = time.monotonic()
        self._answer()

    def _answer(self) -> None:
        self.send_response(200)
        for name, value in cors.PREFLIGHT.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Print nothing: the summary is enough."""


@contextlib.contextmanager
def _recorder() -> Iterator[_Recorder]:
    server = _Recorder()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def visit(browser: browsers.Browser, page: provocations.Provocation, home: Path) -> list[Line]:
    """Return what the browser sent, in the order of its arrival."""
    identity = tls.issue(home)
    browser.trust(identity.authority, home)
    with (
        _recorder() as recorder,
        tls.terminated(identity.context, recorder.server_port, REPORTS_PORT) as front,
        site.served(
            page.documents,
            f"https://{tls.REPORTS}:{front}/",
            host=tls.SITE,
            tls=identity.context,
            port=SITE_PORT,
        ) as served,
        browser.visiting(f"{served.page}?leave", home),
    ):
        expected = rows.filled(page.seen[browser.name], served)
        child.wait_until(
            lambda: recorder.seen_reports() >= expected and time.monotonic() - recorder.latest > QUIET,
            waiting.PATIENCE_S,
        )
        for missing in expected - recorder.seen_reports():
            sys.stdout.write(f"{browser.name}, {page.name}: {missing} did not come.\n")
        return recorder.lines


def version(browser: browsers.Browser) -> str:
    """Return the browser's own words for itself, such as ``Mozilla Firefox 153.7.0esr``."""
    command = [browser.executable, "--version"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main() -> int:
    """Record everything, and print how many requests each page drew."""
    lines: list[Line] = []
    for browser in (browsers.CHROMIUM, browsers.FIREFOX):
        sender = version(browser)
        for page in (provocations.VIOLATIONS, *provocations.ALL):
            if browser.name not in page.seen:
                continue
            with tempfile.TemporaryDirectory() as home:
                sent = visit(browser, page, Path(home))
            lines += [
                {"browser": browser.name, "version": sender, "page": page.name, **line} for line in sent
            ]
            sys.stdout.write(f"{sender}, {page.name}: {len(sent)} requests\n")
    DATA.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
