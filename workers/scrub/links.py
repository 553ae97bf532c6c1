"""URLs within text, which lose user info, query and fragment, or all but the scheme if not on the network.

A URL in quotes ends at the closing quote. Any other URL ends at a blank, a quote or a bracket. The character
that ends a URL stays, so that cutting twice is cutting once. All functions take linear time.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from workers.text import letters

_W: Final = letters.WORD
_END: Final = r"\s\"'<>`"
"""Characters that end a URL outside quotes."""
_NETWORK: Final = re.compile(r"https?|wss?|ftp", re.IGNORECASE)
_CODE: Final = r"\s*+".join("javascript"), r"\s*+".join("vbscript"), r"\s*+".join("livescript")
"""Schemes before code, with the blanks in them that browsers skip (URL standard, basic URL parser)."""
_SCHEME: Final = re.compile(
    rf"(?:\A|(?<=[\"'`]))((?i:{'|'.join(_CODE)})):"
    rf"|(?<![A-Za-z0-9+.-])(?:((?i:{'|'.join(_CODE)}))|([A-Za-z0-9+.-]++)):(?=\S)"
    r"|(?<![A-Za-z0-9+.-])://"
)
_OPAQUE: Final = re.compile(
    r"mailto|tel|sms|smsto|mms|callto|facetime|skype|whatsapp|geo|cid|mid|urn|magnet|intent|market|jar|about"
    r"|blob|filesystem|view-source",
    re.IGNORECASE,
)
_EXTENSION: Final = re.compile(r"[a-z-]{1,32}-extension", re.IGNORECASE)
_DATA: Final = re.compile(rf"(?:[{_W}.+-]++/[{_W}.+*-]++)?(?:;[{_W}.+-]++(?:=[{_W}.+-]*+)?)*+,")
"""The media type between ``data:`` and the data (RFC 2397)."""
_HIERARCHY: Final = re.compile(r"\\*/\\*/|\\{2,}")
_PATH: Final = re.compile(rf"(?![0-9])[{_W}.~%+@-]{{1,256}}/")
"""A path that makes a URL of a word that is no known scheme."""
_DRIVE: Final = re.compile(r"[\\/]")
_IN_CODE: Final = re.compile(r"[0-9A-Za-z_?:.,;{}&|!+*/%^~$@#)\]\\-]")
"""Characters before a word that show that the word is no scheme."""

_SLASHES: Final = re.compile(r"[\\/]*+")
_USER_INFO: Final = re.compile(rf"(?:[^{_END}/?#@\\]*+@)*+")
_FIRST_USER_INFO: Final = re.compile(r"(?:[^\r\n/?#@\\]*+@)*+")
_INSTALLATION: Final = re.compile(rf"[^{_END}/:?#\\]*+")
_QUERY: Final = frozenset("?#")


class _Extent(NamedTuple):
    """How far a URL reaches: to its query, and to its end."""

    path: re.Pattern[str]
    whole: re.Pattern[str]


_UNQUOTED: Final = _Extent(re.compile(rf"[^{_END}?#]*+"), re.compile(rf"[^{_END}]*+"))
_ALL: Final = _Extent(re.compile(r"[^?#\r\n]*+"), re.compile(r"[^\r\n]*+"))
"""The extent of a URL with which a text begins: a blank may be part of that URL, so it does not end it."""
_QUOTED: Final = {
    quote: _Extent(
        re.compile(rf"(?:[^{quote}\\?#]|\\[^?#])*+\\?+", re.DOTALL),
        re.compile(rf"(?:[^{quote}\\]|\\.)*+", re.DOTALL),
    )
    for quote in "\"'`"
}

_ANY: Final = re.compile(rf"(://[^{_END}?#]*+)(?:[?#][^{_END}]*+)?+")
"""A URL, whatever stands before it. A match covers the whole URL, so no part is looked at again."""
_ANY_USER_INFO: Final = re.compile(rf"(://|(?:\A|(?<=[{_END}(=,]))[\\/]{{2,4}})(?:[^{_END}/?#@\\]*+@)++")
_NAME: Final = rf"[{_W}.~%\[\]-]{{1,128}}="
"""The first name in a query. Little code that holds a ? has such a name after it."""
_RELATIVE: Final = re.compile(
    rf"(?:\A|(?<=[{_END}(]))(\.{{0,2}}/[^{_END}(?#]*+)[?#](?=[^{_END}=]{{0,256}}=)[^{_END}]*+"
    rf"|(?:\A|(?<=[{_END}(]))([\\/]{{2,4}}[{_W}-]++(?:\.[{_W}-]++)++[^{_END}(?#]*+)[?#][^{_END}]++"
    rf"|(?<=[\s])([{_W}.-]{{1,128}}/[^{_END}(?#]*+)[?#](?={_NAME})[^{_END}]*+"
)
_IN_QUOTES: Final = tuple(
    re.compile(
        rf"(?<={quote})(\.{{0,2}}/[{_W}./~%@;,+&=:!$*-]{{0,2048}}+|[{_W}./~%@:-]{{0,256}}+(?=[?#]{_NAME}))"
        rf"[?#][^{quote}]*+"
    )
    for quote in "\"'`"
)
_WHOLE: Final = re.compile(
    rf"(\.{{0,2}}/[^{_END}?#]*+)[?#][^{_END}]*+"
    rf"|([^{_END}:?#(){{}};,]*+)[?#][{_W}.~%-]++=[{_W}.~%&=+/-]*+"
)
"""A text that is nothing but a relative URL with a query."""

_IN_POLICY: Final = re.compile(r"[?#][^\s;]++(?:;[^\s;='\"]*+=[^\s;]*+)*+")
"""A query in a policy. No other part of a policy has a ? or #, and no directive has a =."""
_OPAQUE_IN_POLICY: Final = re.compile(
    r"(?<![A-Za-z0-9+.:\[-])(?!(?:https?|wss?|ftp):)([A-Za-z][A-Za-z0-9+.-]*+:)(?![0-9*])"
    r"(?:[^\s;,]++(?:;base64)?+|;base64)?+(?:,[^\s;]*+)?+",
    re.IGNORECASE,
)
_REPORT_URI: Final = re.compile(r"report-uri(?:\s++[^\s;\"'<>`]++)++", re.IGNORECASE)


