"""What happens on the pages of the shop, again and again, while a release or an incident lasts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

from tests.cookbook import calendar, people, wire

T = TypeVar("T")
Makes = Callable[["View"], "wire.Violation | wire.Report"]

ALL: Final = ("8.0", "8.1", "8.2", "8.3", "8.3.1", "8.4")
"""All releases."""


class View(NamedTuple):
    """Somebody looks at a page.

    Attributes:
        at: when, in seconds since the epoch.
        host: scheme and host of the page.
        path: its path.
        release: the release that served it.
        policy: the policy that it enforces.
        nonce: what is different in the strict policy of each page.
    """

    at: float
    host: str
    path: str
    release: calendar.Release
    policy: str
    nonce: str

    @property
    def page(self) -> str:
        """Its URL."""
        return self.host + self.path


class Happening(NamedTuple):
    """Something that happens in a share of the views of some pages.

    Attributes:
        paths: on which pages; empty for all.
        share: in which share of the views.
        makes: returns what is reported of a view.
        releases: in which releases.
        browsers: in which browsers: a text that their user agents hold.
        between: between which times.
    """

    paths: tuple[str, ...]
    share: float
    makes: Makes
    releases: tuple[str, ...] = ALL
    browsers: str = ""
    between: tuple[float, float] = (0, 1e12)

    def is_due(self, view: View, person: people.Person) -> bool:
        """Tell whether it can happen in this view."""
        return (
            (not self.paths or view.path in self.paths)
            and view.release.name in self.releases
            and self.browsers in person.browser.user_agent
            and self.between[0] <= view.at < self.between[1]
        )


def enforced(
    directive: str, blocked: str, source: tuple[str, int, int] = ("", 0, 0), sample: str = ""
) -> Makes:
    """Return what reports a violation of the page's own policy.

    The source file is the page itself if it is ``#``, and on the page's host if it is a path.
    """

    def make(view: View) -> wire.Violation:
        return wire.Violation(directive, blocked, view.policy, "enforce", _here(source, view), sample)

    return make


def reported(
    directive: str, blocked: str, source: tuple[str, int, int] = ("", 0, 0), sample: str = ""
) -> Makes:
    """Return what reports a violation of the strict policy, where pages have it; ``#`` in a sample varies."""

    def make(view: View) -> wire.Violation:
        policy, code = calendar.STRICT.format(nonce=view.nonce), sample.replace("#", view.nonce)
        return wire.Violation(directive, blocked, policy, "report", _here(source, view), code)

    return make


def other(kind: str, url: str = "", **body: Any) -> Makes:
    """Return what reports something of another type, of the page or this URL.

    A value is the URL of the page if it is ``#``, and on the page's host if it is a path.
    """

    def make(view: View) -> wire.Report:
        told = {name: _url(value, view) for name, value in body.items()}
        return wire.Report(kind, told, url)

    return make


def network(url: str, outcome: str, protocol: str = "h2", fraction: float = 1.0, **known: Any) -> Makes:
    """Return what reports how a request to this URL went; of an ``ok``, one in so many is reported."""
    phases = {"dns": "dns", "tcp": "connection", "tls": "connection"}
    body = {
        "elapsed_time": 120,
        "method": "GET",
        "phase": phases.get(outcome.partition(".")[0], "application"),
        "protocol": protocol,
        "referrer": "#",
        "sampling_fraction": fraction,
        "server_ip": "203.0.113.7",
        "status_code": 0,
        "type": outcome,
    }
    return other("network-error", url, **(body | known))


def script_hash(name: str, content: str) -> Makes:
    """Return what reports a script that was loaded, with the hash of some content."""
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return other(
        "csp-hash",
        destination="script",
        documentURL="#",
        hash=f"sha256-{digest}",
        subresourceURL=name,
        type="subresource",
    )


def _here(source: tuple[str, int, int], view: View) -> tuple[str, int, int]:
    file, line, column = source
    return _url(file, view), line, column


def _url(value: T, view: View) -> T | str:
    """Return a value of a report as it is on this page."""
    if not isinstance(value, str):
        return value
    return view.page if value == "#" else view.host + value if value.startswith("/") else value
