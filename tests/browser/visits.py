"""One visit of a real browser to a site that reports to the running system."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

import pytest

from tests.browser import site, tls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.browser.browsers import Browser
    from tests.helpers import harness

ENVIRONMENT: Final = "production"

OVER_TLS: Final = pytest.mark.skipif(
    not shutil.which("certutil"), reason="certutil (libnss3-tools) is not installed"
)


def endpoint(system: harness.System, release: str, base: str = "") -> str:
    """Return the endpoint as a site would write it into its header."""
    own: str = system.project["endpoint"]
    url = base + urlsplit(own).path + "?" + urlsplit(own).query if base else own
    return url + "&" + urlencode({"sentry_environment": ENVIRONMENT, "sentry_release": release})


@contextlib.contextmanager
def over_tls(
    browser: Browser, documents: site.Documents, system: harness.System, release: str, home: Path
) -> Iterator[site.Site]:
    """Keep the browser on a site whose reports go to the system, over TLS that the browser trusts."""
    identity = tls.issue(home)
    browser.trust(identity.authority, home)
    with (
        tls.terminated(identity.context, urlsplit(system.edge_url).port or 0) as front,
        site.served(
            documents,
            endpoint(system, release, f"https://{tls.REPORTS}:{front}"),
            host=tls.SITE,
            tls=identity.context,
        ) as page,
        browser.visiting(f"{page.page}?leave", home),
    ):
        yield page