def cut(text: str) -> str:
    """Return the text with its URLs cut."""
    if ":" in text:
        text = _ANY.sub(r"\1", _cut_schemes(text))
    if "@" in text:
        text = _ANY_USER_INFO.sub(r"\1", text)
    if "?" in text or "#" in text:
        text = _cut_relative(_REPORT_URI.sub(_cut_in_policy, text))
    return text


def cut_policy(text: str) -> str:
    """Return a policy with its URLs cut, relative ones too."""
    text = _OPAQUE_IN_POLICY.sub(r"\1", _IN_POLICY.sub("", text))
    return _ANY_USER_INFO.sub(r"\1", text)


def _cut_relative(text: str) -> str:
    if whole := _WHOLE.fullmatch(text):
        return whole[1] or whole[2] or ""
    text = _RELATIVE.sub(_path_of, text)
    for quoted in _IN_QUOTES:
        text = quoted.sub(r"\1", text)
    return text


def _cut_in_policy(found: re.Match[str]) -> str:
    return _IN_POLICY.sub("", found[0])


def _path_of(found: re.Match[str]) -> str:
    return found[1] or found[2] or found[3]


def _cut_schemes(text: str) -> str:
    kept: list[str] = []
    end = 0
    found = _SCHEME.search(text)
    while found is not None:
        piece, after = _cut_one(text, found)
        kept += text[end : found.start()], piece
        end = after
        found = _SCHEME.search(text, after)
    return "".join([*kept, text[end:]]) if kept else text


def _cut_one(text: str, found: re.Match[str]) -> tuple[str, int]:
    """Return what is kept of a possible URL, which begins with a word and a colon, and where the URL ends."""
    whole, code, scheme = found.groups()
    start, stop = found.span()
    extent = _extent(text, start)
    if whole or code:
        return found[0], _end_of_content(text, start, stop)
    if not scheme or _NETWORK.fullmatch(scheme):
        private = _USER_INFO if start else _FIRST_USER_INFO
        return _without_query(text, start, _end(_SLASHES, text, stop), private, extent)
    if scheme.lower() == "data" and (media := _DATA.match(text, stop)):
        is_encoded = media[0].endswith(";base64,")
        return found[0], _end(extent.whole, text, stop) if is_encoded else _end_of_content(text, start, stop)
    is_hierarchy = _HIERARCHY.match(text, stop)
    if is_hierarchy and _EXTENSION.fullmatch(scheme):
        return _without_query(text, start, is_hierarchy.end(), _INSTALLATION, extent)
    if is_hierarchy or _is_opaque(text, scheme, start, stop):
        return found[0], _end(extent.whole, text, stop)
    return found[0], stop


def _extent(text: str, start: int) -> _Extent:
    """Return how far the URL reaches that begins here: an escaped quote before it closes as it opens."""
    if not start:
        return _ALL
    before = text[start - 1 : start]
    if before not in _QUOTED or text[start - 2 : start - 1] == "\\":
        return _UNQUOTED
    return _QUOTED[before]


def _end_of_content(text: str, start: int, stop: int) -> int:
    """Return where a URL ends that is code or a document, and may hold the characters that end other URLs."""
    before = text[start - 1 : start]
    last = text.rfind(before, stop) if before in _QUOTED else -1
    return len(text) if last < 0 else last


def _is_opaque(text: str, scheme: str, start: int, stop: int) -> bool:
    """Return whether a word before a colon is a scheme of URLs that are not on the network."""
    if _OPAQUE.fullmatch(scheme):
        return True
    if not scheme[0].isalpha() or _IN_CODE.fullmatch(text[start - 1 : start]):
        return False
    path = _DRIVE if len(scheme) == 1 else _PATH
    return path.match(text, stop) is not None


def _without_query(
    text: str, start: int, authority: int, private: re.Pattern[str], extent: _Extent
) -> tuple[str, int]:
    """Return a URL without its query, and without what is private at the start of its authority."""
    host = _end(private, text, authority)
    end = after = _end(extent.path, text, host)
    if text[end : end + 1] in _QUERY:
        after = _end(extent.whole, text, end)
    return text[start:authority] + text[host:end], after


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Return where the match of a pattern ends, or the start if there is no match."""
    found = pattern.match(text, start)
    return found.end() if found else start
