"""No rule takes for noise what sites embed: the services of ``tests/data/embedded_hosts.txt``."""

from __future__ import annotations

from typing import Final

import pytest

from tests.helpers import paths, payloads
from tests.unit.workers.noise import labels

HOSTS: Final = (paths.DATA / "embedded_hosts.txt").read_text("utf-8").split()


@pytest.mark.parametrize("agent", [payloads.CHROME, payloads.FIREFOX, payloads.SAFARI])
@pytest.mark.parametrize(
    "directive",
    ["script-src-elem", "style-src-elem", "img-src", "font-src", "connect-src", "frame-src", "form-action"],
)
def test_services_that_sites_embed_are_no_noise(directive: str, agent: str) -> None:
    found = {
        host: labels.rule_of(
            payloads.legacy(effective_directive=directive, blocked_uri=f"https://{host}{path}"), agent=agent
        )
        for host in HOSTS
        for path in ("", "/embed/a.js")
    }
    assert {host: rule for host, rule in found.items() if rule} == {}
