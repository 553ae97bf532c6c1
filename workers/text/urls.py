"""URLs as they may be stored: no user info, query or fragment, which hold secrets; bounded in length.

Senders also write bare keywords and schemes where a URL is due (``inline``, ``data``, ``chrome-extension``).
These are kept. No function raises, whatever the text.
"""

from __future__ import annotations

import re
from typing import Final

import ada_url
import msgspec

from workers.text import cleaning as text
from workers.text import spelling

MAX_URL: Final = 2048
"""Characters of a stored URL: longer URLs are made by machines, and their ends tell nothing."""
_MAX_INPUT: Final = 4096
"""Characters that are parsed. A text may be a whole ``data:`` image, of which only the scheme is kept."""
_MAX_HOST: Final = 253
"""Characters of a DNS name (RFC 1035 §2.3.4)."""

_NETWORK_SCHEMES: Final = frozenset({"http", "https", "ws", "wss", "ftp"})
VERBATIM: Final = frozenset({"data:text/html,chromewebdata"})  # Chrome's own error page: a fact, no content
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_KEYWORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,63}")
_ADDRESS: Final = re.compile(r"((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?::[0-9]{1,5})?")
"""A URL without its scheme whose host is an address. A host name would read as a keyword, or as a scheme."""
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]{0,63}):")
_PLAIN: Final = re.compile(
    r"((?:https?|wss?)://((?:[a-z0-9-]++\.)*+[a-z][a-z0-9-]*+)(?::[1-9][0-9]{3})?)"
    r"(/[A-Za-z0-9/_~!$&'()*+,;=:@.%-]*+)?(?:[?#]|\Z)"
)
"""A URL to the end of its path. The host is no number, and no scheme has a default port of four digits."""
_NO_HOST: Final = re.compile(r"[\x00-\x20\x7f-\x9f/\\?#@]")


class URL(msgspec.Struct, frozen=True, gc=False):
    """A cleaned URL: its text, its host (ASCII, lower case) and its path. A keyword has only a text."""

    text: str
    host: str
    path: str

    @property
    def port(self) -> int:
        """The port that the text names; 0 for none, and so for the default port of a scheme."""
        digits = self.text.partition(f"://{self.host}:")[2].partition("/")[0]
        return int(digits) if digits.isdecimal() else 0


NONE: Final = URL("", "", "")
"""No URL: the text was empty, or no parser makes sense of it."""


def clean(value: str) -> URL:
    """Return the URL without user info, query and fragment, or the keyword; ``NONE`` if it is neither.

    A URL of a scheme without a network host (``data:``, ``blob:``, an extension's) becomes its bare scheme.
    """
    sent = _CONTROLS.sub("", value[:_MAX_INPUT]).strip()
    if "\\" in sent:  # or what a script spells "\\x3f" would be read as a directory x3f
        sent = spelling.plain(sent)
    if _KEYWORD.fullmatch(sent):
        return URL(sent.lower(), "", "")
    scheme = _SCHEME.match(sent)
    if scheme is None:
        address = _ADDRESS.fullmatch(sent)
        return URL(address[1], "", "") if address else NONE
    if scheme[1].lower() in _NETWORK_SCHEMES:
        return _clean_network(sent)
    return URL(sent if sent in VERBATIM else scheme[1].lower(), "", "")


def stored(text: str) -> URL:
    """Return the URL whose text ``clean`` returned, without cleaning it again."""
    _, separator, rest = text.partition("://")
    if not separator:
        return URL(text, "", "")
    authority, slash, path = rest.partition("/")
    host, _, port = authority.rpartition(":")
    return URL(text, host if host and port.isdecimal() else authority, slash + path)


def plain(value: str) -> URL | None:
    """Return what ``clean`` does, ten times faster, for a URL that is canonical already; else None.

    Nearly all URLs are canonical. Query and fragment are not looked at, so they may hold JSON escapes.
    """
    match = _PLAIN.match(value)
    if match is None:
        return None
    origin, name, path = match.groups(default="/")
    if len(name) > _MAX_HOST or len(origin) + len(path) > MAX_URL:
        return None
    if "xn--" in name or "/." in path or "%2" in path:  # an IDN to check, or what may be a dot segment
        return None
    return URL(origin + path, name, path)


def host(name: str) -> str:
    """Return a bare host name in its canonical form (lower case, IDN as A-label), or "" if it is none."""
    if not name or len(name) > _MAX_HOST or _NO_HOST.search(name):
        return ""
    bracketed = f"[{name}]" if ":" in name and not name.startswith("[") else name
    try:
        parts = ada_url.parse_url(f"https://{bracketed}/", attributes=("hostname", "port"))
    except ValueError:
        return ""
    return "" if parts["port"] else str(parts["hostname"])


def _clean_network(sent: str) -> URL:
    try:
        parts = ada_url.parse_url(sent, attributes=("protocol", "host", "hostname", "pathname"))
    except ValueError:
        return NONE
    if len(parts["hostname"]) > _MAX_HOST:
        return NONE
    whole = f"{parts['protocol']}//{parts['host']}{parts['pathname']}"
    if len(whole) > MAX_URL:
        return _clean_network(text.cut(whole, MAX_URL))  # parsed again: it may end in "/.." now
    return URL(whole, parts["hostname"], parts["pathname"])
