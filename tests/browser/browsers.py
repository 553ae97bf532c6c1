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

from deploy.processes import die_with_parent

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
        command: how to open a URL, given the home directory and the port of a proxy on loopback that is asked
            for every URL; 0 for none.
        proxy: that port.
    """

    name: str
    executable: str
    families: frozenset[str]
    certificates: str
    command: Callable[[Path, str, int], list[str]]
    proxy: int = 0

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

    def by_proxy(self, port: int) -> Browser:
        """Return the browser as it asks the proxy on this port of loopback for everything."""
        return self._replace(proxy=port)

    @contextlib.contextmanager
    def visiting(self, url: str, home: Path) -> Iterator[None]:
        """Keep the URL open; everything the browser started ends with the context."""
        command = self.command(home, url, self.proxy)
        with (home / f"{self.name}.log").open("wb") as log:
            process = subprocess.Popen(
                [*_BOUND_TO_PARENT, str(os.getpid()), *command],
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


def _chromium(home: Path, url: str, proxy: int) -> list[str]:
    network = ["--no-proxy-server"]
    if proxy:
        network = [f"--proxy-server=http://127.0.0.1:{proxy}", "--proxy-bypass-list=<-loopback>"]
    return ["chromium", *_CHROMIUM_FLAGS, *network, f"--user-data-dir={home / 'chromium'}", url]


def _firefox(home: Path, url: str, proxy: int) -> list[str]:
    profile = home / "firefox"
    profile.mkdir(exist_ok=True)
    preferences = {**_FIREFOX_PREFERENCES, **(_firefox_network(proxy) if proxy else {})}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items()]
    (profile / "user.js").write_text("\n".join(lines))
    return ["firefox-esr", "--headless", "--no-remote", "--profile", str(profile), url]


def _firefox_network(proxy: int) -> dict[str, object]:
    hosts = {f"network.proxy.{side}": "127.0.0.1" for side in ("http", "ssl")}
    ports = {f"network.proxy.{side}_port": proxy for side in ("http", "ssl")}
    return {"network.proxy.type": 1, "network.proxy.allow_hijacking_localhost": True, **hosts, **ports}


CHROMIUM: Final = Browser(
    "chromium", "chromium", frozenset({"Chrome", "HeadlessChrome"}), ".pki/nssdb", _chromium
)
FIREFOX: Final = Browser("firefox", "firefox-esr", frozenset({"Firefox"}), "firefox", _firefox)
