"""Secrets in text that follow a name: ``password = "…"``, ``Cookie: …``, ``'nonce-…'``.

No mask lengthens a text, and masking twice is masking once. All functions take linear time.
"""

from __future__ import annotations

import re
from typing import Final

from workers.scrub import names
from workers.text import letters

_W: Final = letters.WORD
_TOKEN: Final = "{token}"  # noqa: S105 - a placeholder
_SHORT: Final = "…"
"""The replacement for values that are shorter than the placeholder."""

_NAME: Final = (
    r"(?:token|secret|passw(?:or)?d|passphrase|pwd|(?:api|private|access|client)[_-]?key|sess(?:ion)?[_-]?id"
    rf"|cookie|headers|credentials?|authori[sz]ation|[cx]srf|jwt|nonce)(?-i:[{_W}.\[\]-]){{0,24}}"
)
_IS: Final = (
    r"(?:\\{0,8}[\"'`]?[\])]?\s{0,4}(?:={1,3}>?|:|%3[AD]|\s(?:value|content)\s?=)\s{0,4}"
    r"|\\{0,8}[\"'`]\s?,\s{0,4}(?:\\{0,8}[\"'`](?:val(?:ue)?|content|data|v)\\{0,8}[\"'`]\s?:\s{0,4})?"
    rf"(?=\\{{0,8}}[\"'`])|(?<=(?-i:[{_W}-]))\s?>)"
)
"""The text between a name and its value in code, in JSON, in a call and in HTML."""
_QUOTED: Final = "|".join(
    rf"(?<!\\){quote}((?:[^{quote}\\]|\\.)++)|(?<=\\){quote}([^{quote}]++)" for quote in "\"'`"
)
_VALUE: Final = (
    rf"\\{{0,8}}(?:{_QUOTED}|\[([^\]]++)|\{{(?![a-z]{{1,8}}\}})([^}}]++))"
    rf"|((?=[A-Za-z_.~+/%-]{{0,64}}[0-9])(?-i:[{_W}.~+/%-]){{4,}}+)"
)
"""A value. Outside quotes most text is code and no secret; an unquoted secret therefore needs a digit."""
_NAMED: Final = re.compile(rf"({_NAME}{_IS})(?:{_VALUE})", re.IGNORECASE | re.DOTALL)
_ELEMENT: Final = re.compile(
    rf"(<(?-i:[{_W}:.-]){{0,32}}{_NAME}(?:\s[^<>]{{0,128}})?>)([^<>]++)", re.IGNORECASE
)
_IN_QUERY: Final = re.compile(
    rf"((?<=[?&;])(?-i:[{_W}.\[\]-]){{0,32}}?(?:{_NAME}|sid|auth|pass|otp)=)([^&;\s\"'<>#]++)", re.IGNORECASE
)
_HEADER: Final = (
    r"(?:cookie2?|authori[sz]ation|x-forwarded-for|x-real-ip|forwarded|client-ip)\s?:\s{0,4}"
    r"(?:(?:basic|bearer|digest|negotiate|token|apikey)\s+)?"
)
_HEADER_IN_QUOTES: Final = re.compile(
    rf"((?<=[\"'`])(?:(?-i:[{_W}-]){{0,16}}-)?{_HEADER})([^\r\n\"'`]++)", re.IGNORECASE
)
_HEADER_LINE: Final = re.compile(
    rf"((?<![\"'`])(?<![\"'`]set-)(?<![\"'`]proxy-){_HEADER})([^\r\n]++)", re.IGNORECASE
)
_BEARER: Final = re.compile(
    r"(\b(?:bearer|basic)\s)((?=[A-Za-z_.~+/-]{0,64}[0-9=])[\w.~+/-]{8,}+=*)", re.IGNORECASE | re.ASCII
)

_MEMBER: Final = re.compile(rf"[\"'`]([A-Za-z_][{_W} .\[\]-]{{0,63}}+)\\{{0,8}}[\"'`]\s{{0,4}}:\s{{0,4}}")
_DATA: Final = re.compile(
    rf"(?=[\[{{]\s{{0,4}}[\[{{\\\"'`0-9-])|\\{{0,8}}([\"'`])(?=[^\"'`\\])|(?=-?[0-9])(?-i:[{_W}.+-])++"
)
"""The beginning of a JSON value within a text; code does not match."""
_BRACKET: Final = re.compile(r"[\[\]{}]")

_QUOTE: Final = r"(?:['\"\u2018\u2019\u201c\u201d]|%(?:25)*27|\\u0027|\\x27|&\#0*39;|&\#x0*27;|&apos;)"
_NONCE: Final = re.compile(
    rf"({_QUOTE}nonce[-\u2010\u2011\u2013]\s?)([^\s'\";,\u2019\u201d]++)", re.IGNORECASE
)
"""The nonce of a policy, in any kind of quotes, even if the policy was cut short."""
_BARE_NONCE: Final = re.compile(
    r"((?<![0-9A-Za-z_/.-])nonce[-\u2010\u2011\u2013]\s?)([^\s'\";,\u2019\u201d]++)", re.IGNORECASE
)


def mask(text: str) -> str:
    """Return the text without the values that follow the name of a secret."""
    if ":" in text:
        text = _HEADER_LINE.sub(_hidden, _HEADER_IN_QUOTES.sub(_hidden, _mask_members(text)))
    text = _NAMED.sub(_hidden, text)
    if "<" in text:
        text = _ELEMENT.sub(_hidden, text)
    if "=" in text:
        text = _IN_QUERY.sub(_hidden, text)
    return _BEARER.sub(_hidden, text)


def _mask_members(text: str) -> str:
    """Return the text without the values of members of JSON in it that are private by their name."""
    kept: list[str] = []
    end = 0
    member = _MEMBER.search(text)
    while member is not None:
        after = member.end() - 1  # a quote before the value may begin the next
        if names.what_is(member[1]) is names.What.PRIVATE and (data := _DATA.match(text, member.end())):
            start, after = data.end() if data[1] else data.start(), _end_of(text, data)
            kept += text[end:start], _placeholder(text[start:after])
            end = after
        member = _MEMBER.search(text, after)
    return "".join([*kept, text[end:]]) if kept else text


def _end_of(text: str, data: re.Match[str]) -> int:
    """Return where a value ends; one that was cut short ends with the text."""
    if data[1]:
        found = text.find(data[1], data.end())
        return len(text) if found < 0 else found
    if data[0]:
        return data.end()
    depth = 0
    for bracket in _BRACKET.finditer(text, data.start()):
        depth += 1 if bracket[0] in "[{" else -1
        if not depth:
            return bracket.end()
    return len(text)


def _placeholder(value: str) -> str:
    return _TOKEN if len(value) >= len(_TOKEN) else _SHORT


def cut_nonces(text: str, *, is_policy: bool = False) -> str:
    """Return the text without the nonces of policies; in a policy a nonce needs no quotes."""
    if "nonce" not in text.lower():
        return text
    text = _NONCE.sub(r"\1…", text)
    return _BARE_NONCE.sub(r"\1…", text) if is_policy or "-src" in text else text


def _hidden(found: re.Match[str]) -> str:
    value = found[found.lastindex or 0]
    secret = value.rstrip("\\")  # of a quote that closes: it is escaped
    if not secret:
        return found[0]
    start = len(found[0]) - len(value)
    return f"{found[0][:start]}{_placeholder(secret)}{value[len(secret) :]}"
