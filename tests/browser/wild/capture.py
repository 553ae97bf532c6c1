"""``python -m tests.browser.wild.capture BROWSER SEED PAGES FILE``: what a browser reports of wild pages.

Each line of the file is one report: the browser, the page and its headers, what it loads, and the report as
it was sent. The same seed makes the same pages; which reports they draw is up to the browser.
"""

from __future__ import annotations

import json
import ssl
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import trustme

from tests.browser import browsers
from tests.browser.wild import hosts, pages

_DRIVER: Final = "driver.test"
_FRAMES: Final = 6
"""Pages that are open at a time."""
_PATIENCE: Final = 280.0
_NAMES: Final = (
    *("a.example", "*.a.example", "cdn.example", "*.cdn.example", "other.example", "127.0.77.1"),
    "xn--bcher-kva.example",
)
_DRIVING: Final = """<!doctype html><body><script>
const settled = frame => new Promise(done => {
  const late = setTimeout(done, 4000);
  frame.onload = () => { clearTimeout(late); setTimeout(done, 500); };
});
async function drive() {
  const frame = document.createElement('iframe');
  for (;;) {
    const url = await (await fetch('/next', {cache: 'no-store'})).text();
    if (!url) break;
    const whole = settled(frame);
    frame.src = url;
    if (!frame.parentNode) document.body.append(frame);
    await whole;
  }
}
Promise.all(Array.from({length: FRAMES}, drive)).then(() => fetch('/over'));
</script></body>"""


class Capture(NamedTuple):
    """A report, and the page that it is about."""

    case: pages.Case
    report: Any

    @property
    def redirected(self) -> bool:
        """Whether a redirect, or a service worker, may have led elsewhere from what is reported."""
        text = json.dumps(self.report).replace("\\u0026", "&")
        named = [one for number, one in enumerate(self.case.resources) if f"&r={number}&" in text]
        return any(resource.redirects for resource in named or self.case.resources)


class Wild:
    """The whole web, as far as a browser can tell, until it has seen so many pages of it.

    Attributes:
        captures: what it reported.
        visited: the number of pages that it was sent to.
        over: set when it has seen them all.
        secure: whether there is TLS.
    """

    def __init__(self, seed: int, count: int, *, secure: bool) -> None:
        self.captures: list[Capture] = []
        self.visited = 0
        self.over = threading.Event()
        self._seed = seed
        self._count = count
        self.secure = secure
        self._lock = threading.Lock()

    def _case(self, query: dict[str, list[str]]) -> pages.Case:
        return pages.case(self._seed, int(query["c"][0]), secure=self.secure)

    def answer(self, request: hosts.Request) -> hosts.Answer:
        """Answer any request of the browser."""
        parts = urlsplit(request.url)
        query = parse_qs(parts.query)
        if parts.hostname == _DRIVER:
            return self._drive(parts.path)
        if parts.path == "/report":
            self._keep(self._case(query), request.body)
            return hosts.Answer()
        if parts.path in {"/case", "/nested"}:
            return pages.document(self._case(query), request.url)
        answer = pages.resource(request.url)
        own_policy = query.get("t") == ["worker"] and "c" in query
        return answer._replace(headers=answer.headers + self._case(query).headers) if own_policy else answer

    def _drive(self, path: str) -> hosts.Answer:
        if path == "/over":
            self.over.set()
        if path != "/next":
            return hosts.Answer(_DRIVING.replace("FRAMES", str(_FRAMES)).encode(), "text/html")
        with self._lock:
            if self.visited == self._count:
                return hosts.Answer()
            self.visited += 1
            return hosts.Answer(self._case({"c": [str(self.visited)]}).page.encode())

    def _keep(self, case: pages.Case, body: bytes) -> None:
        if body:  # none is that of a preflight
            sent = json.loads(body)
            self.captures += [Capture(case, one) for one in (sent if isinstance(sent, list) else [sent])]


def visited(browser: browsers.Browser, wild: Wild, home: Path, seconds: float) -> Wild:
    """Send a browser through the pages, at most for so long; over TLS too if it can be made to trust it."""
    context = _trusted(browser, home) if wild.secure else None
    with (
        hosts.served(wild.answer, context) as port,
        browser.by_proxy(port).visiting(f"http://{_DRIVER}/", home),
    ):
        wild.over.wait(seconds)
    return wild


def _trusted(browser: browsers.Browser, home: Path) -> ssl.SSLContext:
    """Return the context of servers that the browser trusts for all names of these pages."""
    authority = trustme.CA()
    path = home / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*_NAMES).configure_cert(context)
    browser.trust(path, home)
    return context


def main(name: str, seed: str, count: str, file: str) -> int:
    """Capture, and append to the file."""
    browser = {one.name: one for one in (browsers.CHROMIUM, browsers.FIREFOX)}[name]
    with tempfile.TemporaryDirectory() as home:
        wild = visited(browser, Wild(int(seed), int(count), secure=True), Path(home), _PATIENCE)
    with Path(file).open("a", encoding="utf-8") as lines:
        for one in wild.captures:
            line = {
                "browser": name,
                "page": one.case.page,
                "headers": one.case.headers,
                "resources": [resource._asdict() for resource in one.case.resources],
                "redirect_followed": one.redirected,
                "report": one.report,
            }
            lines.write(json.dumps(line) + "\n")
    sys.stdout.write(f"{name}, seed {seed}: {wild.visited} pages, {len(wild.captures)} reports\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
