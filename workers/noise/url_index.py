"""Finds the rules that a URL meets: by scheme, host, port and path, each compared as a whole.

A rule is looked up by the rarest condition that it has, and only then are its other conditions compared.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from workers.noise import attackers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from workers.noise import rules
    from workers.text import urls

Found = tuple["rules.Rule", ...]

_REMEMBERED: Final = 4096
_ANY_ADDRESS: Final = ("0.0.0.0/0", "::/0")
_SHORTEST_NAME: Final = 9
"""Letters of a bare word that is met as a host too: a page that leaves a / out makes hosts of short ones."""
_NO_NAMES: Final = frozenset({"filesystem", "javascript", "undefined", "view-source"})
"""Words of which pages make hosts by other mistakes."""
_SECOND_LEVEL: Final = frozenset({"ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"})
"""Labels under which the registry of a country sells names."""
_COUNTRY: Final = 2
_NAME: Final = 2
"""Labels of the shortest name that a page may share with a host."""


class URLIndex:
    """Rules that ask for a URL, indexed.

    Args:
        listed: the rules; those that ask for no URL are found by the host of the page alone.
    """

    def __init__(self, listed: Iterable[rules.Rule]) -> None:
        self._schemes: dict[str, list[rules.Rule]] = defaultdict(list)
        self._hosts: dict[str, list[rules.Rule]] = defaultdict(list)
        self._words: dict[str, list[rules.Rule]] = defaultdict(list)
        self._sites: dict[str, list[rules.Rule]] = defaultdict(list)
        self._pages: dict[str, list[rules.Rule]] = defaultdict(list)
        self._networks: list[tuple[rules.Network, rules.Rule]] = []
        self._anywhere: list[rules.Rule] = []
        self.anywhere = functools.lru_cache(_REMEMBERED)(self._at_path)
        self._paths: dict[str, re.Pattern[str]] = {}
        self._except_paths: dict[str, re.Pattern[str]] = {}
        for rule in listed:
            self._add(rule)
        self.of_page = functools.lru_cache(_REMEMBERED)(self._of_page)
        self.of_host = functools.lru_cache(_REMEMBERED)(self._of_host)
        self._remembered = functools.lru_cache(_REMEMBERED)(self._of_url)

    def _add(self, rule: rules.Rule) -> None:
        if rule.paths:
            self._paths[rule.id] = _any_of(rule.paths)
        if rule.except_paths:
            self._except_paths[rule.id] = _any_of(rule.except_paths)
        for page in rule.pages:
            self._pages[page].append(rule)
        for host in rule.hosts:
            self._hosts[host].append(rule)
            self._sites[base_of(host.removeprefix("."))].append(rule)
        networks = _ANY_ADDRESS if rule.embeds_page and not rule.is_placed else rule.networks
        self._networks += [(ipaddress.ip_network(network), rule) for network in networks]
        if rule.is_placed or rule.embeds_page:
            return
        for scheme in rule.schemes:
            self._schemes[scheme].append(rule)
            if _is_name(scheme):
                self._words[scheme].append(rule)
        if rule.paths and not rule.schemes:
            self._anywhere.append(rule)

    def of_url(self, url: urls.URL) -> Found:
        """Return the rules whose conditions on a URL this one meets.

        There are too many URLs to remember all. Without a rule on its host, a URL is not looked at further.
        Rules on a path of all hosts are not found here, but by ``anywhere``.
        """
        if url.text and (not url.host or self.of_host(url.host)):
            return self._remembered(url)
        return ()

    def _of_url(self, url: urls.URL) -> Found:
        scheme = url.text.partition(":")[0] if url.host else url.text
        met = [*self._schemes.get(scheme, ()), *self.of_host(url.host or url.text)]
        return tuple(dict.fromkeys(rule for rule in met if self._meets(rule, scheme, url)))

    def _meets(self, rule: rules.Rule, scheme: str, url: urls.URL) -> bool:
        return (
            (not rule.schemes or scheme in rule.schemes or url.host.rstrip(".") in rule.schemes)
            and (not rule.ports or url.port in rule.ports)
            and (not rule.paths or self._paths[rule.id].fullmatch(url.path) is not None)
            and (not rule.except_paths or self._except_paths[rule.id].fullmatch(url.path) is None)
        )

    def _at_path(self, path: str) -> Found:
        """Return the rules that are about this path on all hosts."""
        return tuple(rule for rule in self._anywhere if self._paths[rule.id].fullmatch(path))

    def _of_host(self, name: str) -> Found:
        """Return the rules that name this host or its network, whatever their other conditions are."""
        host = name.rstrip(".")
        found = [rule for known in domains(host) for rule in self._hosts.get(known, ())]
        found += self._words.get(host, ())
        address = _address(host)
        if address is not None:
            found += [rule for network, rule in self._networks if address in network]
        return tuple(dict.fromkeys(found))

    def of_site(self, page: str) -> Found:
        """Return the rules that name a host of the same owner as this page, as far as names tell."""
        base = base_of(page)
        return () if base in attackers.RENTED else tuple(self._sites.get(base, ()))

    def _of_page(self, name: str) -> Found:
        """Return the rules that are about pages on this host."""
        found = [rule for known in domains(name.rstrip(".")) for rule in self._pages.get(known, ())]
        return tuple(dict.fromkeys(found))


def embeds(path: str, page: str) -> bool:
    """Return whether a path names the host of the page, its domain, or a host below that."""
    own = page.removeprefix("www.")
    if not own:
        return False
    segments = (segment.lower().partition(":")[0] for segment in path.split("/"))
    return any(
        segment == own
        or segment.endswith(f".{own}")
        or (own.endswith(f".{segment}") and segment.count(".") >= _NAME - 1)
        for segment in segments
    )


def base_of(host: str) -> str:
    """Return the domain that a registry sold, as far as the last names tell; an address is its own."""
    names = host.rstrip(".").split(".")
    if names[-1].isdigit() or ":" in host:
        return host
    longer = len(names) > _NAME and names[-2] in _SECOND_LEVEL and len(names[-1]) == _COUNTRY
    return ".".join(names[-_NAME - longer :])


def is_private(host: str) -> bool:
    """Return whether a host is an address that the internet does not route to."""
    address = _address(host)
    return address is not None and not address.is_global


def _is_name(word: str) -> bool:
    """Return whether a bare word may stand as a host in a URL, and is nothing that pages make hosts of."""
    return word not in _NO_NAMES and ("." in word or "-" in word or len(word) >= _SHORTEST_NAME)


def domains(host: str) -> Iterator[str]:
    """Yield a host as rules write it: itself, and with a dot before it itself and each of its parents."""
    yield host
    rest = host
    while rest:
        yield f".{rest}"
        rest = rest.partition(".")[2]


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if not host[:1].isdigit() and not host.startswith("["):
        return None
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _any_of(paths: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_pattern, paths)), re.DOTALL)


def _pattern(path: str) -> str:
    """Return the expression of a path: it means all below it too, but never a longer name."""
    expression = ".*".join(map(re.escape, path.split("*")))
    return expression + (".*" if path.endswith("/") else "(?:/.*)?")
