"""The means of an attacker. No rule may ask for those alone, because such a rule would hide attacks.

An attacker has hosts with any path on them, and writes code. An attacker has no host of others and no scheme
of an extension, and does not choose the browser of the victim.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from storage import errors

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
_OWN_PREFIX: Final = {4: 24, 6: 48}
"""Bits of the prefix of a public network that has one owner: providers route no longer prefixes."""
_RENTED: Final = (
    *("akamaihd.net", "amazonaws.com", "appspot.com", "azureedge.net", "azurefd.net"),
    *("azurestaticapps.net", "azurewebsites.net", "b-cdn.net", "blogspot.com", "cloudapp.azure.com"),
    *("cloudfront.net", "core.windows.net", "codesandbox.io", "csb.app", "deno.dev"),
    *("digitaloceanspaces.com", "duckdns.org", "elasticbeanstalk.com", "fastly.net", "firebaseapp.com"),
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

    No directive is exempt from the conditions on hosts and paths: even a blocked image would have told a
    server what stood in its URL.

    Raises:
        RuleError: an attacker can meet the rule.
    """
    if rule.has_agent or rule.impossible:
        return
    if not (rule.hosts or rule.networks):
        if rule.paths:
            raise RuleError(f"{rule.id} needs a host= beside path=: anybody can have a path on his own host.")
        for scheme in rule.schemes:
            _require_scheme(rule, scheme)
    for host in rule.hosts:
        _require_host(rule, host)
    for network in rule.networks:
        _require_network(rule, network)


def _require_scheme(rule: rules.Rule, scheme: str) -> None:
    if scheme in NETWORK_SCHEMES:
        raise RuleError(f"{rule.id} matches everything: scheme={scheme} needs a host= beside it.")
    if scheme in _WRITTEN and not (rule.directives and set(rule.directives) <= set(_INERT)):
        raise RuleError(
            f"{rule.id} would match what an attacker writes into a page: scheme={scheme} is for "
            f"{', '.join(f'directive={name}' for name in _INERT)} only."
        )


def _require_host(rule: rules.Rule, host: str) -> None:
    if host.startswith(".") and any(f".{rented}".endswith(host) for rented in _RENTED):
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
