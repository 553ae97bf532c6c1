"""For each shipped noise rule, reports that it is there for."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

from tests.helpers import payloads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.noise import rules

PAGE: Final = "https://www.example.com/account"
_FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"
_WRITTEN: Final[dict[str, dict[str, Any]]] = {
    "firefox-undefined": {"blocked_uri": "", "script_sample": ";undefined"},
    "eval-allowed": {"blocked_uri": "eval", "original_policy": "script-src 'unsafe-eval'"},
    "rewritten-policy": {"blocked_uri": PAGE, "original_policy": "img-src *"},
}
"""Members of reports for rules that ask for more than one thing of a kind."""


def of(rule: rules.Rule) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield reports that a rule is there for, one for each value that it names, and their user agents."""
    for members in _members(rule):
        directive = rule.directives[0] if rule.directives else _directive(members)
        yield payloads.legacy(**{"effective_directive": directive, **members}), _agent(rule)


def _agent(rule: rules.Rule) -> str:
    """Return a user agent that the rule asks for."""
    if "firefox" in (*rule.before, *rule.agents):
        return _FIREFOX.format(rule.before.get("firefox", 100) - 1)
    if "chrome" in rule.before:
        return payloads.CHROME.replace("Chrome/148", f"Chrome/{rule.before['chrome'] - 1}")
    return f"Mozilla/5.0 (compatible; {rule.agents[-1]}/1.0)" if rule.agents else payloads.CHROME


def _directive(members: dict[str, Any]) -> str:
    """Return the directive under which such a thing is blocked."""
    return "script-src" if members.get("blocked_uri") in {"", "eval", "inline"} else "img-src"


def _members(rule: rules.Rule) -> Iterator[dict[str, Any]]:
    if rule.id in _WRITTEN:
        yield _WRITTEN[rule.id]
        return
    for text in (*rule.samples, *rule.sample_starts):
        yield {"blocked_uri": "inline", "script_sample": text}
    for text in rule.source_starts:
        yield {"blocked_uri": "inline", "source_file": text}
    for page in rule.pages:
        mirror = f"https://{_below(page)}/www.example.com/account"
        yield {"document_uri": mirror, "blocked_uri": "https://www.example.com/style.css"}
    for agent in rule.agents if not (rule.has_url or rule.has_sample) else ():
        yield {"user_agent": agent}
    yield from _at_urls(rule)


def _at_urls(rule: rules.Rule) -> Iterator[dict[str, Any]]:
    """Yield a report for each URL that a rule asks for."""
    member = "source_file" if rule.only == "source_file" else "blocked_uri"
    query = "?" + "&".join(f"{name}=1" for name in rule.queries) if rule.queries else ""
    for url in _urls(rule):
        members = {member: url + query if "//" in url else url}
        if member == "source_file":
            members["blocked_uri"] = "inline"
        if rule.everywhere:
            members["document_uri"] = url.replace("ws://", "http://")
        if rule.embedded:
            members["source_file"] = "chrome-extension"
        yield members


def _urls(rule: rules.Rule) -> Iterator[str]:
    paths = [path.replace("*/", "/a/").replace("*", "/a") for path in rule.paths] or ["/a.png"]
    port = f":{rule.ports[0]}" if rule.ports else ""
    scheme = rule.schemes[0] if rule.schemes and (rule.hosts or rule.networks) else "https"
    hosts = [*map(_below, rule.hosts), *map(_first, rule.networks)]
    if rule.embeds_page:
        hosts, paths = ["203.0.113.9"], [f"{path}www.example.com/a.png" for path in rule.paths or ("/",)]
    if not hosts and rule.paths:
        hosts = ["never-seen.example"]
    yield from (f"{scheme}://{host}{port}{path}" for host in hosts for path in paths)
    if not hosts:
        yield from rule.schemes


def _below(host: str) -> str:
    return f"a{host}" if host.startswith(".") else host


def _first(network: str) -> str:
    address = ipaddress.ip_network(network)[1 if "/" in network and not network.endswith("/128") else 0]
    return f"[{address}]" if address.version == 6 else str(address)
