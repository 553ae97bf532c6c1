"""URLs as they may be stored: no user info, query or fragment, which hold secrets; bounded in length.

Senders also write bare keywords and schemes where a URL is due (``inline``, ``data``, ``chrome-extension``),
and hosts without a scheme (``www.example.com/a``). These are kept. No function raises, whatever the text.
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
_AROUND: Final = " \t\n\r'\"<>`"
"""Blanks and quotes, which are no part of what stands between them: ``'self'``."""
_KEYWORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,63}")
_BARE: Final = re.compile(
    r"(?://)?(?P<host>(?P<name>[^\x00-\x20/?#@:\\\[\]%]{1,253})\.(?P<top>[Xx][Nn]--[A-Za-z0-9-]{1,59}|[^\x00-@\[-`{-\x9f]{2,24})"
    r"|(?:[0-9]{1,3}\.){3}[0-9]{1,3}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?(?=[/?#]|\Z)"
)
"""A URL without its scheme: a name with a dot, or an address."""
_ADDRESS_6: Final = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_COLONS_6: Final = 7
_APP: Final = frozenset({"com", "org", "net", "io", "me", "edu", "gov"})
"""Words with which the names of apps begin (``com.lge.browser``): host names end with them."""
_COUNTRY: Final = 2
"""Letters of a country's domain."""
_WORDS: Final = frozenset({"uc.gre"})
"""Words with a dot by which browsers call their own parts."""
_FILES: Final = frozenset(
    {
        *(
            "js",
            "mjs",
            "cjs",
            "jsx",
            "ts",
            "tsx",
            "css",
            "scss",
            "less",
            "html",
            "htm",
            "xhtml",
            "php",
            "asp",
        ),
        *("aspx", "jsp", "json", "map", "wasm", "svg", "png", "jpg", "jpeg", "gif", "webp", "ico", "woff"),
        *("ttf", "otf", "xml", "txt", "pdf", "vue", "bundle", "min", "chunk"),
    }
)
"""Ends of file names: a file without its address is no host."""
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
        _, separator, rest = self.text.partition("://")
        digits = (rest if separator else self.text).removeprefix(f"{self.host}:").partition("/")[0]
        return int(digits) if digits.isdecimal() else 0


NONE: Final = URL("", "", "")
"""No URL: the text was empty, or no parser makes sense of it."""


def clean(value: str) -> URL:
    """Return the URL without user info, query and fragment, or the keyword; ``NONE`` if it is neither.

    A URL of a scheme without a network host (``data:``, ``blob:``, an extension's) becomes its bare scheme.
    """
    sent = _CONTROLS.sub("", value[:_MAX_INPUT]).strip(_AROUND)
    if "\\" in sent:  # or what a script spells "\\x3f" would be read as a directory x3f
        sent = spelling.plain(sent)
    if ("." in sent or ":" in sent) and (bare := _bare(sent)):
        return bare
    if _KEYWORD.fullmatch(sent):
        return URL(sent.lower(), "", "")
    scheme = _SCHEME.match(sent)
    if scheme is None:
        return NONE
    if scheme[1].lower() in _NETWORK_SCHEMES:
        return _clean_network(sent)
    return URL(sent if sent in VERBATIM else scheme[1].lower(), "", "")


def stored(text: str) -> URL:
    """Return the URL whose text ``clean`` returned, without cleaning it again."""
    _, separator, rest = text.partition("://")
    if not separator:
        return _bare(text) or URL(text, "", "")
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


def _bare(sent: str) -> URL | None:
    """Return a URL that was sent without its scheme; None for a keyword or a scheme."""
    if ("::" in sent or sent.count(":") == _COLONS_6) and _ADDRESS_6.fullmatch(sent):
        sent = f"[{sent}]"
    match = _BARE.match(sent)
    if match is None or _is_word(match, sent):
        return None
    try:
        address = f"https://{sent.removeprefix('//')}"
        parts = ada_url.parse_url(address, attributes=("host", "hostname", "pathname"))
    except ValueError:
        return None
    path = parts["pathname"] if sent[match.end() : match.end() + 1] == "/" else ""
    whole = parts["host"] + path
    if len(parts["hostname"]) > _MAX_HOST:
        return None
    return _bare(text.cut(whole, MAX_URL)) if len(whole) > MAX_URL else URL(whole, parts["hostname"], path)


def _is_word(match: re.Match[str], sent: str) -> bool:
    """Return whether a name with a dot is no host: the name of an app or a file."""
    top, name = (match["top"] or "").lower(), (match["name"] or "").lower()
    is_app = name.partition(".")[0] in _APP and match.end() == len(sent)
    return top in _FILES or (is_app and len(top) > _COUNTRY and top not in _APP) or match[0].lower() in _WORDS


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
