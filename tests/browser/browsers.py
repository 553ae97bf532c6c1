"""How each real browser is started on one URL: fresh profile, and never a packet off this machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from deploy import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_CHROMIUM_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--short-reporting-delay",
    "--disable-popup-blocking",
    "--js-flags=--max-old-space-size=64",  # MiB: a page that fills its memory dies within a second
    "--host-resolver-rules=MAP gone.site.test ~NOTFOUND, MAP * 127.0.0.1",
)
_FIREFOX_PREFERENCES: Final = {
    "network.dns.forceResolve": "127.0.0.1",
    "network.proxy.type": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "dom.reporting.delivering.timeout": 1,
    "dom.reporting.cleanup.timeout": 3600,
    # Firefox knows feature-policy-violation but keeps it, and the header that it is about, switched off.
    "dom.reporting.featurePolicy.enabled": True,
    "dom.security.featurePolicy.header.enabled": True,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "toolkit.telemetry.enabled": False,
}

_BOUND_TO_PARENT: Final = (sys.executable, "-I", "-S", die_with_parent.__file__)
"""A test run that is killed leaves no browser behind."""


class Browser(NamedTuple):
    """One browser.

    Attributes:
        name: for test names.
        executable: what it is called on PATH.
        families: how its user agent is classified.
        certificates: its NSS database, relative to the home directory.
        command: how to open a URL, given the home directory.
    """

    name: str
    executable: str
    families: frozenset[str]
    certificates: str
    command: Callable[[Path, str], list[str]]

    def is_installed(self) -> bool:
        """Tell whether it can be started here."""
        return shutil.which(self.executable) is not None

    def trust(self, certificate: Path, home: Path) -> None:
        """Make it trust a certificate authority."""
        database = home / self.certificates
        database.mkdir(parents=True, exist_ok=True)
        certutil = ["certutil", "-d", f"sql:{database}"]
        subprocess.run([*certutil, "-N", "--empty-password"], check=True)
        subprocess.run([*certutil, "-A", "-n", "test", "-t", "C,,", "-i", str(certificate)], check=True)

    @contextlib.contextmanager
    def visiting(self, url: str, home: Path) -> Iterator[None]:
        """Keep the URL open; everything the browser started ends with the context."""
        with (home / f"{self.name}.log").open("wb") as log:
            process = subprocess.Popen(
                [*_BOUND_TO_PARENT, str(os.getpid()), *self.command(home, url)],
                env=os.environ | {"HOME": str(home), "MOZ_CRASHREPORTER_DISABLE": "1"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                yield
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _chromium(home: Path, url: str) -> list[str]:
    return ["chromium", *_CHROMIUM_FLAGS, f"--user-data-dir={home / 'chromium'}", url]


def _firefox(home: Path, url: str) -> list[str]:
    profile = home / "firefox"
    profile.mkdir(exist_ok=True)
    lines = [
        f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in _FIREFOX_PREFERENCES.items()
    ]
    (profile / "user.js").write_text("\n".join(lines))
    return ["firefox-esr", "--headless", "--no-remote", "--profile", str(profile), url]


CHROMIUM: Final = Browser(
    "chromium", "chromium", frozenset({"Chrome", "HeadlessChrome"}), ".pki/nssdb", _chromium
)
FIREFOX: Final = Browser("firefox", "firefox-esr", frozenset({"Firefox"}), "firefox", _firefox)
