"""The means of an attacker. No rule may ask for those alone, because such a rule would hide attacks.

An attacker has hosts with any path on them, and writes code. An attacker has no host of others and no scheme
of an extension, and does not choose the browser of the victim.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from storage import errors
from workers.noise import agent_matches

if TYPE_CHECKING:
    from workers.noise import rules

NETWORK_SCHEMES: Final = frozenset({"http", "https", "ws", "wss", "ftp"})
"""Schemes whose URLs have a host."""
_WRITTEN: Final = frozenset(
    {"inline", "eval", "wasm-eval", "self", "data", "blob", "filesystem", "javascript"}
    | {"trusted-types-sink", "trusted-types-policy"}
)
"""Words for blocked code or content that is part of the page or of a URL."""
_INERT: Final = ("font-src", "img-src", "media-src", "style-src-attr")
"""Directives on resources that neither run nor tell anybody anything, if part of a page or a URL."""
_PASSIVE: Final = ("font-src", "img-src", "media-src")
"""Directives on resources that neither run nor are a page, for rules that know no host."""
_FEWEST_MEMBERS: Final = 2
"""Members of a query that a rule must ask for if it knows no host: one alone has every tracker."""
_SHORTEST_BEGINNING: Final = 6
_LONGEST_BEGINNING: Final = 40
"""Characters of a sample that all browsers send (CSP3 §2.4)."""
_COMMON_AGENTS: Final = frozenset(
    {"applewebkit", "chrome", "crios", "edg", "edge", "firefox", "fxios", "gecko", "mobile", "mozilla"}
    | {"opera", "opr", "safari", "samsungbrowser", "version"}
)
"""Words of the user agents of browsers that people use."""
_MAINSTREAM: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{0}.0 Edg/{0}.0",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{0}.0 Mobile Safari/1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.7",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
)
"""User agents of browsers that most people use, as far as rules look at them."""
_MAINSTREAM_VERSIONS: Final = (120, 148)
_TOLD_ALONE: Final = frozenset({"test_report"})
"""Details that make a report noise by themselves: the sender says so of an own report."""
_LETTERS: Final = re.compile(r"[A-Za-z]{2}")
_OWN_PREFIX: Final = {4: 24, 6: 48}
"""Bits of the prefix of a public network that has one owner: providers route no longer prefixes."""
RENTED: Final = (
    *("akamaihd.net", "amazonaws.com", "appspot.com", "azureedge.net", "azurefd.net"),
    *("azurestaticapps.net", "azurewebsites.net", "b-cdn.net", "blogspot.com", "cloudapp.azure.com"),
    *("cloudfront.net", "core.windows.net", "codesandbox.io", "csb.app", "deno.dev"),
    *("digitaloceanspaces.com", "duckdns.org", "dyndns.org", "elasticbeanstalk.com", "fastly.net"),
    *("firebaseapp.com", "hwcdn.net", "rsc.cdn77.org"),
    *("fly.dev", "github.io", "githubusercontent.com", "gitlab.io", "glitch.me", "googleusercontent.com"),
    *("herokuapp.com", "hf.space", "lambda-url.us-east-1.on.aws", "loca.lt", "myshopify.com"),
    *("netlify.app", "ngrok.io", "ngrok.app", "ngrok.dev", "ngrok-free.app", "nip.io", "onrender.com"),
    *("pages.dev", "r2.dev", "render.com", "repl.co", "replit.app", "replit.dev", "run.app", "sslip.io"),
    *("storage.googleapis.com", "stackblitz.io", "supabase.co", "surge.sh", "trycloudflare.com"),
    *("vercel.app", "web.app", "webcontainer.io", "webflow.io", "wixsite.com", "wixstudio.com"),
    *("wordpress.com", "workers.dev"),
)
"""Domains below which anybody gets a name: the best known in the private part of the Public Suffix List."""
_OPEN: Final = (
    *(
        "bitbucket.org",
        "cdn.jsdelivr.net",
        "commondatastorage.googleapis.com",
        "docs.google.com",
        "esm.sh",
        "gist.github.com",
        "raw.githubusercontent.com",
    ),
    *("s3.amazonaws.com", "script.google.com", "sites.google.com", "storage.googleapis.com", "unpkg.com"),
)
"""Hosts on which anybody gets a folder."""
_FOLDER: Final = re.compile(r"/[^*/]")


class RuleError(errors.HeadraceError):
    """A rule cannot be read, would match far too much, or could be met by an attacker."""


def require_unforgeable(rule: rules.Rule) -> None:
    """Refuse a rule that an attacker can meet with hosts, paths and code of their own.

    A path and a query excuse nothing without a host, for no directive: even a blocked image would have told a
    server what stood in its URL. One kind of rule is looser, ``Rule.is_loose``, and drops nothing unasked.

    Raises:
        RuleError: an attacker can meet the rule.
    """
    for host in (*rule.pages, *rule.policies):
        _require_host(rule, host)
    for start in (*rule.source_starts, *rule.sample_starts):
        _require_beginning(rule, start)
    if rule.pages or rule.impossible or _has_rare_agent(rule):
        return
    if rule.is_loose:
        _require_passive(rule)
    elif not rule.is_placed:
        if rule.paths:
            raise RuleError(f"{rule.id} needs a host= beside path=: anybody can have a path on his own host.")
        for scheme in rule.schemes:
            _require_scheme(rule, scheme)
    for host in rule.hosts:
        _require_host(rule, host)
    for network in rule.networks:
        _require_network(rule, network)
    _require_more_than_details(rule)


def _has_rare_agent(rule: rules.Rule) -> bool:
    """Return whether the rule asks for a user agent that few people have, and no attacker can choose."""
    asks = bool(rule.before or rule.agents)
    return asks and _COMMON_AGENTS.isdisjoint(rule.agents) and not has_common_agent(rule)


def has_common_agent(rule: rules.Rule) -> bool:
    """Return whether a browser that most people use meets the conditions of the rule on user agents."""
    matches = agent_matches.AgentMatches((rule,))
    return any(
        matches.of(browser.format(version)) for browser in _MAINSTREAM for version in _MAINSTREAM_VERSIONS
    )


def _require_passive(rule: rules.Rule) -> None:
    """Refuse a rule about all hosts unless what it matches does not run, and looks like nothing else.

    An attacker who knows the rules can still write such a URL. So the rule hides at most a picture.
    """
    if not (rule.directives and set(rule.directives) <= set(_PASSIVE)):
        names = ", ".join(f"directive={name}" for name in _PASSIVE)
        raise RuleError(f"{rule.id} is about all hosts, so that it is for {names} only.")
    if rule.schemes or not (rule.paths and all(map(_FOLDER.match, rule.paths))):
        raise RuleError(f"{rule.id} is about all hosts, so that it needs a path= that begins with a folder.")
    if rule.queries and len(set(rule.queries)) < _FEWEST_MEMBERS:
        raise RuleError(
            f"{rule.id} is about all hosts, so that it needs at least {_FEWEST_MEMBERS} different query=."
        )


def _require_beginning(rule: rules.Rule, text: str) -> None:
    """Refuse the beginning of a sample or a source file that much else begins with."""
    if not _SHORTEST_BEGINNING <= len(text) <= _LONGEST_BEGINNING or not _LETTERS.search(text):
        raise RuleError(
            f"{rule.id} has the beginning {text!r}: a beginning has {_SHORTEST_BEGINNING} to "
            f"{_LONGEST_BEGINNING} characters, letters among them."
        )
    if text in rule.source_starts:
        scheme = text.lower().partition(":")[0]
        if scheme in NETWORK_SCHEMES | _WRITTEN | {"about"}:
            raise RuleError(f"{rule.id} has the beginning {text!r}, which source files of pages have.")


def _require_more_than_details(rule: rules.Rule) -> None:
    alone = not (rule.has_url or rule.has_sample or rule.source_starts)
    if alone and not _TOLD_ALONE.issuperset(rule.details):
        raise RuleError(f"{rule.id} needs more than details: it would match reports of all kinds.")


def _require_scheme(rule: rules.Rule, scheme: str) -> None:
    if scheme in NETWORK_SCHEMES:
        raise RuleError(f"{rule.id} matches everything: scheme={scheme} needs a host= beside it.")
    if scheme in _WRITTEN and not (rule.directives and set(rule.directives) <= set(_INERT)):
        raise RuleError(
            f"{rule.id} would match what an attacker writes into a page: scheme={scheme} is for "
            f"{', '.join(f'directive={name}' for name in _INERT)} only."
        )


def _require_host(rule: rules.Rule, host: str) -> None:
    if host.startswith(".") and any(f".{rented}".endswith(host) for rented in RENTED):
        raise RuleError(f"{rule.id} is far too broad: anybody can have a host below {host[1:]}.")
    is_open = any(f".{known}".endswith(host) if host.startswith(".") else known == host for known in _OPEN)
    if is_open and not (rule.paths and all(map(_FOLDER.match, rule.paths))):
        raise RuleError(
            f"{rule.id} needs a path= beside host={host} that names a folder: anybody can have one there."
        )


def _require_network(rule: rules.Rule, text: str) -> None:
    network = ipaddress.ip_network(text)
    longest = _OWN_PREFIX[network.version]
    if network.is_global and network.prefixlen < longest:
        raise RuleError(
            f"{rule.id} names a network that many share, {text}: anybody can have a host there. A public "
            f"network has a prefix of at least {longest} bits."
        )
