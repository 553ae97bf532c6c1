"""Folding: what varies from visitor to visitor, from page to page or from deploy to deploy becomes ``*``.

The texts are scrubbed by all rules. Each function remembers its answers: few texts make most of the reports.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import Final

_ENTRIES: Final = 4096
"""How many texts of each sort are remembered."""

_WORD: Final = r"(?<![A-Za-z0-9])"
_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ANYWHERE: Final = (
    r"\{[a-z-]+\}"  # what scrubbing put there
    rf"|{_UUID}"
    r"|(?<=[.-])(?=[\w-]{0,7}(?:\d|[a-z_][A-Z]))[\w-]{8}(?=\.(?:m?js|css)\Z)"  # index-B_x9-k2a.js
    rf"|{_WORD}(?=[A-Fa-f]*\d|[A-Fa-f]{{8}})[0-9A-Fa-f]{{4,}}(?![A-Za-z0-9])"  # app.3f9a1c.js
    rf"|{_WORD}(?=[A-Za-z0-9]*\d[A-Za-z])[A-Za-z0-9]{{6,}}"  # d1g2h3xyz
)
_IN_CODE: Final = re.compile(rf"{_ANYWHERE}|\d+", re.ASCII)
_IN_HOST: Final = re.compile(
    rf"{_ANYWHERE}|{_WORD}(?=[A-Za-z]*\d)[A-Za-z0-9]{{16,}}|\d+",  # kqzjxwvtrplsmnbd42.tracker.example
    re.ASCII,
)
_IN_PATH: Final = re.compile(
    rf"{_ANYWHERE}|(?<=[.-])[A-Z]{{8}}(?=\.(?:m?js|css)\Z)|\d+",  # chunk-QWERTYUI.js
    re.ASCII,
)
_REPEATED: Final = re.compile(r"\*(?:[._-]\*)+")
_IN_NAME: Final = re.compile(
    rf"\{{[a-z]+\}}|{_UUID}|{_WORD}(?=[A-Fa-f]*\d)[0-9A-Fa-f]{{8,}}(?![A-Za-z0-9])|\d{{3,}}", re.ASCII
)
"""The ids in a name that a browser or a page gave. ``WebComponentsV0`` is a name, and stays."""

_OWN_NETWORK: Final = tuple(
    ipaddress.ip_network(block)
    for block in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"),
        *("fc00::/7", "fe80::/10"),
    )
)
"""Addresses within a visitor's own network (RFC 1918, 3927, 6598, 4193, 4291)."""
OWN_NETWORK: Final = "'own network'"
"""The replacement for an address in the visitor's own network."""

_LANGUAGES: Final = (
    "ar|bg|bs|ca|cs|da|de|el|en|es|et|eu|fa|fi|fr|gl|he|hi|hr|hu|id|it|ja|ko|lt|lv|mk|ms|nb|nl|no|pl|pt|ro|ru"
    "|sk|sl|sq|sr|sv|th|tr|uk|ur|vi|zh"
)
_LOCALE: Final = rf"(?:{_LANGUAGES})(?:[-_](?:[a-z]{{2}}|[a-z]{{4}})){{0,2}}"
_LOCALE_FOLDER: Final = re.compile(_LOCALE, re.ASCII | re.IGNORECASE)
_LOCALE_OF_FILE: Final = re.compile(rf"(?<=[._-]){_LOCALE}(?=\.)", re.ASCII | re.IGNORECASE)
"""The language of a file that is built once for each: ``messages.de.js``."""
_PERSONAL: Final = re.compile(
    "accounts|authors|clients|customers|members|organizations|orgs|people|profiles|teams|tenants?|u|users?|workspaces",
    re.IGNORECASE,
)
"""Folders in which each folder is of one person or one customer."""
_COMMON: Final = re.compile(
    "admin|api|apps?|assets|build|bundles?|common|components|css|dist|images|img|js|libs?|modules|pages|public"
    "|scripts|shared|src|static|styles|vendor|views|",
    re.IGNORECASE,
)
"""Folders that belong to nobody, wherever they lie."""


@functools.lru_cache(maxsize=_ENTRIES)
def host(name: str) -> str:
    """Return the host with the variable parts of its subdomains folded, ``*.cloudfront.net``."""
    labels = name.split(".")
    if labels[-1].isdigit() or name.endswith("]"):
        return OWN_NETWORK if _is_in_own_network(name.strip("[]")) else name
    *subdomains, _, _ = labels if len(labels) > 1 else ["", name]
    count = len(subdomains)
    if count and len(labels[-1]) == 2 and len(labels[-2]) <= 3:  # noqa: PLR2004 - like .co.uk
        count -= 1
    return ".".join([*(_folded(_IN_HOST, label) for label in labels[:count]), *labels[count:]])


@functools.lru_cache(maxsize=_ENTRIES)
def path(sent: str) -> str:
    """Return the path of a file without what names a person, a language, a version or a build."""
    *folders, file = sent.split("/")
    kept = [_folder(folder, before) for before, folder in zip(["", *folders], folders, strict=False)]
    return _folded(_IN_PATH, "/".join([*kept, _LOCALE_OF_FILE.sub("*", file)]))


@functools.lru_cache(maxsize=_ENTRIES)
def name(said: str) -> str:
    """Return a name that a browser or a page gave, ``WebComponentsV0``, without numbers and ids in it."""
    return _IN_NAME.sub("*", said)


def code(said: str) -> str:
    """Return code without placeholders, ids, tokens and numbers."""
    return _folded(_IN_CODE, said)


def _folder(folder: str, before: str) -> str:
    if folder.startswith("~") or _LOCALE_FOLDER.fullmatch(folder):
        return "*"
    is_personal = _PERSONAL.fullmatch(before) and not _COMMON.fullmatch(folder)
    return "*" if is_personal else folder


def _is_in_own_network(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in block for block in _OWN_NETWORK)


def _folded(variable: re.Pattern[str], said: str) -> str:
    return _REPEATED.sub("*", variable.sub("*", said))
